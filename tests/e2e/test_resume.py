"""A training that is killed at random points ends as if it never had been."""

import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from fixtures.tiny import TINY, tiny_folder

from segcore.models import load_model
from segcore.runs import load_run
from segcore.training.checkpoint import FILE, Checkpoint
from segcore.training.command import main

ROOT = Path(__file__).parents[2]
# Everything that has a state: dropout, batch norm, momentum, averaged weights, accumulated gradients, workers, stages
# that thaw, sizes that change.
RECIPE = [*TINY, "--models", "deeplabv3plus", "--epochs", "6", "--batch-size", "2", "--accumulate", "2", "--ema", "0.9"]
RECIPE += ["--workers", "1", "--augment", "assignment", "--progressive", "{0: 32x32, 2: 32x64}", "--precision", "bf16"]
RECIPE += ["--checkpoint-minutes", "0.0001"]  # at every step: a kill may fall into a write


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("tiny"), train=14)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The training that nobody stopped."""
    out = tmp_path_factory.mktemp("whole")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["segcore.training.engine"])
    process = context.Process(target=train, args=(data, out))
    process.start()
    process.join()
    assert process.exitcode == 0
    return load_run(out / f"{data.name}-deeplabv3plus")


def train(data, out):
    os.environ["OMP_NUM_THREADS"] = "1"
    run = next(iter(sorted(Path(out).glob("*"))), None)
    sys.exit(
        main(
            ["--resume", str(run)]
            if run and (run / FILE).is_file()
            else [*RECIPE, "--data", str(data), "--out", str(out)]
        )
    )


def assert_same(found, expected):
    columns = [name for name in expected.history.columns if name != "seconds"]
    pd.testing.assert_frame_equal(found.history[columns], expected.history[columns], check_exact=True)
    assert (found.evaluation("test").counts == expected.evaluation("test").counts).all()
    for mine, theirs in zip(load_model(found.path).parameters(), load_model(expected.path).parameters(), strict=True):
        assert mine.equal(theirs)


def test_killed_ten_times_at_random_points(data, whole, tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["segcore.training.engine"])
    generator = random.Random(5)
    kills, positions = 0, []
    while True:
        process = context.Process(target=train, args=(data, tmp_path))
        process.start()
        begun = time.monotonic()
        checkpoint = tmp_path / f"{data.name}-deeplabv3plus" / FILE
        before = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else 0
        moved = (
            (lambda: checkpoint.is_file() and checkpoint.stat().st_mtime_ns != before)
            if kills < 10
            else (lambda: False)
        )
        while process.is_alive() and not moved() and time.monotonic() < begun + 120:
            time.sleep(0.01)
        if kills < 10 and process.is_alive():
            time.sleep(generator.random() * 0.4)  # some more steps, a validation, or the middle of a write
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            break
        kills += 1
        positions.append(Checkpoint.read(checkpoint.parent).position)
        assert load_run(checkpoint.parent).summary.status == "training"
    print(f"killed {kills} times, at", *(f"{p.epoch}:{p.batches}" for p in positions))
    assert kills == 10
    found = load_run(checkpoint.parent)
    assert found.summary.status == "finished" and not checkpoint.exists()
    assert_same(found, whole)
