"""train.py for real, on a folder of tiny pictures."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fixtures.tiny import TINY, tiny_folder
from PIL import Image

from segcore.cli import main as cli
from segcore.data.tags import change_tag
from segcore.errors import DatasetError, SegcoreError, WeightsError
from segcore.runs import HISTORY_COLUMNS, RunStore
from segcore.runs.reproduce import open_data, recreate_plan
from segcore.training.command_line import main, parse
from segcore.training.engine import train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(out), "--augment", "assignment"])
    return train(config)[0]


def test_the_run_folder_is_as_documented(trained):
    files = {path.relative_to(trained.path).as_posix() for path in trained.path.rglob("*") if path.is_file()}
    tables = ("confusion.parquet", "images.parquet", "boundary.parquet", "calibration.parquet")
    evaluations = {
        f"evaluation/{split}/{name}"
        for split in ("val", "test")
        for name in (*tables, *(f"{kind}/{split}{i}.png" for kind in ("predictions", "confidence") for i in (0, 1)))
    }
    assert (
        files
        == {".lock", "config.yaml", "config.json", "dataset.jpg", "model.safetensors", "metrics.csv", "summary.json"}
        | evaluations
    )
    assert trained.id == f"{trained.summary.dataset.name}-fcn8s"


def test_the_summary_says_what_happened(trained):
    summary = trained.summary
    assert (summary.status, summary.best_epoch, summary.epochs, summary.error) == ("finished", 0, 1, None)
    assert summary.parameters > 50_000 and summary.train_seconds > 0
    assert (summary.dataset.train, summary.dataset.val, summary.dataset.test) == (8, 2, 2)
    assert "val" in summary.dataset.leaks  # its pictures look alike, a thing on a road each
    assert summary.dataset.split == "given" and summary.input.height == 32 and summary.input.width == 64
    assert "torch" in summary.versions and summary.precision == "fp32"
    stored = trained.evaluation("test")
    assert stored.ids == ("test0", "test1")
    assert summary.test.miou == pytest.approx(stored.scores.miou)
    assert stored.prediction("test0").shape == (64, 80)


def test_the_history_has_a_row_an_epoch(trained):
    history = trained.history
    assert tuple(history.columns) == HISTORY_COLUMNS and len(history) == 1
    assert history.notna().all(axis=None) and (history["epoch"] == 0).all() and (history["step"] == 2).all()


def test_the_runs_config_trains_it_again_to_the_same_numbers(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("segcore.training.estimate.QUICK_PIXELS", 0.0)  # timing a few steps first changes no bit
    monkeypatch.setattr("segcore.training.console.WORTH_SAYING", 0.0)
    recipe = trained.path / "config.yaml"
    values = yaml.safe_load(recipe.read_text())
    assert values["models"] == ["fcn8s"] and len(values["augment"]["transforms"]) == 5
    config, _ = parse(["--config", str(recipe), "--out", str(tmp_path)])
    again = train(config)[0]
    assert "FCN-8s will take about " in capsys.readouterr().out
    drop = {"seconds"}
    pd.testing.assert_frame_equal(
        again.history.drop(columns=drop), trained.history.drop(columns=drop), check_exact=True
    )
    assert (again.evaluation("test").counts == trained.evaluation("test").counts).all()
    assert again.weights.read_bytes() == trained.weights.read_bytes()


def test_a_model_that_fails_does_not_lose_the_others(data, tmp_path, capsys):
    flags = [*TINY, "--data", str(data), "--models", "deeplabv3plus,fcn8s", "--out", str(tmp_path)]
    code = main([*flags, "--model-options", "{deeplabv3plus: {decoder_chanels: 3}}"])
    failed, finished = RunStore(tmp_path).list()
    if failed.summary.status == "finished":
        failed, finished = finished, failed
    assert code == 1
    assert (failed.summary.status, finished.summary.status) == ("failed", "finished")
    assert failed.summary.error.startswith(
        "No option of deeplabv3plus 'decoder_chanels'. Did you mean 'decoder_channels'?"
    )
    printed = capsys.readouterr().out
    assert "deeplabv3plus failed: No option of deeplabv3plus" in printed and "FCN-8s" in printed
    assert "ignored pixels (void, unless it is one of the classes) are left out" in printed


def test_validation_masks_of_void_alone_are_said(data, tmp_path):
    copy = shutil.copytree(data, tmp_path / "void")
    for path in (copy / "masks" / "val").iterdir():
        Image.fromarray(np.full((64, 80), 255, np.uint8)).save(path)
    config, _ = parse([*TINY, "--data", str(copy), "--models", "fcn8s", "--out", str(tmp_path / "runs")])
    with pytest.raises(DatasetError, match=r"^No pixel of the validation masks is scored: all are ignored"):
        train(config)
    assert not list((tmp_path / "runs").glob("*/summary.json"))


def test_a_loss_that_explodes_stops_with_advice(data, tmp_path):
    flags = [*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(tmp_path), "--optimizer", "sgd"]
    config, _ = parse(
        [*flags, "--lr", "10", "--gradient-clip", "0", "--warmup", "0", "--epochs", "40", "--encoder-lr-factor", "10"]
    )
    run = train(config)[0]
    assert run.summary.status == "failed"
    assert "Lower the learning rate (--lr, now 10)" in run.summary.error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--encoder", "resnet35"], r"No encoder 'resnet35'\. Did you mean 'resnet3?[0-9]+'\?"),
        (["--device", "cuda"], r"--device cuda: torch finds no CUDA device here\. Leave it out, or choose cpu\."),
        (["--data", "/nowhere"], r"/nowhere"),
        (["--loss", "weighted_ce", "--class-weights", "{raod: 4}"], r"No class 'raod'\. Did you mean 'road'\?"),
    ],
)
def test_nothing_is_begun_when_nothing_can_be(data, tmp_path, flags, message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(tmp_path), *flags])
    with pytest.raises(SegcoreError, match=message):
        train(config)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_had_begin_nothing(data, tmp_path):
    flags = [*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(tmp_path / "runs")]
    config, _ = parse([*flags, "--encoder-weights", str(tmp_path / "absent.pth")])
    with pytest.raises(WeightsError, match=r"absent\.pth: no such file of weights"):
        train(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["test/test1"], r"^1 of 2 test samples can't be used\. .*test1\.png: text, not a picture"),
        (
            ["train/train2", "val/val0"],
            r"^2 of 10 training and validation samples can't be used\. .*train2\.png: text, not",
        ),
    ],
)
def test_bad_images_are_found_before_training(data, tmp_path, bad, message):
    copy = shutil.copytree(data, tmp_path / "bad")
    for name in bad:
        (copy / "images" / f"{name}.png").write_bytes(b"no picture")
    config, _ = parse([*TINY, "--data", str(copy), "--models", "fcn8s", "--out", str(tmp_path / "runs")])
    with pytest.raises(DatasetError, match=message):
        train(config)
    assert not (tmp_path / "runs").exists()


def test_scoring_that_fails_does_not_lose_the_others(data, tmp_path, monkeypatch):
    def full_disk(run, *_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segcore.training.fit.evaluate", full_disk)
    config, _ = parse([*TINY, "--data", str(data), "--models", "fcn8s,fcn32s", "--out", str(tmp_path)])
    runs = train(config)
    assert [run.summary.model for run in runs] == ["fcn8s", "fcn32s"]
    assert {run.summary.status for run in runs} == {"failed"}
    error = runs[0].summary.error
    assert error.startswith("Trained, but not scored. The disk of ") and "--resume" in error
    assert runs[0].weights.is_file() and runs[0].summary.best_epoch == 0
    monkeypatch.undo()
    commands = [shlex.split(command) for command in error.partition(" Score it: ")[2].split("; ")]
    assert len(commands) == 2  # val and test
    for words in commands:
        assert cli([*words[words.index("evaluate") :], "--device", "cpu"]) == 0
    assert RunStore(tmp_path).get(runs[0].id).evaluation("test").ids == ("test0", "test1")


def test_stopping_at_once_leaves_a_run_that_says_so(data, tmp_path, monkeypatch):
    """A second Ctrl-C in the middle of a step; Lightning makes an exit of it."""

    def second(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("segcore.training.lightning_module.SegmentationModule.training_step", second)
    assert main([*TINY, "--data", str(data), "--models", "fcn8s", "--out", str(tmp_path)]) == 130
    (run,) = RunStore(tmp_path).list()
    assert (run.summary.status, run.summary.epochs, run.summary.best_epoch) == ("interrupted", 0, None)


def test_ctrl_c_keeps_the_best_so_far(data, tmp_path):
    command = [sys.executable, "train.py", *TINY, "--data", str(data), "--models", "fcn8s,unet", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--epochs", "5000"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    metrics = next(iter([tmp_path])) / f"{data.name}-fcn8s" / "metrics.csv"
    deadline = time.monotonic() + 120
    try:
        while not metrics.is_file() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert f"Interrupted. Not trained: {data.name}-unet." in output and "Traceback" not in output
    (run,) = RunStore(tmp_path).list()
    assert run.summary.status == "interrupted"
    assert run.weights.is_file() and run.evaluation("test") is not None
    assert run.summary.test is not None
    assert len(run.history) == run.summary.epochs >= 1


def test_training_on_some_images_alone(data, tmp_path, capsys):
    folder = shutil.copytree(data, tmp_path / "tiny")
    change_tag(folder, "few", add=["train1", "train3", "train5", "test0"])
    words = [*TINY, "--data", str(folder), "--models", "fcn8s", "--batch-size", "2"]
    assert main([*words, "--out", str(tmp_path / "first"), "--only", "few"]) == 0
    run = RunStore(tmp_path / "first").list()[0]
    counts = run.summary.dataset
    assert (counts.train, counts.val, counts.test, run.config["only"]) == (3, 2, 2, "few")
    assert set((run.path / "only.txt").read_text().split()) == {"train1", "train3", "train5", "test0"}
    change_tag(folder, "few", add=["train2"])  # the run keeps the list that it was trained by
    assert recreate_plan(run, open_data(run)).fingerprint == counts.split_fingerprint
    again = ["--config", str(run.path / "config.yaml"), "--out", str(tmp_path / "again")]
    assert main(again) == 0
    same = RunStore(tmp_path / "again").list()[0]
    assert same.summary.dataset.split_fingerprint == counts.split_fingerprint
    assert same.summary.val.miou == run.summary.val.miou
    # The same images validate and test, so that it is compared with a training on all.
    assert main([*words, "--out", str(tmp_path / "first")]) == 0
    capsys.readouterr()
    assert cli(["leaderboard", "--runs", str(tmp_path / "first"), "--split", "val", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n1,") == 2
    assert main([*words, "--out", str(tmp_path / "none"), "--only", str(folder / ".segcore-tags" / "no.txt")]) == 2
    assert "no.txt" in capsys.readouterr().err and not (tmp_path / "none").exists()


def test_training_on_validation_too_keeps_the_last_epoch_and_claims_no_validation(trained, data, tmp_path, capsys):
    words = [*TINY, "--data", str(data), "--models", "fcn8s", "--augment", "assignment", "--out", str(tmp_path)]
    assert main([*words, "--split", "all", "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "none: its images are trained on" in printed and "of the last epoch, since nothing validated" in printed
    (run,) = RunStore(tmp_path).list()
    summary = run.summary
    assert (summary.dataset.train, summary.dataset.val, summary.val, summary.best_epoch) == (10, 0, None, 1)
    assert summary.test is not None and run.splits == ("test",)
    assert run.history["val_miou"].isna().all() and run.history["train_miou"].notna().all()
    assert recreate_plan(run, open_data(run)).fingerprint == summary.dataset.split_fingerprint
    assert cli(["evaluate", str(run.path), "--split", "val"]) == 2
    assert "was trained on the validation images too" in capsys.readouterr().err
    shutil.copytree(trained.path, tmp_path / "other")
    assert cli(["leaderboard", "--runs", str(tmp_path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        f"({run.id}): trained on the validation images as well, unlike the rest." in said
        and "different train" not in said
    )
    assert main([*words, "--split", "all", "--early-stopping", "2"]) == 2
    assert "split all has no validation: folds and early_stopping must be 0" in capsys.readouterr().err
    assert main([*words, "--split", "all", "--folds", "2"]) == 2
    assert "split all has no validation" in capsys.readouterr().err
