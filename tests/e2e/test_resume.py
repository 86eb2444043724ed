"""A training that is killed at random points ends as if it never had been."""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from fixtures.processes import CONTEXT
from fixtures.tiny import TINY, tiny_folder

from segcore.cli import main as segcore
from segcore.models import load_model
from segcore.runs import load_run
from segcore.runs.run_files import CHECKPOINT
from segcore.training.checkpoint import Checkpoint
from segcore.training.command_line import main

ROOT = Path(__file__).parents[2]
# Everything that has a state: dropout, batch norm, momentum, averaged weights, accumulated gradients, workers, stages
# that thaw, sizes that change.
RECIPE = [*TINY, "--models", "deeplabv3plus", "--epochs", "8", "--batch-size", "2", "--accumulate", "2", "--ema", "0.9"]
RECIPE += ["--workers", "1", "--augment", "assignment", "--progressive", "{0: 32x32, 2: 32x64}", "--precision", "bf16"]
RECIPE += ["--checkpoint-minutes", "0.0001"]  # at every step: a kill may fall into a write


RUN = "tiny-deeplabv3plus"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("resume") / "tiny", train=14)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The training that nobody stopped."""
    out = tmp_path_factory.mktemp("whole")
    assert ended(start(data, out)) == 0
    return load_run(out / RUN)


def start(data, out):
    process = CONTEXT.Process(target=train, args=(data, out))
    process.start()
    return process


def ended(process):
    process.join(120)
    if process.is_alive():
        process.kill()
        pytest.fail("a training of seconds takes minutes")
    return process.exitcode


def train(data, out):
    """In a process of its own: begin, or go on where there is a checkpoint."""
    os.environ["OMP_NUM_THREADS"] = "1"
    going = (out / RUN / CHECKPOINT).is_file()
    sys.exit(main(["--resume", str(out / RUN)] if going else [*RECIPE, "--data", str(data), "--out", str(out)]))


def train_until_scored(data, out, splits):
    """In a process of its own: train, and be killed while so many splits have been scored."""
    from segcore.training import fit

    scored = []

    def evaluate(*args, split, **options):
        if len(scored) == splits:
            os.kill(os.getpid(), signal.SIGKILL)
        scored.append(split)
        return real(*args, split=split, **options)

    real, fit.evaluate = fit.evaluate, evaluate
    train(data, out)


def written(checkpoint):
    return checkpoint.stat().st_mtime_ns if checkpoint.is_file() else 0


def kill_after_progress(process, checkpoint, writes, pause):
    """SIGKILL, a moment after the process has written a checkpoint so many times."""
    deadline = time.monotonic() + 120
    for _ in range(writes):
        before = written(checkpoint)
        while process.is_alive() and written(checkpoint) == before and time.monotonic() < deadline:
            time.sleep(0.002)
    time.sleep(pause)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def assert_same(result, expected):
    columns = [name for name in expected.history.columns if name != "seconds"]
    pd.testing.assert_frame_equal(result.history[columns], expected.history[columns], check_exact=True)
    assert (result.evaluation("test").counts == expected.evaluation("test").counts).all()
    for mine, theirs in zip(load_model(result.path).parameters(), load_model(expected.path).parameters(), strict=True):
        assert mine.equal(theirs)


def test_killed_ten_times_at_random_points(data, whole, tmp_path):
    checkpoint, generator, positions = tmp_path / RUN / CHECKPOINT, random.Random(5), []
    for _ in range(10):
        # In a step, a validation, or the middle of a write.
        kill_after_progress(start(data, tmp_path), checkpoint, generator.choice((1, 1, 2)), generator.random() * 0.03)
        assert load_run(tmp_path / RUN).summary.status == "interrupted"
        positions.append(Checkpoint.read(tmp_path / RUN).position)
    assert ended(start(data, tmp_path)) == 0
    print("killed after", ", ".join(f"epoch {at.epoch} batch {at.batches}" for at in positions))
    assert any(at.batches for at in positions) and len({at.epoch for at in positions}) > 2
    result = load_run(tmp_path / RUN)
    assert result.summary.status == "finished" and not checkpoint.exists()
    assert_same(result, whole)


@pytest.mark.parametrize("splits", [0, 1])
def test_killed_while_it_is_scored(data, whole, tmp_path, capsys, splits):
    process = CONTEXT.Process(target=train_until_scored, args=(data, tmp_path, splits))
    process.start()
    assert ended(process) == -signal.SIGKILL
    run = load_run(tmp_path / RUN)
    assert (run.summary.status, run.summary.epochs, run.summary.test) == ("interrupted", 8, None)
    assert (run.summary.val is None) == (splits == 0)
    assert "trained, but its process ended without a word while it was being scored. Go on with it: " in run.stopped
    assert run.stopped.endswith(f"python train.py --resume {run.path}")
    assert segcore(["runs", "--runs", str(tmp_path)]) == 0
    assert f"{RUN}: {run.stopped}" in capsys.readouterr().out
    weights, before = run.weights.stat().st_mtime_ns, run.path / "evaluation" / "val"
    inode = before.stat().st_ino if splits else None
    assert ended(start(data, tmp_path)) == 0
    result = load_run(tmp_path / RUN)
    assert result.weights.stat().st_mtime_ns == weights and (not splits or before.stat().st_ino == inode)
    assert result.summary.status == "finished" and result.summary.best_epoch == whole.summary.best_epoch
    assert (result.summary.val, result.summary.test) == (whole.summary.val, whole.summary.test)
    assert_same(result, whole)
    assert not (result.path / CHECKPOINT).exists() and not list(tmp_path.rglob("*.tmp"))


def test_two_that_go_on_at_once(data, whole, tmp_path):
    """One goes on, the other is told so, and every epoch is there once."""
    kill_after_progress(start(data, tmp_path), tmp_path / RUN / CHECKPOINT, 3, 0)
    codes = sorted(ended(process) for process in [start(data, tmp_path), start(data, tmp_path)])
    assert codes == [0, 2]
    assert_same(load_run(tmp_path / RUN), whole)


def test_a_folder_that_is_removed_while_it_is_trained(data, tmp_path):
    process = start(data, tmp_path)
    wait_for(tmp_path / RUN / CHECKPOINT)
    shutil.rmtree(tmp_path / RUN)
    assert ended(process) == 1
    assert not list(tmp_path.iterdir())


def wait_for(path):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
