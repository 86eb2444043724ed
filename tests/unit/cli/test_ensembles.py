"""`segcore evaluate --with`: an ensemble becomes a run that every command knows."""

import re
import shutil

import numpy as np
import pytest
import torch
from fixtures.tiny import camvid_folder
from PIL import Image

from segcore.cli import main
from segcore.data import open_dataset, plan_split
from segcore.errors import EvaluationError, RunError
from segcore.evaluation import Ensemble, Predictor, open_predictor
from segcore.evaluation.export_model import export_model
from segcore.evaluation.imports import import_predictions
from segcore.evaluation.profile import profile
from segcore.models import create_model, save_model
from segcore.runs import Profile, RunWriter, load_run, write_profile
from segcore.runs.probability_files import read_probabilities
from segcore.runs.remake import remake_command
from segcore.runs.reproduce import recreate_plan
from segcore.runs.summary import Member

NAME = "ensemble-one_two"
TEST = ("test0", "test1")


@pytest.fixture
def data(tmp_path):
    """Four training and two test frames in SegNet's layout, void as id 11."""
    return camvid_folder(tmp_path / "camvid", train=4, test=2)


@pytest.fixture
def train(store, fake_run, data):
    """`train(name)` is an untrained FCN-32s, recorded as trained on `data`; `changes` are of its dataset."""

    def make(name, method="frame", seed=0, **changes):
        run = fake_run(store, name, model="fcn32s", source=str(data), evaluated=False, seed=len(store.list()))
        torch.manual_seed(len(name))
        save_model(create_model("fcn32s", encoder="resnet18", encoder_weights="none", classes=11), run.path)
        dataset = open_dataset(data, labels="camvid11")
        plan = plan_split(dataset, method=method, val_fraction=0.5, seed=seed)
        known = {"fingerprint": dataset.fingerprint, "name": "camvid", "split": plan.method}
        known |= {"split_fingerprint": plan.fingerprint} | changes
        writer = RunWriter(run.path)
        writer.write_config({"data": str(data), "val_fraction": 0.5, "copies": 0})
        seeded = run.summary.model_copy(update={"seed": seed})
        writer.write_summary(seeded.model_copy(update={"dataset": run.summary.dataset.model_copy(update=known)}))
        return load_run(run.path)

    return make


@pytest.fixture
def evaluate(store, train):
    """`evaluate(*words)` runs `segcore evaluate one --with two ...` and returns its exit code."""
    train("one")
    train("two")

    def call(*words):
        return main(["evaluate", "one", "--runs", str(store.root), "--with", "two", "--device", "cpu", *words])

    return call


def test_an_ensemble_is_scored_and_stored_as_a_run_of_its_own(evaluate, store, data, capsys):
    assert evaluate("--split", "val") == 0
    printed = capsys.readouterr().out
    assert f"{NAME} (Ensemble of 2 FCN-32s) on camvid val, 2 images" in printed
    assert f"stored as a run of its own in {store.root / NAME}." in printed
    assert evaluate() == 0  # into the same run
    assert "stored as a run of its own" not in capsys.readouterr().out
    run, one, two = (store.get(name) for name in (NAME, "one", "two"))
    assert run.splits == ("test", "val") and run.summary.test.miou == run.evaluation("test").scores.miou
    assert run.summary.parameters == one.summary.parameters + two.summary.parameters
    assert run.summary.train_seconds == one.summary.train_seconds + two.summary.train_seconds
    dataset, both = open_dataset(data, labels="camvid11"), Ensemble([one, two], device="cpu")
    for sample_id in run.evaluation("test").ids:
        assert (run.evaluation("test").prediction(sample_id) == both(dataset.image(sample_id)).mask).mean() > 0.999
    fitted = run.evaluation("val").calibration.temperature
    assert fitted is not None and run.evaluation("test").calibration.temperature == fitted
    assert main(["leaderboard", "--runs", str(store.root)]) == 0
    assert "| Ensemble of 2 FCN-32s |" in capsys.readouterr().out
    assert main(["runs", "--runs", str(store.root)]) == 0
    assert NAME in capsys.readouterr().out


