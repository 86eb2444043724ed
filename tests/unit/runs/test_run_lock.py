"""One process at a time writes a run; trainings that live and trainings that died."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from segcore.cli import main
from segcore.errors import RunError
from segcore.runs import RunWriter, live, load_run, run_lock
from segcore.runs.rename import rename_run
from segcore.runs.run_lock import writing
from segcore.runs.run_record import version


@pytest.fixture
def training(store, fake_run):
    """A run whose summary says that it trains: nothing in it tells of epochs, as during training."""
    run = fake_run(store, "unet", status="training", epochs=4, evaluated=False)
    file = run.path / "summary.json"
    values = json.loads(file.read_text()) | {"epochs": 0, "best_epoch": None, "train_seconds": 0.0}
    file.write_text(json.dumps(values))
    return run.path


def beat(folder, *, host=None, age=0.0, **more):
    path = folder / run_lock.FILE
    path.write_text(json.dumps({"host": host or socket.gethostname(), "pid": os.getpid(), **more}))
    os.utime(path, (time.time() - age,) * 2)


@pytest.fixture
def other_process():
    """Starts processes that lock a run, run code, and then wait; all are killed at the end."""
    processes = []

    def start(folder, code="pass"):
        text = """
            import sys, time
            from pathlib import Path
            from segcore.runs import RunWriter
            from segcore.runs.run_lock import writing
            folder = Path(sys.argv[1])
            with writing(folder, "trains it"):
                {code}
                print("ready", flush=True)
                time.sleep(600)
        """
        words = [sys.executable, "-c", textwrap.dedent(text).format(code=code), str(folder)]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == "ready\n"
        return processes[-1]

    yield start
    for process in processes:
        kill(process)


def kill(process):
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def at_once(monkeypatch):
    """Nobody waits for another writer."""
    monkeypatch.setattr(run_lock, "WAIT", 0.0)


def test_one_process_at_a_time_writes_a_run(training, other_process, at_once):
    process = other_process(training)
    who = f"process {process.pid} on {socket.gethostname()} trains it since 20"
    assert run_lock.writer_of(training).startswith(who)
    run = load_run(training)
    assert run.summary.status == "training"
    from segcore.training.engine import resume

    for write in (
        lambda: resume(str(training), {}),
        lambda: RunWriter(training).write_summary(run.summary),
        lambda: RunWriter(training).write_metrics([{"epoch": 5}]),
        lambda: rename_run(run, "other"),
    ):
        with pytest.raises(RunError, match=rf"Run 'unet' is in use: {who}.*Only one process .* or stop it\."):
            write()
    RunWriter(training).write_note("a file of its own, which nothing else writes")
    kill(process)
    assert run_lock.writer_of(training) is None
    assert load_run(training).summary.status == "interrupted"
    assert rename_run(run, "other").summary.status == "interrupted"
    assert not (training.with_name("other") / run_lock.FILE).exists()


def test_a_writer_waits_for_a_short_write(training, other_process):
    process = other_process(training)
    threading.Timer(0.3, process.kill).start()
    with writing(training, "evaluates it"):
        assert run_lock.writer_of(training).startswith(f"process {os.getpid()} on")


def test_blocks_are_nested_in_a_thread_and_threads_exclude_each_other(training, at_once):
    errors = []

    def other():
        with pytest.raises(RunError, match="in use") as error:
            RunWriter(training).write_metrics([{"epoch": 9}])
        errors.append(error)

    with writing(training, "trains it"):
        RunWriter(training).write_metrics([{"epoch": 4, "seconds": 1}])
        since = json.loads((training / run_lock.FILE).read_text())["since"]
        assert run_lock.writer_of(training).endswith(f" trains it since {since}")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(errors) == 1 and run_lock.writer_of(training) is None
    RunWriter(training).write_metrics([{"epoch": 5, "seconds": 1}])
    assert len(load_run(training).history) == 1


def test_many_processes_lose_nothing(training):
    code = """
        import sys
        from pathlib import Path
        from segcore.runs.run_lock import writing
        run = Path(sys.argv[1])
        for _ in range(8):
            with writing(run, "counts", wait=120):
                (run / "count").write_text(str(int((run / "count").read_text()) + 1))
    """
    (training / "count").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(training)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (training / "count").read_text() == "24"


def test_the_next_writer_puts_in_order_what_a_killed_one_left(training, other_process):
    (training / "evaluation").mkdir()
    code = "(folder / '.last.ckpt-abcdefgh.tmp').touch(); (folder / 'evaluation' / '.test-12345678.tmp').mkdir()"
    kill(other_process(training, code))
    with writing(training, "evaluates it"):
        pass
    assert json.loads((training / "summary.json").read_text())["status"] == "interrupted"
    assert not list(training.rglob("*.tmp")) and not (training / run_lock.FILE).exists()
    assert load_run(training).summary.error == run_lock.DIED


def test_a_writer_of_another_machine_counts_while_its_heart_beats(training, monkeypatch, at_once):
    beat(training, host="another machine", doing="trains it", since="2026-11-30")
    with pytest.raises(RunError, match=r"process \d+ on another machine trains it .* known after two minutes"):
        RunWriter(training).write_metrics([{"epoch": 1}])
    beat(training, host="another machine", age=run_lock.SILENT - 1)
    with writing(training, "trains it", wait=60):
        assert run_lock.writer_of(training).startswith(f"process {os.getpid()} on")


def test_nothing_is_written_into_a_folder_that_is_gone(training, at_once):
    with writing(training, "trains it"):
        training.rename(training.with_name("moved"))
        with pytest.raises(RunError, match=r"The folder of run 'unet' is gone: .*removed or renamed"):
            RunWriter(training).write_metrics([{"epoch": 1}])
        training.mkdir()  # another training of the same name
        with pytest.raises(RunError, match="is gone"):
            RunWriter(training).write_metrics([{"epoch": 1}])
    assert not list(training.iterdir())


def test_a_folder_that_can_not_be_written_is_named(training, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(training / run_lock.LOCK))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(
        RunError,
        match=r"Run 'unet' can't be written: .*unet/\.lock: Permission denied\. Copy it",
    ):
        RunWriter(training).write_metrics([{"epoch": 1}])


def test_a_training_that_never_began_is_told_and_gives_way(store, other_process, at_once, capsys):
    writer = store.create("unet")
    process = other_process(writer.path, "RunWriter(folder).write_config({'lr': 1})")
    assert store.create("unet").id == "unet-2"  # it is just beginning
    kill(process)
    assert store.list() == []
    [problem] = store.problems
    assert problem.message == (
        f"The training of 'unet' never began: its process ended before the first step, and left no results. "
        f"Begin it: python train.py --config {writer.path}/config.yaml"
    )
    assert main(["runs", "--runs", str(store.root)]) == 0
    assert "skipped: The training of 'unet' never began" in capsys.readouterr().out
    again = store.create("unet")
    assert again.id == "unet" and not list(again.path.iterdir())
    assert store.create("unet").id == "unet-3"  # a folder of a training that is about to begin has no lock yet


def test_what_has_results_never_gives_way(store, fake_run):
    run = fake_run(store, "unet")
    (run.path / "summary.json").unlink()
    assert not run_lock.never_began(run.path) and store.create("unet").id == "unet-2"
    assert (run.path / "model.safetensors").exists()


def test_a_training_that_an_older_segcore_called_finished_before_it_was_scored(store, fake_run):
    run = fake_run(store, "unet", evaluated=False)
    file = run.path / "summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"val": None, "test": None}))
    assert load_run(run.path).summary.status == "finished"  # a fold of a search is never scored
    (run.path / "last.ckpt").touch()
    run = load_run(run.path)
    assert run.summary.status == "interrupted"
    assert run.stopped.endswith(f"being scored. Go on with it: python train.py --resume {run.path}")


@pytest.mark.parametrize(
    ("state", "dead"),
    [
        ({"host": "another machine"}, False),
        ({"host": "another machine", "age": 2 * run_lock.SILENT}, True),
        ({"age": 2 * run_lock.SILENT}, True),
        ({}, False),  # of an older Segcore, which locks nothing
        ({"doing": "trains it", "since": "now"}, True),  # its process is alive perhaps, and would hold the lock
    ],
)
def test_a_silent_heartbeat_is_a_death(training, state, dead):
    beat(training, **state)
    assert run_lock.is_dead(training) == dead
    assert load_run(training).summary.status == ("interrupted" if dead else "training")


def test_a_disk_without_locks_leaves_the_heartbeat(training, monkeypatch):
    def refuse(*_):
        raise OSError(45, "Operation not supported")

    (training / run_lock.LOCK).touch()
    monkeypatch.setattr(run_lock.fcntl, "flock", refuse)
    beat(training, doing="trains it", since="now")
    assert not run_lock.is_dead(training)
    beat(training, doing="trains it", since="now", age=2 * run_lock.SILENT)
    assert run_lock.is_dead(training)


def test_a_training_that_died_keeps_its_last_epoch_where_nothing_validates(training, other_process):
    process = other_process(training)
    document = json.loads((training / "summary.json").read_text())
    document["dataset"]["split"] = "all"
    (training / "summary.json").write_text(json.dumps(document))
    (training / "metrics.csv").write_text("epoch,val_miou,seconds\n0,,1\n1,,1\n2,,1\n")
    kill(process)
    info = load_run(training).summary
    assert (info.status, info.epochs, info.best_epoch) == ("interrupted", 3, 2)


def test_a_training_that_died_says_what_it_has_and_how_to_go_on(training, other_process, capsys):
    process = other_process(training)
    before = version(training)
    kill(process)
    run = load_run(training)
    assert run.version == version(training) != before  # caches of the app notice
    info = run.summary
    assert (info.status, info.epochs, info.best_epoch) == ("interrupted", 4, int(run.history["val_miou"].idxmax()))
    assert info.train_seconds == pytest.approx(run.history["seconds"].sum(), abs=0.01)
    assert run.stopped.startswith("interrupted after 4 epochs, kept is epoch 4: its process ended without a word")
    assert run.stopped.endswith(f"Train it again: python train.py --config {training}/config.yaml")
    (training / "last.ckpt").touch()
    assert load_run(training).stopped.endswith(f"Go on with it: python train.py --resume {training}")
    with (training / "metrics.csv").open("a") as metrics:
        metrics.write("4,50,0.1")
    assert load_run(training).summary.epochs == 4
    assert main(["runs", "--runs", str(training.parent)]) == 0
    printed = capsys.readouterr().out
    assert "interrupted" in printed and "unet: interrupted after 4 epochs, kept is epoch" in printed


def test_a_training_of_an_older_segcore_is_dead_after_a_day(training):
    assert load_run(training).summary.status == "training"
    for path in training.rglob("*"):
        os.utime(path, (time.time() - 2 * run_lock.UNKNOWN,) * 2)
    assert load_run(training).summary.status == "interrupted"


def test_other_runs_are_not_stopped(store, fake_run):
    assert fake_run(store, "unet").stopped is None
    failed = fake_run(store, "fpn", status="failed")
    assert failed.stopped.startswith("failed after 5 epochs, kept is epoch 5: The loss became NaN in epoch 2. Train")


def test_what_a_killed_training_told_while_it_went_on_is_removed_by_the_next_writer(training):
    live.write_progress(training, live.LiveProgress(0, 4, 2, 9))
    live.write_pictures(training, b"a picture")
    with writing(training, "scores it"):
        assert not (training / live.FOLDER).exists()
