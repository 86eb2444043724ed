"""How long trainings will take, from a few steps of each model before the first of them."""

import io

import pytest
import torch
from fixtures.tiny import TINY, tiny_folder
from rich.console import Console

from segcore.models import create_model
from segcore.training.checkpoint import Position
from segcore.training.command_line import parse
from segcore.training.console import Reporter, TrainingTime
from segcore.training.estimate import estimates
from segcore.training.lightning_module import SegmentationModule
from segcore.training.search.console import SearchReporter
from segcore.training.session import Session

LONG = ["--epochs", "10000"]  # of eight tiny images


def printed(reporter):
    return " ".join(reporter.console.file.getvalue().split())


def console():
    return Console(file=io.StringIO(), soft_wrap=True, highlight=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("estimate") / "data")


@pytest.fixture(autouse=True)
def one_step(monkeypatch):
    monkeypatch.setattr("segcore.training.estimate.SECONDS", 0.0)


def timed(data, *flags, start=None):
    """(estimates, what was printed) of a config on tiny images."""
    config, _ = parse(["--data", str(data), *TINY, *LONG, *flags])
    session = Session(Reporter(console()))
    return estimates(session.prepare(config.tasks()[0]), config.tasks(), start), printed(session.reporter)


def test_each_model_is_timed_once(data):
    times, _ = timed(data, "--models", "unet,fcn8s", "--repeats", "3", "--ema", "0.9", "--workers", "1")
    assert [(time.model, time.epochs, time.trainings) for time in times] == [("unet", 1e4, 3), ("fcn8s", 1e4, 3)]
    assert all(1 < time.seconds < 1e5 and time.total == 3 * time.seconds for time in times)


def test_a_long_step_is_timed_on_fewer_images(data, monkeypatch):
    monkeypatch.setattr("segcore.training.estimate.LONGEST_STEP", 0.0)
    batches = []
    step = SegmentationModule.training_step
    monkeypatch.setattr(
        SegmentationModule,
        "training_step",
        lambda module, batch, index: batches.append(len(batch[0])) or step(module, batch, index),
    )
    assert len(timed(data, "--models", "unet", "--batch-size", "8")[0]) == 1 and set(batches) == {2}


def test_a_training_that_nothing_validates_is_timed_too(data):
    (estimate,), text = timed(data, "--split", "all", "--models", "fcn8s")
    assert estimate.seconds > 0 and "can't be timed" not in text


def test_a_resumed_training_has_less_to_do(data):
    times, _ = timed(data, "--models", "unet", start=Position(9000, 1, 18001))
    assert times[0].epochs == 999.5


def test_phases_of_a_training_are_timed_apart(data, tmp_path):
    """Sizes that grow, and an encoder that thaws while its features are cached before."""
    weights = tmp_path / "encoder.pt"
    torch.save(create_model("unet", encoder=TINY[1], encoder_weights="none", classes=3).encoder.state_dict(), weights)
    freeze = ["--freeze", "schedule", "--unfreeze", "{100: 0}", "--cache-features", "--encoder-weights", str(weights)]
    times, text = timed(data, "--models", "unet", "--progressive", "{0: 32x32, 100: 32x64}", *freeze)
    assert text == "" and times[0].epochs == 1e4


def test_a_model_that_cannot_be_timed_leaves_the_others(data, monkeypatch):
    step = SegmentationModule.training_step

    def no_memory(module, batch, index):
        if module.settings.models == ("fcn8s",):
            raise MemoryError("no room")
        return step(module, batch, index)

    monkeypatch.setattr(SegmentationModule, "training_step", no_memory)
    times, text = timed(data, "--models", "fcn8s,unet")
    assert [time.model for time in times] == ["unet"]
    assert text == "Note FCN-8s can't be timed before it is trained. MemoryError: no room"


def test_short_trainings_and_silent_processes_are_not_timed(data):
    assert timed(data, "--models", "unet", "--epochs", "1") == ([], "")
    config, _ = parse(["--data", str(data), *TINY, *LONG, "--models", "unet"])
    session = Session(Reporter(silent=True))
    assert estimates(session.prepare(config), [config]) == []


def test_a_training_says_so_for_each_model_and_for_all():
    reporter = Reporter(console())
    reporter.estimates([TrainingTime("unet", 720, 45, 2), TrainingTime("fcn8s", 360, 45, 2)])
    assert printed(reporter) == (
        "U-Net will take about 12 min, 16 s an epoch; 2 trainings about 24 min. FCN-8s will take about 6 min, 8 s an "
        "epoch; 2 trainings about 12 min. 4 trainings: about 36 min, scoring aside."
    )
    reporter = Reporter(console())
    reporter.estimates([TrainingTime("unet", 720, 45)])
    assert printed(reporter) == "U-Net will take about 12 min, 16 s an epoch, scoring aside."
    reporter = Reporter(console())
    reporter.estimates([TrainingTime("unet", 7, 2), TrainingTime("fcn8s", 7, 2)])
    assert printed(reporter) == ""  # soon


def test_a_search_says_so_for_a_trial_and_for_all():
    reporter = SearchReporter(console())
    reporter.trials(2, 20)
    reporter.estimates([TrainingTime("unet", 120, 10, 3)])
    assert printed(reporter) == (
        "A fold will take about 2 min, the 3 folds of a trial 6 min, the 18 trials left 1 h 48 min at most, if they "
        "take as long: hopeless trials are pruned, and more processes with this command share them."
    )
