"""Trainings that live and trainings that died."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from segcore.cli import main
from segcore.errors import RunError
from segcore.runs import heartbeat, load_run
from segcore.runs.run_record import version


@pytest.fixture
def training(store, fake_run):
    """A run whose summary says that it trains: nothing in it tells of epochs, as during training."""
    run = fake_run(store, "unet", status="training", epochs=4, evaluated=False)
    file = run.path / "summary.json"
    values = json.loads(file.read_text()) | {"epochs": 0, "best_epoch": None, "train_seconds": 0.0}
    file.write_text(json.dumps(values))
    return run.path


def beat(folder, *, pid=None, host=None, age=0.0):
    path = folder / heartbeat.FILE
    path.write_text(json.dumps({"host": host or socket.gethostname(), "pid": os.getpid() if pid is None else pid}))
    os.utime(path, (time.time() - age,) * 2)


@pytest.fixture
def ended_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_living_training_is_one_and_is_not_resumed(training):
    with heartbeat.beating(training):
        assert heartbeat.trained_by(training) == f"process {os.getpid()} on {socket.gethostname()}"
        assert load_run(training).summary.status == "training"
        from segcore.training.engine import resume

        with pytest.raises(RunError, match=r"Run 'unet' is being trained by process \d+ on .*Stop that first"):
            resume(str(training), {})
    assert not (training / heartbeat.FILE).exists()


@pytest.mark.parametrize(
    ("state", "dead"),
    [
        ({"host": "another machine"}, False),
        ({"host": "another machine", "age": 2 * heartbeat.SILENT}, True),
        ({"age": 2 * heartbeat.SILENT}, True),
        ({"pid": None}, False),
    ],
)
def test_a_silent_heartbeat_is_a_death(training, state, dead):
    beat(training, **state)
    assert heartbeat.is_dead(training) == dead
    assert load_run(training).summary.status == ("interrupted" if dead else "training")


def test_a_training_that_died_says_what_it_has_and_how_to_go_on(training, ended_pid, capsys):
    beat(training)
    before = version(training)
    beat(training, pid=ended_pid)
    run = load_run(training)
    assert run.version == version(training) != before  # caches of the app notice
    info = run.summary
    assert (info.status, info.epochs, info.best_epoch) == ("interrupted", 4, int(run.history["val_miou"].idxmax()))
    assert info.train_seconds == pytest.approx(run.history["seconds"].sum(), abs=0.01)
    assert run.stopped.startswith("interrupted after 4 epochs, the best is epoch 4: its process ended without a word")
    assert run.stopped.endswith(f"Train it again: python train.py --config {training}/config.yaml")
    (training / "last.ckpt").touch()
    assert load_run(training).stopped.endswith(f"Go on with it: python train.py --resume {training}")
    with (training / "metrics.csv").open("a") as metrics:
        metrics.write("4,50,0.1")
    assert load_run(training).summary.epochs == 4
    assert main(["runs", "--runs", str(training.parent)]) == 0
    printed = capsys.readouterr().out
    assert "interrupted" in printed and "unet: interrupted after 4 epochs, the best is epoch" in printed


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")
def test_a_process_that_nobody_asked_for_its_exit_code_is_dead(training):
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the table of processes
    beat(training, pid=process.pid)
    assert heartbeat.is_dead(training)
    process.wait()


def test_a_training_of_an_older_segcore_is_dead_after_a_day(training):
    assert load_run(training).summary.status == "training"
    for path in training.rglob("*"):
        os.utime(path, (time.time() - 2 * heartbeat.UNKNOWN,) * 2)
    assert load_run(training).summary.status == "interrupted"


def test_other_runs_are_not_stopped(store, fake_run):
    assert fake_run(store, "unet").stopped is None
    failed = fake_run(store, "fpn", status="failed")
    assert failed.stopped.startswith(
        "failed after 5 epochs, the best is epoch 5: The loss became NaN in epoch 2. Train"
    )