def test_it_is_evaluated_and_predicts_by_its_own_name(evaluate, store, tmp_path, capsys):
    assert evaluate("--name", "my both") == 0
    assert main(["evaluate", "my-both", "--runs", str(store.root), "--device", "cpu", "--tta", "flip"]) == 0
    run = store.get("my-both")
    assert run.splits == ("test", "test+flip")
    image = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)).save(image)
    capsys.readouterr()
    assert main(["predict", str(run.path), str(image), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert capsys.readouterr().out.endswith("images/s: FCN-32s and FCN-32s averaged\n")
    one, two = run.path.parent / "one", run.path.parent / "two"
    assert remake_command(run, "val") == f"segcore evaluate {one} --with {two} --name my-both --split val"


def test_an_interrupted_one_leaves_nothing(evaluate, store, monkeypatch):
    import segcore.evaluation

    def stopped(*_arguments, **_options):
        assert store.get(NAME).summary.members  # whole, while it is being scored
        raise KeyboardInterrupt

    monkeypatch.setattr(segcore.evaluation, "evaluate", stopped)
    assert evaluate() == 130
    assert sorted(path.name for path in store.root.iterdir()) == ["one", "two"]
    monkeypatch.undo()
    assert evaluate() == 0
    monkeypatch.setattr(segcore.evaluation, "evaluate", stopped)
    assert evaluate("--split", "val") == 130
    assert store.get(NAME).splits == ("test",)  # what was scored before stays


def test_one_model_is_wanted(evaluate, store, capsys):
    assert evaluate() == 0
    run = store.get(NAME)
    for refused in (lambda: Predictor(run), lambda: profile(run), lambda: export_model(run, "onnx", store.root)):
        with pytest.raises(EvaluationError, match=f"Run '{NAME}' is an ensemble, and can't .* one model.*one two"):
            refused()
    with pytest.raises(RunError, match="is an ensemble and has no weights of its own, only its members: one, two"):
        _ = run.weights
    assert len(open_predictor(run, device="cpu").members) == 2
    assert main(["evaluate", "one", "--with", NAME, "--runs", str(store.root)]) == 2
    assert "can't be a member of another ensemble. Name its members: one two" in capsys.readouterr().err


def test_members_that_are_gone_are_named_and_the_tables_stay(evaluate, store, capsys):
    assert evaluate() == 0
    one = store.get("one")
    write_profile(one.path, Profile(parameters=1, macs=2, height=3, width=4, model_mb=5, train_minutes=6))
    assert store.get(NAME).profile is None
    write_profile(store.get("two").path, Profile(parameters=1, macs=2, height=3, width=4, model_mb=5, train_minutes=6))
    assert (store.get(NAME).profile.macs, store.get(NAME).profile.model_mb) == (4, 10)
    RunWriter(one.path).write_summary(one.summary.model_copy(update={"created": "2027-01-01T00:00:00+00:00"}))
    with pytest.raises(RunError, match=r"its member 'one' was trained again since \(2027"):
        open_predictor(store.get(NAME), device="cpu")
    shutil.rmtree(one.path)
    assert main(["evaluate", NAME, "--runs", str(store.root)]) == 2
    output = f"Run '{NAME}' is an ensemble, and its member 'one' is not at {one.path}. Put it back, or make another"
    assert output in capsys.readouterr().err
    assert store.get(NAME).profile is None
    assert main(["leaderboard", "--runs", str(store.root)]) == 0
    assert "| Ensemble of 2 FCN-32s |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": "f" * 16}, r"their data differs \(camvid .*; camvid f{16}\). Combine runs of one dataset"),
        ({"void": "class"}, r"their treatment of void differs \(ignore; class\)"),
    ],
)
def test_runs_that_can_not_be_scored_together(train, store, capsys, changes, message):
    train("one")
    train("two", **changes)
    assert main(["evaluate", "one", "--with", "two", "--runs", str(store.root)]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert len(store.list()) == 2


def test_names_that_can_not_be_taken(evaluate, store, capsys):
    words = ["evaluate", "one", "--runs", str(store.root)]
    for more, message in (
        (["--name", "x"], "--name is what an ensemble is called; it needs --with RUN."),
        (["--with", "one"], "Two members are called 'one'; an ensemble takes each run once."),
        (["--with", "two", "--name", "two"], "two is another run already. Choose another name"),
        (["--with", "two", "--name", "///"], "No run can be called '///'; expected letters or digits."),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err
    assert len(store.list()) == 2


def test_folds_are_scored_on_test_alone(train, store, capsys):
    train("one", leaks={})
    train("two", split_fingerprint="0" * 16, leaks={"test": "It measures memory."})
    words = ["evaluate", "one", "--with", "two", "--runs", str(store.root), "--device", "cpu"]
    assert main([*words, "--split", "val"]) == 2
    assert "what validates one of them trained another" in capsys.readouterr().err
    assert len(store.list()) == 2
    assert main(words) == 0
    assert store.get(NAME).leak("test") == "It measures memory."


def test_its_validation_is_that_of_its_members_whatever_their_seed(train, store):
    train("one", seed=7)
    train("two", seed=7)
    words = ["evaluate", "one", "--with", "two", "--runs", str(store.root), "--device", "cpu", "--split", "val"]
    assert main(words) == 0  # the seed that divided the data divides it again
    run = store.get(NAME)
    wanted = recreate_plan(store.get("one"), open_dataset(run.summary.dataset.source, labels="camvid11")).scored("val")
    assert run.evaluation("val").ids == wanted


def test_it_is_as_new_as_what_is_read_of_its_members(evaluate, store):
    assert evaluate() == 0
    before = store.get(NAME).version
    for name in ("one", "two"):
        costs = Profile(parameters=1, macs=2, height=3, width=4, model_mb=5, train_minutes=6)
        write_profile(store.get(name).path, costs)
    assert store.get(NAME).version != before  # so that the app doesn't go on showing it without costs
    shutil.rmtree(store.get("one").path)
    assert store.get(NAME).version != before


def test_one_that_holds_an_ensemble_is_refused(evaluate, store):
    assert evaluate() == 0
    run = store.get(NAME)
    itself = Member(id=NAME, path=".", model="ensemble", created=run.summary.created)
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"members": (itself,)}))
    with pytest.raises(RunError, match=f"'{NAME}' is an ensemble, and its member '{NAME}' at .* is another"):
        _ = store.get(NAME).members
    assert store.get(NAME).profile is None


