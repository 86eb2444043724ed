"""A training that is killed at random points ends as if it never had been."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from fixtures.processes import CONTEXT
from fixtures.tiny import TINY, tiny_folder

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
