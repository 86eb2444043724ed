"""One training over two processes on this machine: the numbers of one process, one writer, and no way to hang."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from fixtures.processes import ended, start
from fixtures.tiny import tiny_folder

from segcore.models import load_model
from segcore.runs import load_run
from segcore.runs.run_files import CHECKPOINT
from segcore.training.checkpoint import Checkpoint
from segcore.training.command_line import main

ROOT = Path(__file__).parents[2]
# Pretrained, on small steps: rounding, which no two sums of floats share, must not grow to what a bug would make.
RECIPE = ["--models", "unet", "--image-size", "64x96", "--precision", "fp32", "--device", "cpu", "--workers", "1"]
RECIPE += ["--model-options", "{unet: {decoder_channels: [32, 24, 16, 16, 8]}}"]
RECIPE += ["--optimizer", "sgd", "--lr", "0.01", "--batch-size", "4", "--epochs", "3", "--gradient-clip", "0.5"]
# Stages that thaw, gradients that wait, weights that are averaged, a validation too small for two processes.
WHOLE = [*RECIPE, "--freeze", "schedule", "--accumulate", "2", "--ema", "0.9", "--val-batch-size", "8"]
WHOLE += ["--checkpoint-minutes", "0.0001"]  # at every step
RUN = "tiny-unet"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """15 training images: the last batch of 4 has 3, of which one process gets 2."""
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny", train=15, val=6)


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """Of one process."""
    out = tmp_path_factory.mktemp("alone")
    assert ended(start(train, *begin(data, out), size=1, starter="user")) == [0]
    return out


@pytest.fixture(scope="module")
def together(data, tmp_path_factory):
    """Of two, as SLURM starts them."""
    out = tmp_path_factory.mktemp("together")
    assert ended(start(train, *begin(data, out), starter="srun", output=out / "said")) == [0, 0]
    return out


def begin(data, out, recipe=WHOLE):
    """Arguments of `train`."""
    return [*recipe, "--data", str(data), "--out", str(out / "runs")], out


def train(arguments, out, happens=None, rank=None):
    """In a process of its own: train, and write down the true pixels of each class that were counted.

    In the process of this rank, something happens: `full` is the disk at validation, `asked` it is to stop in a step.
    """
    from segcore.training import callbacks

    counted, scores = [], callbacks.scores
    callbacks.scores = lambda counts: counted.append(counts.sum(axis=1).tolist()) or scores(counts)
    if happens == "full" and os.environ["RANK"] == rank:
        callbacks.Recorder.on_validation_epoch_start = run_out_of_disk
    if happens == "asked" and os.environ["RANK"] == rank:
        callbacks.Recorder.on_train_batch_start = ask
    code = main(arguments)
    (out / f"counted{os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))}.json").write_text(json.dumps(counted))
    return code


def run_out_of_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def ask(recorder, *_):
    if not recorder.stop.requested:  # twice would end it at once
        os.kill(os.getpid(), signal.SIGTERM)


def history(out):
    return load_run(out / "runs" / RUN).history.drop(columns="seconds")


def test_two_processes_get_the_numbers_of_one(alone, together):
    assert [path.name for path in (together / "runs").iterdir()] == [RUN]
    difference = (history(alone) - history(together)).abs().max()
    print(difference.to_dict())
    assert (difference < 1e-3).all() and len(history(together)) == 3
    counted = [json.loads((out / f"counted{rank}.json").read_text()) for out, rank in [(alone, 0), (together, 0)]]
    assert counted[0] == counted[1] and len(counted[0]) == 6  # training and validation of each epoch
    one, two = (load_run(out / "runs" / RUN) for out in (alone, together))
    assert one.summary.status == two.summary.status == "finished"
    assert abs(one.summary.test.miou - two.summary.test.miou) < 1e-3
    assert one.evaluation("test").counts.sum() == two.evaluation("test").counts.sum()


def test_only_the_first_process_talks(together):
    output = {path.name: path.read_text() for path in (together / "said").iterdir()}
    assert "2 processes" in output["0.out"] and output["0.out"].count("Scores on test") == 1
    assert output["1.out"] == ""


def test_killed_and_stopped_it_goes_on_to_the_same_bits(data, together, tmp_path):
    run = tmp_path / "runs" / RUN
    first = start(train, *begin(data, tmp_path), output=tmp_path / "said")
    wait_for(run / CHECKPOINT)
    first[1].kill()
    assert ended(first) == [1, -signal.SIGKILL]
    assert load_run(run).summary.status == "failed" and "Another process" in load_run(run).summary.error
    assert "Another process of this training ended" in (tmp_path / "said/0.out").read_text()

    # The process that writes nothing.
    step = Checkpoint.read(run).position.step
    assert ended(start(train, ["--resume", str(run)], tmp_path, "asked", "1", output=tmp_path / "said")) == [130, 130]
    assert load_run(run).summary.status == "interrupted" and Checkpoint.read(run).position.step == step + 1
    assert "unet: stopped;" in (tmp_path / "said/0.out").read_text() and (tmp_path / "said/1.out").read_text() == ""

    assert ended(start(train, ["--resume", str(run)], tmp_path)) == [0, 0]
    pd.testing.assert_frame_equal(history(tmp_path), history(together), check_exact=True)
    for mine, theirs in zip(models(tmp_path), models(together), strict=True):
        assert mine.equal(theirs)
    assert load_run(run).summary.status == "finished" and not (run / CHECKPOINT).exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_failure_of_one_ends_both_and_is_told(data, tmp_path, rank):
    arguments, out = begin(data, tmp_path, [*RECIPE, "--val-batch-size", "3", "--repeats", "2"])
    assert ended(start(train, arguments, out, "full", rank, output=tmp_path / "said"), seconds=60) == [1, 1]
    runs = [load_run(path) for path in (tmp_path / "runs").iterdir()]
    assert [run.summary.status for run in runs] == ["failed"]
    full = "The disk of .* is full"
    if rank == "0":
        assert re.search(full, runs[0].summary.error) and (tmp_path / "said/1.err").read_text() == ""
    else:
        assert re.search(f"process 2 failed: {full}", (tmp_path / "said/1.err").read_text())
        assert "Its own message says why" in (tmp_path / "said/0.out").read_text()
    assert "Not trained: tiny-unet-seed1" in (tmp_path / "said/0.out").read_text()


def test_a_batch_that_is_too_small_for_all_is_refused_once(data, tmp_path):
    arguments, out = begin(data, tmp_path, [*RECIPE, "--batch-size", "1"])
    assert ended(start(train, arguments, out, output=tmp_path / "said")) == [2, 2]
    assert (
        "--batch-size 1 is shared by all 2 processes, and each needs an image. Give 2 or more"
        in (tmp_path / "said/0.err").read_text()
    )
    assert (tmp_path / "said/1.err").read_text() == ""


def test_torchrun_trains_one_model_after_another(data, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    command += [*RECIPE, "--epochs", "1", "--repeats", "2", "--data", str(data), "--out", str(tmp_path / "runs")]
    quick = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quick, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    runs = [load_run(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert [(run.summary.seed, run.summary.status) for run in runs] == [(0, "finished"), (1, "finished")]
    assert done.stdout.count("Scores on test") == 1 and done.stderr == ""


def models(out):
    return load_model(out / "runs" / RUN).parameters()


def wait_for(file, seconds=120):
    deadline = time.monotonic() + seconds
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
