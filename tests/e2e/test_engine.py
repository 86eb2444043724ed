"""What the engine does in a training: stops, freezes, keeps features, and says why it failed."""

import errno
import os
import signal

import pandas as pd
import pytest
import torch
from fixtures.tiny import TINY, tiny_folder
from torch.utils.data import get_worker_info

from segcore.errors import AugmentError, ConfigError, DatasetError, ModelError, RunError
from segcore.runs import RunStore, RunWriter, load_run
from segcore.runs.run_files import CHECKPOINT
from segcore.training.checkpoint import Checkpoint
from segcore.training.command_line import main, parse
from segcore.training.engine import resume, train
from segcore.training.session import Session
from segcore.training.train_dataset import TrainDataset

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.encoder = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        return self.head(self.encoder(x))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny")


def run(data, out, *flags):
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(out), *flags])
    (result,) = train(config)
    return result


def numbers(result):
    return result.history.drop(columns="seconds")


def test_workers_change_nothing(data, tmp_path):
    alone = run(data, tmp_path / "alone", "--augment", "assignment", "--epochs", "2")
    helped = run(data, tmp_path / "helped", "--augment", "assignment", "--epochs", "2", "--workers", "2")
    pd.testing.assert_frame_equal(numbers(alone), numbers(helped), check_exact=True)


def test_kept_features_train_as_computed_ones(data, tmp_path):
    """The encoder stays frozen, so that what it sees of a picture that does not change can't change."""
    flags = ["--encoder", "tu-tf_efficientnet_lite0", "--encoder-weights", "imagenet", "--augment", "none"]
    flags += ["--freeze", "schedule", "--unfreeze", "{2: 0}", "--epochs", "3"]
    computed = run(data, tmp_path / "computed", *flags)
    kept = run(data, tmp_path / "kept", *flags, "--cache-features")
    pd.testing.assert_frame_equal(numbers(kept), numbers(computed), rtol=1e-4, atol=1e-5)


def test_features_that_do_not_fit_are_refused(data, tmp_path):
    flags = ["--encoder", "tu-tf_efficientnet_lite0", "--encoder-weights", "imagenet", "--freeze", "encoder"]
    result = run(data, tmp_path, *flags, "--cache-features", "--cache-mb", "0")
    assert result.summary.status == "failed"
    assert "--cache-features: 8 images fill" in result.summary.error and "--cache-mb" in result.summary.error


def test_samples_beyond_the_memory_are_checked_before_a_folder_is_made(data, tmp_path, capsys):
    folder = tiny_folder(tmp_path / "tiny")
    sorted(folder.glob("images/train/*"))[0].write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"1 of \d+ training and validation samples can't be used"):
        run(folder, tmp_path / "runs", "--cache-mb", "0")
    assert not (tmp_path / "runs").exists()
    assert "don't fit --cache-mb 0 and are decoded again in each epoch" in " ".join(capsys.readouterr().out.split())


def test_a_schedule_that_can_never_thaw_is_refused_before_a_folder_is_made(data, tmp_path):
    (tmp_path / "net.py").write_text(NET)
    flags = ["--models", f"unet,{tmp_path}/net.py:Net", "--freeze", "schedule", "--encoder-weights", "imagenet"]
    with pytest.raises(ModelError, match="freeze is 3, a number of stages, and the encoder of Net has no stages"):
        run(data, tmp_path / "runs", *flags, "--encoder", "tu-tf_efficientnet_lite0", "--epochs", "3")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_early_stopping_waits_so_many_epochs(data, tmp_path, capsys):
    result = run(data, tmp_path, "--epochs", "50", "--lr", "1e-12", "--schedule", "constant", "--early-stopping", "2")
    best = result.summary.best_epoch
    assert (result.summary.status, result.summary.epochs) == ("finished", best + 3)
    assert "Stopped early: no better epoch in 2." in capsys.readouterr().out
    assert not (result.path / CHECKPOINT).exists()


def test_every_model_seed_and_fold_is_a_run(data, tmp_path):
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--repeats", "2", "--folds", "2"])
    runs = train(config.model_copy(update={"out": str(tmp_path)}))
    assert [result.id.removeprefix(data.name) for result in runs] == [
        "-fcn8s-fold0",
        "-fcn8s-fold1",
        "-fcn8s-seed1-fold0",
        "-fcn8s-seed1-fold1",
    ]
    assert {result.summary.status for result in runs} == {"finished"}
    assert runs[3].config["fold"] == 1 and runs[3].config["seed"] == 1 and runs[3].config["repeats"] == 1


