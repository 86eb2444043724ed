"""Searching: what may be searched, what is kept, and that stops, kills and companions lose nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import optuna
import pandas as pd
import pytest
import yaml
from fixtures.tiny import tiny_folder
from fixtures.trainer import FakeSession, by_rate

from segcore.augment import presets
from segcore.errors import AugmentError, ConfigError, DatasetError, RunError, SegcoreError, TrainingError, UnknownModel
from segcore.runs.search import SearchStore
from segcore.training.config import build
from segcore.training.recipe_file import read_settings
from segcore.training.search import SearchPlan, read_space, search
from segcore.training.search.study_storage import open_storage, storage_errors

SPACE = "space: {lr: {low: 1.0e-4, high: 1.0e-2, log: true}, loss: [ce, ce+dice]}\n"
CONFIGS = Path(__file__).parents[3] / "configs"
TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny", train=16)


@pytest.fixture
def plan(data, tmp_path):
    """`plan(space=..., epochs=..., trials=..., ...)`."""

    def make(space=SPACE, epochs=3, **changes):
        path = tmp_path / "s.yaml"
        path.write_text(space)
        given = {"data": str(data), "epochs": epochs, "encoder_weights": "none", "encoder": "tu-test_efficientnet"}
        if "models" not in space:
            given["models"] = "unet"
        wanted = {"trials": 3, "folds": 2, "name": "s", "out": str(tmp_path / "out")}
        return SearchPlan(read_space(path, given), **(wanted | changes))

    return make


# The space file


def test_a_space_keeps_the_types_of_its_settings(tmp_path):
    (tmp_path / "mine.yaml").write_text(presets()["light"].to_yaml())
    (tmp_path / "base.yaml").write_text("epochs: 3\nname: old\nfolds: 5\nfold: 1\n")
    path = tmp_path / "s.yaml"
    path.write_text(
        "base: base.yaml\n"
        "space:\n"
        "  lr: {low: 1e-4, high: 1.0e-2, log: true}\n"  # YAML reads 1e-4 as text
        "  batch-size: {low: 2, high: 8, step: 2}\n"
        "  epochs: {low: 2, high: 9}\n"
        "  head_lr_factor: [null, 10]\n"
        "  augment: [light, mine.yaml]\n"
        "  progressive: [{}, {1: 64x64}]\n"
        "  models: [unet, fcn8s]\n"
    )
    space = read_space(path, {"epochs": "12"})
    assert space.base == {"epochs": 12} and space.most_epochs == 9
    assert space.plain() == {
        "lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "batch_size": {"low": 2, "high": 8, "step": 2},
        "epochs": {"low": 2, "high": 9},
        "head_lr_factor": [None, 10],
        "augment": ["light", "mine.yaml"],
        "progressive": ["{}", "{1: 64x64}"],
        "models": ["unet", "fcn8s"],
    }
    drawn = {"lr": 0.00123456789, "batch_size": 4, "epochs": 2, "head_lr_factor": None, "augment": "mine.yaml"}
    drawn |= {"progressive": "{1: 64x64}", "models": "fcn8s"}
    config = space.config(drawn, folds=2)
    assert (config.lr, config.batch_size, config.epochs, config.models) == (0.00123457, 4, 2, ("fcn8s",))
    assert config.progressive == {1: (64, 64)} and config.folds == 2
    assert config.pipeline == presets()["light"] and isinstance(config.augment, dict)  # the file is not needed again
    assert space.shown(drawn)["head_lr_factor"] == "null" and space.shown(drawn)["augment"] == "mine.yaml"
    assert space.params["batch_size"].grid == (2, 4, 6, 8) and space.params["lr"].grid is None


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("spaces: {lr: [1, 2]}", ConfigError, "s.yaml: No key 'spaces'. Did you mean 'space'? There are base, space."),
        ("base: null", ConfigError, "s.yaml: space is None; expected settings to search, such as space: {lr:"),
        ("space: [lr]", ConfigError, "s.yaml: space is ['lr']; expected settings to search"),
        ("space: {lr: [", ConfigError, "s.yaml, line 2: not YAML"),
        ("- lr", ConfigError, "s.yaml: not a search space; expected lines such as 'space: {lr: {low: 0.0001"),
        ("base: 3\nspace: {lr: [0.1, 0.2]}", ConfigError, "s.yaml: base is 3; expected the name of a recipe"),
        ("base: no.yaml\nspace: {lr: [0.1, 0.2]}", ConfigError, "Can't read the recipe"),
        (
            "space: {lrr: {low: 1, high: 2}}",
            ConfigError,
            "s.yaml: space.lrr: No setting 'lrr'. Did you mean 'lr'? There are",
        ),
        (
            "space: {model: [unet, fpn]}",
            ConfigError,
            "s.yaml: space.model: No setting 'model'. Did you mean 'models'? There are only, copies, augment",
        ),
        ("space: {seed: [1, 2]}", ConfigError, "s.yaml: space.seed can't be searched: the best of several seeds is"),
        ("space: {data: [a, b]}", ConfigError, "s.yaml: space.data can't be searched: it decides what is scored"),
        (
            "space: {image-size: [64x64, 96x96]}",
            ConfigError,
            "s.yaml: space.image-size can't be searched: validation is scored at this size",
        ),
        ("space: {folds: [2, 3]}", ConfigError, "s.yaml: space.folds can't be searched: the search decides it."),
        ("space: {workers: [2, 3]}", ConfigError, "s.yaml: space.workers can't be searched: it changes how fast"),
        (
            "space: {lr: 0.1}",
            ConfigError,
            "s.yaml: space.lr is 0.1; expected {low: ..., high: ...} or a list of choices. To fix it for all trials",
        ),
        ("space: {loss: ce}", ConfigError, "s.yaml: space.loss is 'ce'; expected a list of choices."),
        (
            "space: {loss: {low: 1, high: 2}}",
            ConfigError,
            "s.yaml: space.loss is {'low': 1, 'high': 2}, and loss is no",
        ),
        ("space: {nesterov: {low: 0, high: 1}}", ConfigError, "and nesterov is no number; expected a list of choices."),
        (
            "space: {lr: {lo: 1, high: 2}}",
            ConfigError,
            "s.yaml: space.lr: No key 'lo'. Did you mean 'low'? There are low, high, step, log.",
        ),
        ("space: {lr: {low: 1}}", ConfigError, "s.yaml: space.lr has no high; expected {low: ..., high: ...}."),
        ("space: {lr: {low: x, high: 2}}", ConfigError, "s.yaml: space.lr.low is 'x'; expected a number."),
        ("space: {lr: {low: .nan, high: 2}}", ConfigError, "s.yaml: space.lr.low is nan; expected a number."),
        ("space: {lr: {low: true, high: 2}}", ConfigError, "s.yaml: space.lr.low is True; expected a number."),
        ("space: {lr: {low: 2, high: 2}}", ConfigError, "s.yaml: space.lr: low is 2 and high is 2; expected low below"),
        ("space: {lr: {low: 1, high: 2, log: 1}}", ConfigError, "s.yaml: space.lr.log is 1; expected true or false."),
        ("space: {ema: {low: 0, high: 0.9, log: true}}", ConfigError, "space.ema: log is true and low is 0; expected"),
        ("space: {lr: {low: 1, high: 2, log: true, step: 1}}", ConfigError, "space.lr: log is true and a step; expec"),
        ("space: {lr: {low: 1, high: 2, step: -1}}", ConfigError, "s.yaml: space.lr.step is -1; expected a number abo"),
        ("space: {lr: {low: 1, high: 2, step: 0.3}}", ConfigError, "high is 2 and the last step below it is 1.9; exp"),
        ("space: {epochs: {low: 1, high: 2.5}}", ConfigError, "s.yaml: space.epochs.high is 2.5; expected a whole num"),
        (
            "space: {lr: {low: 0.1, high: 20}}",
            ConfigError,
            "s.yaml: space.lr.high: lr (--lr) is 20.0: Input should be less than or equal to 10.",
        ),
        (
            "space: {loss: [ce, cee]}",
            ConfigError,
            "s.yaml: space.loss, choice 'cee': No loss 'cee'. Did you mean 'ce'?",
        ),
        ("space: {models: [unet, unett]}", UnknownModel, "s.yaml: space.models, choice 'unett': No model 'unett'. Did"),
        ("space: {models: [unet, [fpn, pan]]}", ConfigError, "choice '[fpn, pan]' is fpn, pan; expected one model a c"),
        ("space: {augment: [light, ligt]}", AugmentError, "No pipeline 'ligt'. Did you mean 'light'?"),
        ("space: {loss: [ce]}", ConfigError, "s.yaml: space.loss is ['ce']; expected two or more. To fix it"),
        ("space: {loss: [ce, ce]}", ConfigError, "s.yaml: space.loss has 'ce' twice; expected each choice once."),
        ("space: {batch_size: [2, 0]}", ConfigError, "s.yaml: space.batch_size, choice 0: batch_size (--batch-size)"),
    ],
)
def test_bad_spaces(tmp_path, text, error, message):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(error, match=re.escape(message)):
        read_space(path, {"models": "unet"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {},
            "A trial trains one model, and the base of the search has fcn8s, unet, pspnet, deeplabv3plus. Name one (",
        ),
        ({"models": "unet", "repeats": 2}, "repeats is 2 in the base of the search: the search decides it."),
        ({"models": "unet", "launcher": "ray"}, "launcher is 'ray' in the base of the search: the search decides it."),
        (
            {"models": "unet", "name": "x"},
            "--name is for the search itself, before `--`: the search decides it for its",
        ),
        ({"models": "unet", "epochs": 0}, "epochs (--epochs) is 0: Input should be greater than or equal to 1."),
    ],
)
def test_bad_bases(tmp_path, given, message):
    path = tmp_path / "s.yaml"
    path.write_text(SPACE)
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_space(path, given)


def test_settings_that_need_each_other_are_checked_together(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("space: {freeze: [encoder, schedule], cache_features: [true, false]}")
    assert read_space(path, {"models": "unet"}).plain()["cache_features"] == [True, False]  # alone it wants a freeze
    path.write_text("space: {cache_features: [true, false], nesterov: [true, false]}")
    with pytest.raises(ConfigError, match=r"space\.cache_features, choice True: cache_features needs a frozen encoder"):
        read_space(path, {"models": "unet"})
    path.write_text("space: {freeze: [none, encoder]}")
    with pytest.raises(ConfigError, match=r"space\.freeze, choice 'encoder': freeze is encoder and encoder_weights is"):
        read_space(path, {"models": "unet", "encoder_weights": "none"})


def test_a_pipelines_file_is_part_of_the_space(tmp_path):
    path, mine = tmp_path / "s.yaml", tmp_path / "mine.yaml"
    path.write_text("space: {augment: [light, mine.yaml]}")
    mine.write_text(presets()["strong"].to_yaml())
    before = read_space(path, {"models": "unet"})
    mine.write_text(presets()["driving"].to_yaml())
    after = read_space(path, {"models": "unet"})
    assert before.plain() == after.plain() and before.identity() != after.identity()
    base = read_space(path, {"models": "unet", "augment": str(mine)}).base
    assert build(base).pipeline == presets()["driving"] and isinstance(base["augment"], dict)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("search-*.yaml")), ids=lambda path: path.stem)
def test_the_spaces_shipped_can_be_searched(path):
    assert read_space(path).params and f"--space configs/{path.name}" in path.read_text()


# Trials


def test_a_search_keeps_a_table_a_recipe_and_the_runs(plan):
    session = FakeSession()
    result = search(plan(), session)
    assert result.info.trials_wanted == 3 and result.info.folds == 2 and result.info.dataset.name
    assert result.info.base["epochs"] == 3 and result.info.versions["optuna"] == optuna.__version__
    table = result.trials
    assert table["state"].tolist() == ["complete"] * 3 and table["number"].tolist() == [0, 1, 2]
    assert table["epochs"].tolist() == [6] * 3 and (table["seconds"] >= 0).all()
    for row in table.to_dict("records"):
        folds = [by_rate(build({"lr": row["param.lr"], "folds": 2, "fold": fold}), 2) for fold in range(2)]
        assert [row["fold_0"], row["fold_1"]] == pytest.approx(folds)
        assert row["value"] == pytest.approx(sum(folds) / 2)  # the last epoch is the best
        assert row["spread"] == pytest.approx(0.02 / 2**0.5)
    assert [(task.fold, task.folds, task.seed) for task in session.trained] == [(0, 2, 0), (1, 2, 0)] * 3
    assert [run.id for run in result.runs_of(1)] == ["trial-0001-unet-fold0", "trial-0001-unet-fold1"]
    kept = {path.parent.name.rpartition("-unet")[0] for path in result.path.rglob("model.safetensors")}
    assert kept == {f"trial-{result.best_number:04}"}  # the others' weights would only fill the disk
    assert len(list(result.path.rglob("metrics.csv"))) == 6


def test_the_best_is_a_recipe_of_train_py(plan, data):
    result = search(plan(), FakeSession())
    recipe = read_settings(result.best)
    best = result.trials.loc[result.trials["value"].idxmax()]
    assert recipe["lr"] == best["param.lr"] and recipe["loss"] == best["param.loss"]
    assert recipe["data"] == str(data) and recipe["epochs"] == 3 and recipe["models"] == ["unet"]
    assert not {"folds", "fold", "name"} & set(recipe)
    assert recipe["out"] == str(result.path.parents[1])  # where an app that shows the search looks
    text = result.best.read_text()
    assert text.startswith(
        f"# Best of the search 's': trial {int(best['number'])}, validation mIoU {best['value']:.4f} ± "
        f"{best['spread']:.4f} over 2 folds\n# ({best['fold_0']:.4f}, {best['fold_1']:.4f}) of "
    )
    assert "trials: 3 complete." in text and f"train.py --config {result.best}" in text


def test_a_recipe_needs_no_file_of_a_pipeline(plan, tmp_path):
    (tmp_path / "mine.yaml").write_text(presets()["strong"].to_yaml())
    result = search(plan("space: {augment: [mine.yaml, none], progressive: [{}, {1: 64x64}]}", trials=1), FakeSession())
    (tmp_path / "mine.yaml").unlink()
    recipe = read_settings(result.best)
    assert build(recipe).pipeline in (presets()["strong"], presets()["none"])
    assert result.trials["param.progressive"].tolist()[0] in ("{}", "{1: 64x64}")


def test_the_same_command_goes_on_with_as_many_as_are_wanted(plan):
    first = search(plan(trials=2), FakeSession())
    table, session = first.trials, FakeSession()
    assert search(plan(trials=2), session).trials.equals(table) and session.trained == []
    more = search(plan(trials=4, resume=True), session)
    assert len(session.trained) == 4 and more.trials.columns.equals(table.columns)
    for name in table.columns:
        assert more.trials[name][:2].tolist() == table[name].tolist()
    assert more.info.trials_wanted == 4 and more.info.created == first.info.created


def test_going_on_draws_what_would_have_been_drawn(plan):
    whole = search(plan(epochs=1, trials=12, name="whole", prune=False), FakeSession())
    for trials in (11, 12):
        parts = search(plan(epochs=1, trials=trials, name="parts", prune=False), FakeSession())
    assert parts.trials["param.lr"].tolist() == whole.trials["param.lr"].tolist()
    other = search(plan(trials=3, name="other", seed=1), FakeSession())
    assert not set(other.trials["param.lr"]) & set(whole.trials["param.lr"])


def test_a_grid_tries_every_combination_once(plan):
    space = "space: {batch_size: {low: 2, high: 6, step: 2}, loss: [ce, ce+dice]}"
    result = search(plan(space, epochs=1, trials=50, sampler="grid", prune=False), FakeSession(lambda task, epoch: 0.5))
    table = result.trials
    assert sorted(zip(table["param.batch_size"], table["param.loss"], strict=True)) == [
        (size, loss) for size in (2, 4, 6) for loss in ("ce", "ce+dice")
    ]
    assert result.info.trials_wanted == 6
    with pytest.raises(ConfigError, match=r"A grid needs a step for every range, and lr has none\."):
        search(plan(sampler="grid", name="other"), FakeSession())


def test_hopeless_trials_are_pruned_after_five_complete_ones(plan):
    def score(task, epoch):  # every other trial is bad from the start
        number = int(task.name.removeprefix("trial-"))
        return (0.1 if number % 2 else 0.6) + 0.01 * epoch

    session = FakeSession(score)
    table = search(plan(epochs=6, trials=12), session).trials
    complete = [0, 1, 2, 3, 4, 6, 8, 10]
    assert table.loc[table["state"] == "complete", "number"].tolist() == complete
    pruned = table[table["state"] == "pruned"]
    assert pruned["number"].tolist() == [5, 7, 9, 11]
    assert (pruned["epochs"] == 3).all()  # a third of the first fold's six, and one that is judged
    assert pruned["value"].isna().all() and pruned["fold_0"].isna().all()
    assert (table.loc[complete, "epochs"] == 12).all()
    session = FakeSession(score)
    assert set(search(plan(epochs=6, trials=12, name="all", prune=False), session).trials["state"]) == {"complete"}


def test_a_hard_fold_prunes_nobody(plan):
    """The second fold scores far below the first for everyone; equal trials must not stop there."""
    table = search(plan(trials=9), FakeSession(lambda task, epoch: 0.7 if task.fold == 0 else 0.2)).trials
    assert set(table["state"]) == {"complete"} and table["value"].tolist() == pytest.approx([0.45] * 9)


def test_what_is_reported_never_falls_and_ends_at_the_value(plan):
    values = iter([0.3, 0.5, 0.4, float("nan"), 0.1, 0.2])
    result = search(plan(trials=1), FakeSession(lambda task, epoch: next(values)))
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(result.path / "study.journal"))
    )
    (trial,) = optuna.load_study(study_name="s", storage=storage).trials
    assert trial.intermediate_values == pytest.approx({0: 0.15, 1: 0.25, 2: 0.25, 4: 0.3, 5: 0.35})
    assert trial.value == pytest.approx(0.35) and result.trials["fold_1"].tolist() == [0.2]


def test_importance_wants_eight_complete_trials(plan):
    space = "space: {lr: {low: 1.0e-4, high: 1.0e-2}, momentum: {low: 0.1, high: 0.9}}"
    assert search(plan(space, epochs=1, trials=7, prune=False), FakeSession()).importance == {}
    shares = search(plan(space, epochs=1, trials=30, prune=False), FakeSession()).importance
    assert sum(shares.values()) == pytest.approx(1) and shares["lr"] > shares["momentum"]
    assert list(shares) == ["lr", "momentum"]


def test_a_failed_trial_is_told_and_the_search_goes_on(plan, capsys):
    def score(task, epoch):
        if task.name == "trial-0001":
            raise ValueError("The loss became NaN in epoch 1.")
        return by_rate(task, epoch)

    table = search(plan(), FakeSession(score)).trials
    assert table["state"].tolist() == ["complete", "failed", "complete"] and table["value"].isna().tolist()[1]
    assert "trial 1 failed: The loss became NaN in epoch 1. (lr 0.000" in capsys.readouterr().out


def test_settings_that_do_not_go_together_fail_their_trial_alone(plan):
    space = "space: {freeze: [none, encoder, schedule], cache_features: [true, false]}"
    requests = plan("space: {lr: [0.1, 0.2]}", epochs=1)
    Path(requests.out).parent.joinpath("s.yaml").write_text(space)
    given = {name: value for name, value in requests.space.base.items() if name not in ("encoder_weights", "encoder")}
    requests = replace(
        requests, space=read_space(Path(requests.out).parent / "s.yaml", given), trials=6, sampler="grid"
    )
    table = search(requests, FakeSession(lambda task, epoch: 0.5)).trials
    refused = table[table["state"] == "failed"]
    assert list(zip(refused["param.freeze"], refused["param.cache_features"], strict=True)) == [("none", True)]
    assert len(table) == 6


def test_combinations_that_are_refused_do_not_end_a_search(data, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("space: {freeze: [none, encoder, 3, schedule], unfreeze: [{}, {0: 1}, {0: 2}, {0: 3}, {0: 4}]}")
    space = read_space(path, {"data": str(data), "models": "unet", "epochs": 1})
    requests = SearchPlan(space, 20, 2, "grid", str(tmp_path / "out"), sampler="grid", seed=1, prune=False)
    states = search(requests, FakeSession(lambda task, epoch: 0.5)).trials["state"]
    assert states.value_counts().to_dict() == {"failed": 12, "complete": 8}
    assert "failed " * 5 in " ".join(states)  # in a row


def test_a_search_in_which_everything_fails_stops(plan):
    def score(task, epoch):
        raise ValueError("Out of memory. Take fewer images a step.")

    with pytest.raises(TrainingError, match=r"^5 trials in a row failed, so the search stops\. The last: Out of memor"):
        search(plan(trials=20), FakeSession(score))


# Stops, kills, companions


def test_ctrl_c_keeps_the_folds_that_are_done(plan, capsys):
    session = FakeSession()

    lr = None

    def score(task, epoch):
        nonlocal lr
        if (task.name, task.fold, epoch) == ("trial-0001", 1, 1):
            session.stop.requested, lr = True, task.lr  # as Ctrl-C does
        return by_rate(task, epoch)

    session.score = score
    requests = plan(trials=3)
    with pytest.raises(KeyboardInterrupt):
        search(requests, session)
    notes = capsys.readouterr().out
    assert "Interrupted in trial 1; the same command goes on." in notes and "\n1 complete.\n" in notes
    assert SearchStore(requests.out).get("s").trials["state"].tolist() == ["complete"]

    session = FakeSession()
    result = search(requests, session)
    assert [(task.name, task.fold) for task in session.trained] == [
        ("trial-0002", 1),  # fold 0 was done
        ("trial-0003", 0),
        ("trial-0003", 1),
    ]
    table = result.trials
    assert table["number"].tolist() == [0, 2, 3] and set(table["state"]) == {"complete"}
    assert table["param.lr"].tolist()[1] == lr and table["epochs"].tolist()[1] == 6
    assert result.runs_of(1) == [] and [run.id for run in result.runs_of(2)] == [
        "trial-0002-unet-fold0",
        "trial-0002-unet-fold1",
    ]
    whole = search(replace(requests, name="whole"), FakeSession()).trials
    columns = ["param.lr", "value"]
    pd.testing.assert_frame_equal(table[columns], whole[columns])  # the third was drawn after the stop


_PROCESS = """
import sys
from pathlib import Path
from fixtures.trainer import FakeSession
from segcore.training.search import SearchPlan, read_space, search
folder, data, trials, seconds = Path(sys.argv[1]), *sys.argv[2:]
given = {"data": data, "epochs": 3, "encoder_weights": "none", "encoder": "tu-test_efficientnet", "models": "unet"}
space = read_space(folder / "s.yaml", given)
out = str(folder / "out")
search(SearchPlan(space, int(trials), 2, "s", out, prune=False), FakeSession(seconds=float(seconds)))
"""


def start(requests, data, seconds, trials):
    """A search in a process of its own."""
    folder = Path(requests.out).parent
    words = [sys.executable, "-c", _PROCESS, str(folder), str(data), str(trials), str(seconds)]
    return subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True)


def test_a_killed_process_loses_no_more_than_a_fold(plan, data):
    requests = plan(trials=2, prune=False)
    runs = Path(requests.out) / "searches" / "s" / "runs"
    process = start(requests, data, 0.3, 2)
    deadline = time.monotonic() + 60
    while not list(runs.glob("trial-0000-unet-fold1/metrics.csv")):  # the first fold is done
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert SearchStore(requests.out).get("s").trials["state"].tolist() == ["running"]

    session = FakeSession()
    result = search(requests, session)
    assert [(task.name, task.fold) for task in session.trained] == [
        ("trial-0001", 1),
        ("trial-0002", 0),
        ("trial-0002", 1),
    ]
    assert result.trials["number"].tolist() == [1, 2] and set(result.trials["state"]) == {"complete"}
    assert [len(result.runs_of(number)) for number in range(3)] == [0, 2, 2]


def test_a_trial_that_kills_its_process_is_given_up(plan):
    requests = plan(trials=2)

    class Killed(BaseException):
        """What no handler sees, as a kill."""

    def score(task, epoch):
        if task.lr == lr:
            raise Killed
        return by_rate(task, epoch)

    lr = None
    with pytest.raises(Killed):
        lr = search(replace(requests, name="look", trials=1), FakeSession()).trials["param.lr"][0]
        search(requests, FakeSession(score))
    for _ in range(2):
        with pytest.raises(Killed):
            search(requests, FakeSession(score))
    table = search(requests, FakeSession(score)).trials
    assert table["state"].tolist() == ["failed", "complete"] and table["number"].tolist() == [2, 3]
    assert table["param.lr"].tolist()[0] == lr


def test_two_processes_share_the_trials(plan, data):
    requests = plan()
    processes = [start(requests, data, 0.05, 8) for _ in range(2)]
    notes = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], notes
    result = SearchStore(requests.out).get("s")
    table = result.trials
    assert table["state"].tolist() == ["complete"] * 8 and table["number"].tolist() == list(range(8))
    assert table["param.lr"].nunique() == 8 and table[["fold_0", "fold_1"]].notna().all(axis=None)
    trained = [len(re.findall(r"^trial \d+: ", text, re.MULTILINE)) for text in notes]
    assert sum(trained) == 8 and min(trained) >= 1
    assert len(result.runs.list()) == 16
    kept = {path.parent.name.rpartition("-unet")[0] for path in result.path.rglob("model.safetensors")}
    assert kept == {f"trial-{result.best_number:04}"}


def test_a_study_in_a_database_goes_on(plan, tmp_path):
    requests = plan(storage=f"sqlite:///{tmp_path / 'study.db'}")
    search(replace(requests, trials=1), FakeSession())
    result = search(requests, FakeSession())
    assert result.trials["state"].tolist() == ["complete"] * 3 and result.info.storage == requests.storage
    assert not (result.path / "study.journal").exists()
    journal = search(plan(name="journal"), FakeSession())
    assert result.trials["param.lr"].tolist() == journal.trials["param.lr"].tolist()


# Bad input


def test_another_space_under_the_same_name(plan, data, tmp_path):
    search(plan(trials=1), FakeSession())
    other = "space: {lr: {low: 1.0e-4, high: 1.0e-1, log: true}, loss: [ce, ce+dice]}"
    with pytest.raises(
        ConfigError,
        match=r"^The study 's' in study\.journal is of another search: space\.lr\.high is 0\.01 there and 0\.1 here\. "
        r"Go on with what it was begun with, or choose another --name\.$",
    ):
        search(plan(other), FakeSession())
    with pytest.raises(ConfigError, match=r"folds is 2 there and 3 here; .*base\.epochs is 3 there and 4 here"):
        search(plan(folds=3, epochs=4), FakeSession())
    changed = shutil.copytree(data, tmp_path / "changed")
    (changed / "images" / "train" / "train0.png").unlink()
    (changed / "masks" / "train" / "train0.png").unlink()
    requests = plan()
    moved = replace(requests, space=replace(requests.space, base={**requests.space.base, "data": str(changed)}))
    with pytest.raises(ConfigError, match=r'another search: data fingerprint is "\w{16}" there and "\w{16}" here\.'):
        search(moved, FakeSession())
    shutil.rmtree(changed)
    shutil.copytree(data, changed)  # the same data elsewhere is the same search
    assert len(search(moved, FakeSession()).trials) == 3


def test_a_search_stays_in_its_storage(plan, tmp_path):
    other = str(tmp_path / "other.journal")
    search(plan(trials=1, storage=other), FakeSession())
    assert not (tmp_path / "out" / "searches" / "s" / "study.journal").exists()
    with pytest.raises(
        ConfigError, match=r"The study of the search 's' is in .*other\.journal, not in study\.journal\."
    ):
        search(plan(), FakeSession())
    assert len(search(plan(trials=2, storage=other), FakeSession()).trials) == 2


def test_resume_begins_nothing(plan):
    with pytest.raises(RunError, match=r"There is no search 's' to resume in .*searches\. Leave --resume out\."):
        search(plan(resume=True), FakeSession())


def test_more_folds_than_the_data_has(plan):
    with pytest.raises(DatasetError, match=r"17 folds of .* are too many: its 16 training frames make at most 16"):
        search(plan(folds=17), FakeSession())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"space: {lr: [1, 2]}\n", "is not a study of Optuna; expected a new file, or one of a search."),
        (b"[1]\n", "is not a study of Optuna"),
        (b"SQLite format 3\0", "is an SQLite database; write --storage sqlite:///"),
        (b'{"op_code": 0, "worker_id": "a"}\n', "is damaged ('study_name'). Put the file back"),
        (b'{"op_code": 0\n{"op_code": 1}\n', "is not a study of Optuna"),
    ],
)
def test_a_file_that_is_no_study_is_left_alone(plan, tmp_path, content, message):
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(message)):
        search(plan(storage=str(path)), FakeSession())
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("storage", "error", "message"),
    [
        ("://", ConfigError, "--storage is no URL of a database (Could not parse SQLAlchemy URL from"),
        ("nosuch://host/db", ConfigError, "nosuch://host/db"),
        ("mysql+nosuch://me:secret@host/db", ConfigError, "mysql+nosuch://me:***@host/db"),
        ("{}/no/folder/study", ConfigError, "there is no folder"),
        ("sqlite:///{}/no/folder/study", ConfigError, "study: unable to open database file. Check --storage."),
    ],
)
def test_storages_that_cannot_be_had(plan, tmp_path, storage, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        search(plan(storage=storage.format(tmp_path)), FakeSession())
    assert "secret" not in str(caught.value)


def test_a_storage_that_fails_while_training_ends_the_search_and_no_trial(plan, monkeypatch):
    requests = plan(trials=2)

    def broken(self, *_):
        raise optuna.exceptions.StorageInternalError("the server went away")

    with monkeypatch.context() as patched:
        patched.setattr("segcore.training.search.study.Study.report", broken)
        with pytest.raises(TrainingError, match=r"The storage study\.journal failed: the server went away\. Trials so"):
            search(requests, FakeSession())
    assert search(requests, FakeSession()).trials["state"].tolist() == ["complete", "complete"]


def test_an_error_of_ours_passes_the_storage():
    with pytest.raises(SegcoreError, match="mine"), storage_errors("x"):
        raise ConfigError("mine")


def test_search_json_is_plain(plan):
    result = search(plan(trials=1), FakeSession())
    assert json.loads((result.path / "search.json").read_text())["space"]["loss"] == ["ce", "ce+dice"]
    assert yaml.safe_load(result.best.read_text())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_process_that_died_while_drawing_changes_no_draw_and_none_is_drawn_twice(
    plan, tmp_path, monkeypatch, elsewhere
):
    whole = search(plan(trials=4, prune=False, name="whole"), FakeSession()).trials
    storage = f"sqlite:///{tmp_path}/trials.db" if elsewhere else None
    requests = plan(trials=1, prune=False, storage=storage)
    folder = search(requests, FakeSession()).path
    study = open_storage(storage, folder)
    (name,) = optuna.get_all_study_names(study)
    optuna.load_study(study_name=name, storage=study).ask()  # begun, and no parameter drawn
    began = search(replace(requests, trials=3), FakeSession()).trials
    second = "running" if elsewhere else "complete"  # there it may have been drawn by another machine just now
    assert sorted(began["state"]) == sorted(["complete", second, "complete"])
    monkeypatch.setattr("segcore.training.search.study.timedelta", lambda minutes: timedelta(0))  # a minute later
    ended = search(replace(requests, trials=4), FakeSession()).trials
    assert sorted(ended["param.lr"]) == sorted(whole["param.lr"])