@pytest.fixture
def shares():
    """`shares(seed)`: probabilities `[11, 48, 64]` of each test image, in eighths, which 8 bits keep in order."""

    def make(seed):
        generator = np.random.default_rng(seed)
        counts = {name: generator.multinomial(8, np.full(11, 1 / 11), (48, 64)) for name in TEST}
        return {name: np.moveaxis(count / 8, -1, 0).astype(np.float32) for name, count in counts.items()}

    return make


@pytest.fixture
def imported(store, data):
    """`imported(name, pairs)` imports arrays by image id as predictions of the test images."""

    def make(name, pairs, split="test"):
        dataset = open_dataset(data, labels="camvid11")
        return import_predictions(pairs, dataset, split=split, name=name, out=store.root, progress=False)

    return make


def best(shares):
    return {name: share.argmax(axis=0).astype(np.uint8) for name, share in shares.items()}


def test_imported_probabilities_are_averaged(imported, shares, store, data, capsys):
    one, two = shares(1), shares(2)
    imported("one", one)
    imported("two", two)
    assert main(["evaluate", "one", "--with", "two", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert "one and two: by stored predictions, so the ensemble predicts no other images." in printed
    assert f"{NAME} (Ensemble of one and two) on camvid test, 2 images" in printed
    run = store.get(NAME)
    stored, info = run.evaluation("test"), run.summary
    for name in TEST:
        mean = (one[name] + two[name]) / 2
        assert (np.take_along_axis(mean, stored.prediction(name)[None], 0) == mean.max(axis=0)).all()
        assert np.abs(stored.confidence(name) - mean.max(axis=0)).max() < 0.03  # steps of 5 %
    assert stored.calibration is not None and not info.by_vote
    assert (info.encoder, info.parameters, info.train_seconds, info.dataset.leaks) == (None, None, None, None)


def test_a_trained_run_and_imported_probabilities_are_averaged(train, imported, shares, store, data):
    scores, one = shares(1), train("one")
    imported("two", scores)
    assert main(["evaluate", "one", "--with", "two", "--runs", str(store.root), "--device", "cpu"]) == 0
    stored, predictor = store.get(NAME).evaluation("test"), Predictor(one, device="cpu")
    dataset = open_dataset(data, labels="camvid11")
    for name in TEST:
        logits = torch.as_tensor(predictor.logits(dataset.image(name)))[None]
        own = torch.nn.functional.interpolate(logits, (48, 64), mode="bilinear")[0].softmax(0).numpy()
        assert (stored.prediction(name) == (own + scores[name]).argmax(axis=0)).mean() > 0.99


def test_runs_of_masks_vote(train, imported, shares, store, capsys):
    masks = [best(shares(seed)) for seed in (1, 2)]
    imported("two", masks[0])
    imported("three", masks[1])
    train("one")
    words = ["evaluate", "two", "--with", "three", "one", "--runs", str(store.root), "--device", "cpu"]
    assert main([*words, "--name", "vote"]) == 0
    printed = capsys.readouterr().out
    assert "vote on the class of each pixel, for want of probabilities of two (its predictions of" in printed
    run = store.get("vote")
    assert run.title == "Vote of two, three and FCN-32s" and run.evaluation("test").calibration is None
    for name in TEST:
        mask, (first, second) = run.prediction("test", name), (mask[name] for mask in masks)
        assert (mask[first == second] == first[first == second]).all()
        assert ((mask == first) | (mask == second)).all()  # of three different votes the first one counts
        assert 0 < (mask != first).mean()
    assert main(["predict", str(run.path), str(store.root), "--out", str(store.root / "out")]) == 2


@pytest.mark.parametrize("words", [["--tta", "flip"], ["--window", "32"], ["--backend", "torch"]])
def test_stored_predictions_are_not_made_in_another_way(words, train, imported, shares, store, capsys):
    train("one")
    imported("two", shares(1))
    assert main(["evaluate", "one", "--with", "two", "--runs", str(store.root), *words]) == 2
    assert (
        f"Run 'two' holds imported predictions, which were made already and can't be made again with {words[0]}."
        in (capsys.readouterr().err)
    )
    assert len(store.list()) == 2


def test_two_runs_do_not_vote(train, imported, shares, store, capsys):
    train("one")
    imported("two", best(shares(1)))
    words = ["evaluate", "one", "--with", "two", "--runs", str(store.root)]
    assert main(words) == 2
    message = "(two: its predictions of test are masks), and a vote needs three runs or more; there are 2. Name more"
    assert message in capsys.readouterr().err
    shutil.rmtree(store.root / "two")
    shutil.rmtree(imported("two", shares(1)).path / "evaluation" / "test" / "probabilities")
    assert main(words) == 2
    assert "(two: it was imported before probabilities were kept: import it again)" in capsys.readouterr().err
    assert len(store.list()) == 2


def test_images_without_a_stored_prediction_are_named_before_any_work(train, imported, shares, store, data, capsys):
    imported("one", shares(1))
    imported("two", shares(2))
    assert main(["evaluate", "one", "--with", "two", "--runs", str(store.root), "--split", "train"]) == 2
    error = capsys.readouterr().err
    assert "Run 'one' holds imported predictions of test, and none of image 'train0'. Import those" in error
    words = (
        f"segcore import PREDICTIONS --data {data} --split SPLIT --name one --labels camvid11 --out {store.root} --add"
    )
    assert words in error
    assert len(store.list()) == 2


def test_an_ensemble_whose_member_was_imported_again_as_masks_is_not_mixed(imported, shares, store):
    for seed, name in enumerate(("one", "two", "three")):
        imported(name, shares(seed))
    assert main(["evaluate", "one", "--with", "two", "three", "--runs", str(store.root), "--name", "all"]) == 0
    shutil.rmtree(store.root / "two" / "evaluation" / "test" / "probabilities")
    with pytest.raises(EvaluationError, match="The members of 'all' vote now, and were averaged when it was made"):
        open_predictor(store.get("all"), stored=True)


def test_broken_probabilities_are_named(imported, shares, store):
    run = imported("one", shares(1))
    path = run.path / "evaluation" / "test" / "probabilities" / "test0.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match=r"test0.npz holds no readable probabilities"):
        read_probabilities(run.path / "evaluation" / "test", "test0")