def test_who_watches_may_stop_it_and_it_goes_on_to_the_same_end(data, tmp_path):
    whole = run(data, tmp_path / "whole", "--epochs", "3", "--ema", "0.5")
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--epochs", "3", "--ema", "0.5"])
    writer = RunStore(tmp_path).create("stopped")
    stopped = Session().run(config.tasks()[0], writer, on_epoch=lambda row: row["epoch"] < 1, splits=())
    assert (stopped.summary.status, stopped.summary.epochs) == ("interrupted", 2)
    assert stopped.summary.val is None and Checkpoint.read(writer.path).position.epoch == 2
    gone_on = resume(str(writer.path), {})
    assert gone_on.summary.status == "finished"
    pd.testing.assert_frame_equal(numbers(gone_on), numbers(whole), check_exact=True)
    assert gone_on.summary.test == whole.summary.test and gone_on.summary.created == stopped.summary.created


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """A run that can go on."""
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--epochs", "2"])
    writer = RunStore(tmp_path_factory.mktemp("runs")).create("stopped")
    return Session().run(config.tasks()[0], writer, on_epoch=lambda row: False, splits=())


def test_going_on_with_other_settings_is_refused(stopped):
    with pytest.raises(ConfigError, match=r"--lr is 0\.1 and run 'stopped' was trained with 0\.004: going on with it"):
        resume(str(stopped.path), {"lr": 0.1})
    with pytest.raises(ConfigError, match=r"--models is \['unet'\] and run 'stopped' was trained with \['fcn8s'\]"):
        resume(str(stopped.path), {"models": "unet"})


def test_going_on_with_other_data_is_refused(stopped, tmp_path):
    other = tiny_folder(tmp_path / "other", train=9)
    with pytest.raises(DatasetError, match=r"Run 'stopped' was trained on .* fingerprint .* Give --data the same"):
        resume(str(stopped.path), {"data": str(other)})


def test_a_damaged_checkpoint_is_refused(stopped, tmp_path):
    path = tmp_path / "damaged"
    path.mkdir()
    RunWriter(path).write_config(stopped.config)
    RunWriter(path).write_summary(stopped.summary)
    (path / CHECKPOINT).write_bytes((stopped.path / CHECKPOINT).read_bytes()[:5000])
    with pytest.raises(RunError, match=r"last\.ckpt can't be read .* Train it again: python train\.py --config"):
        resume(str(path), {})
    (path / CHECKPOINT).unlink()
    with pytest.raises(RunError, match=r"Run 'damaged' has no last\.ckpt"):
        resume(str(path), {})


def test_a_finished_run_is_not_gone_on_with(data, tmp_path, capsys):
    result = run(data, tmp_path)
    assert main(["--resume", str(result.path)]) == 2
    assert f"Run '{result.id}' is finished after 1 epochs; there is nothing to go on with." in capsys.readouterr().err


def test_a_worker_that_dies_is_named(data, tmp_path, monkeypatch):
    fetch = TrainDataset.__getitem__

    def die(self, key):
        if get_worker_info() and key[0] == 1:  # in the second epoch
            os.kill(os.getpid(), signal.SIGKILL)
        return fetch(self, key)

    monkeypatch.setattr(TrainDataset, "__getitem__", die)
    result = run(data, tmp_path, "--workers", "1", "--epochs", "2")
    assert result.summary.status == "failed"
    assert result.summary.error.startswith("A process that augments images died")
    assert f"--resume {result.path} --workers 0" in result.summary.error
    monkeypatch.undo()
    assert resume(str(result.path), {"workers": "0"}).summary.status == "finished"


def test_what_a_worker_raises_is_shown_without_its_traceback(data, tmp_path, monkeypatch):
    def refuse(self, key):
        raise AugmentError("frame7: too small for the crop.")

    monkeypatch.setattr(TrainDataset, "__getitem__", refuse)
    result = run(data, tmp_path, "--workers", "1")
    assert result.summary.error == "frame7: too small for the crop."


def test_a_full_disk_keeps_the_run_readable(data, tmp_path, monkeypatch, capsys):
    def full(self, writer):
        raise OSError(errno.ENOSPC, "No space left on device", str(writer.path / CHECKPOINT))

    monkeypatch.setattr(Checkpoint, "write", full)
    result = run(data, tmp_path, "--epochs", "2")
    assert result.summary.status == "failed" and result.summary.error.startswith("The disk of ")
    assert len(load_run(result.path).history) == 1 and result.weights.is_file()
    assert "Traceback" not in capsys.readouterr().out


def test_too_little_memory_says_what_to_do(data, tmp_path, monkeypatch):
    def exhaust(self, batch, index):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr("segcore.training.lightning_module.SegmentationModule.training_step", exhaust)
    result = run(data, tmp_path)
    assert result.summary.error.startswith("Out of memory. Take fewer images a step (--batch-size")
