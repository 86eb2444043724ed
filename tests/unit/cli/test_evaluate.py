"""`segcore evaluate`: scores that are printed and stored."""

import json
import re

from segcore.cli import main
from segcore.data import open_dataset, plan_split
from segcore.metrics import POLICY
from segcore.runs import RunWriter, ScoreInfo, load_run


def test_evaluate_prints_and_stores_the_scores(run, store, folder, capsys):
    assert main(["evaluate", "fake-fcn", "--runs", str(store.root), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    again = load_run(run.path)
    evaluation = again.evaluation("test")
    assert evaluation.ids == ("test0", "test1", "test2")
    assert again.summary.test.miou == evaluation.scores.miou
    assert f"{evaluation.scores.miou:.4f}" in printed
    assert "fake-fcn (FCN-32s) on camvid test, 3 images" in printed
    assert "IoU Bicyclist" in printed
    more = evaluation.image_miou, evaluation.boundary.boundary_f1, evaluation.calibration.before.ece
    for name, value in zip(("image mIoU", "boundary F1", "calibration error"), more, strict=True):
        assert re.search(rf"{name} .*{value:.4f}", printed)
    assert "at temperature" not in printed  # which validation, not evaluated yet, would tell
    assert "ECE, scaled, needs the temperature fitted on val, which is not stored." in printed
    assert f"`segcore evaluate {run.path} --split val`; `segcore evaluate {run.path} --split test`" in printed
    assert POLICY in printed
    assert "not the data of the run" not in printed


def test_other_data_is_stored_beside_and_leaves_the_runs_own_scores(run, store, folder, capsys):
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    before = load_run(run.path).summary
    (folder / "train" / "train0.png").unlink()
    (folder / "trainannot" / "train0.png").unlink()
    assert main(["evaluate", str(run.path), "--data", str(folder), "--device", "cpu"]) == 0
    assert "not the data of the run; stored beside" in capsys.readouterr().out
    again = load_run(run.path)
    assert again.summary == before
    first = f"camvid-{open_dataset(folder, labels='camvid11').fingerprint[:6]}-test"
    assert again.splits == (first, "test")
    for place in ("test", "testannot"):  # another dataset of the same name
        (folder / place / "test1.png").unlink()
    assert main(["evaluate", str(run.path), "--data", str(folder), "--device", "cpu"]) == 0
    second = f"camvid-{open_dataset(folder, labels='camvid11').fingerprint[:6]}-test"
    assert set(load_run(run.path).splits) == {first, second, "test"}


def test_validation_is_what_the_run_took_from_train(run, folder, capsys):
    dataset = open_dataset(folder, labels="camvid11")
    plan = plan_split(dataset, method="frame", val_fraction=0.5, seed=3)
    trained = run.summary.dataset.model_copy(update={"split": "frame", "split_fingerprint": plan.fingerprint})
    writer = RunWriter(run.path)
    writer.write_config({"val_fraction": 0.5, "copies": 0, "seed": 3})
    writer.write_summary(run.summary.model_copy(update={"dataset": trained, "seed": 3}))
    for split in ("val", "train"):
        assert main(["evaluate", str(run.path), "--split", split, "--device", "cpu"]) == 0
    again = load_run(run.path)
    assert again.evaluation("val").ids == tuple(item.id for item in plan.val)
    assert again.evaluation("train").ids == tuple(item.id for item in plan.train)
    assert again.summary.val.miou == again.evaluation("val").scores.miou
    assert "neighbours in time" in again.leak("val") and again.leak("test") is None  # looked for now: training had not
    writer.write_config({"val_fraction": 0.5, "copies": 1, "seed": 3})
    assert main(["evaluate", str(run.path), "--split", "val", "--device", "cpu"]) == 2
    assert "The split of run 'fake-fcn' can't be made again from its" in capsys.readouterr().err
    assert main(["evaluate", str(run.path), "--split", "vall", "--device", "cpu"]) == 2
    assert "No split 'vall'. Did you mean 'val'? Choose one of train, val, test." in capsys.readouterr().err


def test_evaluations_at_once_keep_the_scores_of_each_and_say_what_speaks_against_them(
    run, store, folder, capsys, monkeypatch
):
    import segcore.evaluation

    notes = run.summary.dataset.model_copy(update={"leaks": {"test": "It measures memory."}})
    RunWriter(run.path).write_summary(run.summary.model_copy(update={"dataset": notes}))
    evaluate = segcore.evaluation.evaluate

    def meanwhile(*arguments, **options):
        now = load_run(run.path).summary  # `--split val` is done while this one predicts
        done = evaluate(*arguments, **options)
        result = ScoreInfo.from_counts(done.total, run.labels)
        RunWriter(run.path).write_summary(now.model_copy(update={"val": result}))
        return done

    monkeypatch.setattr(segcore.evaluation, "evaluate", meanwhile)
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    again = load_run(run.path).summary
    assert again.val is not None and again.test == again.val
    assert "It measures memory." in capsys.readouterr().out
    assert main(["runs", "--runs", str(store.root)]) == 0
    printed = capsys.readouterr().out
    assert f"{again.test.miou:.3f} !" in printed and "! A leak check warns about this score" in printed


def test_validation_of_a_fold_is_that_fold(run, folder):
    plan = plan_split(open_dataset(folder, labels="camvid11"), method="frame", seed=3, folds=2, fold=1)
    trained = run.summary.dataset.model_copy(update={"split": "folds", "split_fingerprint": plan.fingerprint})
    writer = RunWriter(run.path)
    writer.write_config({"split": "frame", "seed": 3, "folds": 2, "fold": 1})
    writer.write_summary(run.summary.model_copy(update={"dataset": trained, "seed": 3}))
    assert main(["evaluate", str(run.path), "--split", "val", "--device", "cpu"]) == 0
    assert load_run(run.path).evaluation("val").ids == tuple(item.id for item in plan.val)


def test_a_run_that_can_not_be_read_is_an_error(store, fake_run, capsys):
    run = fake_run(store, "fake", evaluated=False)
    values = json.loads((run.path / "summary.json").read_text())
    (run.path / "summary.json").write_text(json.dumps(values | {"schema_version": 9}))
    assert main(["evaluate", "fake", "--runs", str(store.root)]) == 2
    assert "is of schema 9; this Segcore reads schema 1. Update Segcore." in capsys.readouterr().err
    assert main(["evaluate", "fakk", "--runs", str(store.root)]) == 2
    assert "Did you mean 'fake'? Choose one of fake." in capsys.readouterr().err


def test_a_run_that_may_not_be_read_is_said(run, capsys, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", "summary.json")

    monkeypatch.setattr("segcore.runs.run_store.load_run", forbidden)
    assert main(["evaluate", str(run.path)]) == 2
    assert capsys.readouterr().err == "segcore: summary.json: Permission denied.\n"


def test_other_ways_to_predict_are_stored_beside_the_plain_one(run, capsys):
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    before = load_run(run.path).summary
    capsys.readouterr()
    assert main(["evaluate", str(run.path), "--device", "cpu", "--tta", "flip", "--window", "32x48"]) == 0
    printed = capsys.readouterr().out
    assert "Not the plain prediction: stored as test+flip+32x48 in" in printed
    assert "The scores of test stay as they are." in printed
    assert f"`segcore evaluate {run.path} --split val --tta flip --window 32x48`" in printed
    again = load_run(run.path)
    assert again.summary == before
    assert again.splits == ("test", "test+flip+32x48")
    assert again.evaluation("test+flip+32x48").ids == again.evaluation("test").ids
    assert main(["evaluate", str(run.path), "--split", "test+flip"]) == 2
    assert "'test+flip' is the name of stored results; expected a split." in capsys.readouterr().err


def test_images_of_a_list_are_scored_from_what_is_stored(run, store, folder, capsys, tmp_path):
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("test2\ntrain0\ntest0\n")
    words = ["evaluate", str(run.path), "--device", "cpu", "--only", str(chosen)]
    assert main(words) == 0  # evaluates first
    printed = capsys.readouterr().out
    assert "chosen.txt: 2 of 3 images of camvid test" in printed and "on camvid test, 3 images" in printed
    stored = load_run(run.path)
    part = stored.evaluation("test").only(["test0", "test2"])
    assert f"{part.scores.miou:.4f}" in printed.split("chosen.txt")[1]
    assert stored.splits == ("test",) and stored.summary.test.miou == stored.evaluation("test").scores.miou
    changed = stored.version
    assert main(words) == 0
    assert (
        "3 images" not in capsys.readouterr().out.replace("of 3 images", "") and load_run(run.path).version == changed
    )


def test_what_only_cannot_do_is_said(run, folder, capsys, tmp_path):
    assert main(["evaluate", str(run.path), "--device", "cpu"]) == 0
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("train0\n")
    for words, message in {
        ("--only", str(chosen)): "None of the 1 images of chosen.txt (train0) is among the 3 of test",
        ("--only", "night"): "No tag 'night' of",
        ("--only", str(chosen), "--tta", "flip"): "--only scores what is stored, and --tta makes other predictions",
        ("--only", str(chosen), "--split", "test+flip"): "No stored evaluation 'test+flip'",
    }.items():
        capsys.readouterr()
        assert main(["evaluate", str(run.path), "--device", "cpu", *words]) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")
