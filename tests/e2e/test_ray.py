"""--launcher ray on a Ray of this machine with two workers, some of which are killed."""

import os
import signal
import threading
import time
from functools import partial
from importlib.util import find_spec
from io import StringIO

import pandas as pd
import pytest
import torch
from fixtures.tiny import TINY, tiny_folder
from rich.console import Console

from segcore.cli import main as segcore
from segcore.models import load_model
from segcore.runs import RunStore
from segcore.runs.run_files import CHECKPOINT
from segcore.runs.search import SearchStore
from segcore.training.checkpoint import Checkpoint
from segcore.training.command_line import main, parse
from segcore.training.console import Reporter
from segcore.training.engine import train
from segcore.training.ray import cluster
from segcore.training.ray import launcher as ray_launcher
from segcore.training.ray.cluster import Allocation, TaskPool, connected
from segcore.training.ray.console import RunsReporter
from segcore.training.ray.launcher import RunsWatcher
from segcore.training.session import Session
from segcore.training.signals import Interrupts

# Not imported here: Ray reads how to be quiet when it is imported.
# Three workers import torch one after another, each in a minute or more where six programs share two cores.
pytestmark = [pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed"), pytest.mark.timeout(2400)]
# A checkpoint at every step, and dropout, batch norm, momentum and augmentation to lose in between.
RECIPE = [*TINY, "--epochs", "9", "--augment", "assignment", "--checkpoint-minutes", "0.0001"]
OPTIONS = "{unet: {decoder_chanels: 3}, deeplabv3plus: {decoder_channels: 128}}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module", autouse=True)
def ray_here():
    """One Ray for the file; the launcher uses the one that is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # of a training
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("RAY_worker_niceness", "0")  # 15 by default: beside a busy program, a thirtieth of a core
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # of this process, whose torch is loaded
        with connected(cpus=2):
            yield
        torch.set_num_threads(threads)


def recipe(data, out, *flags):
    return [*RECIPE, "--data", str(data), "--out", str(out), *flags]


def on_ray(data, out, *flags):
    output = StringIO()
    config, _ = parse([*recipe(data, out, *flags), "--launcher", "ray"])
    runs = train(config, Reporter(Console(file=output, soft_wrap=True)))
    return {run.summary.model: run for run in runs}, output.getvalue()


@pytest.fixture(scope="module")
def here(data, tmp_path_factory):
    """The same trainings in this process, one after the other."""
    config, _ = parse(recipe(data, tmp_path_factory.mktemp("here"), "--models", "fcn8s,deeplabv3plus"))
    return {run.summary.model: run for run in train(config)}


def workers(name):
    """Processes of Ray that this one started, by the name of their work."""
    import psutil  # ray brings it

    for child in psutil.Process().children(recursive=True):
        try:
            if child.cmdline()[:1] == [f"ray::{name}"]:
                yield child
        except psutil.Error:
            continue


def when(condition, act, pause=0.02):
    """Do something in a thread as soon as a condition holds, which is looked at every so many seconds."""

    def wait():
        while not ended.is_set():
            if condition():
                act()
                return
            time.sleep(pause)

    ended = threading.Event()
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return ended, thread


@pytest.fixture(scope="module")
def there(data, here, tmp_path_factory):
    """(runs by model, what was said, where fcn8s stood when its worker was killed, whether two worked at once)."""
    out, name, killed, at_once = tmp_path_factory.mktemp("there"), here["fcn8s"].id, [], []
    run = out / name

    def kill():
        for worker in workers(name):
            worker.send_signal(signal.SIGKILL)
        killed.append(Checkpoint.read(run).position)  # the next worker imports torch before it writes another

    def both():  # each is there for as long as its imports take, which no load makes shorter
        return all(any(workers(one.id)) for one in here.values())

    watchers = [
        when((run / CHECKPOINT).is_file, kill),  # the first of 18: nothing is waited for in which they could be over
        when(both, lambda: at_once.append(True), pause=0.2),
    ]
    flags = ("--models", "fcn8s,deeplabv3plus,unet", "--model-options", OPTIONS)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray_launcher, "origin", lambda: {"git_commit": "abc1234", "command": "as typed"})
            runs, output = on_ray(data, out, *flags)
    finally:
        for ended, thread in watchers:
            ended.set()
            thread.join()
    return runs, output, killed[0], bool(at_once)


def assert_same(actual, expected):
    assert actual.summary.status == "finished" and not (actual.path / CHECKPOINT).exists()
    drop = {"seconds"}
    pd.testing.assert_frame_equal(
        actual.history.drop(columns=drop), expected.history.drop(columns=drop), check_exact=True
    )
    assert actual.summary.test == expected.summary.test and actual.summary.val == expected.summary.val
    assert (actual.evaluation("test").counts == expected.evaluation("test").counts).all()
    for mine, theirs in zip(load_model(actual.path).parameters(), load_model(expected.path).parameters(), strict=True):
        assert mine.equal(theirs)


def test_a_worker_trains_to_the_same_bits(here, there):
    assert_same(there[0]["deeplabv3plus"], here["deeplabv3plus"])


def test_a_killed_worker_is_replaced_and_nothing_is_lost(here, there):
    runs, output, position, _ = there
    print(f"killed after {position.epoch} epochs and {position.batches} batches")
    assert 0 < position.step < 18
    assert f"{runs['fcn8s'].id}: Its process was killed. Another goes on from its last checkpoint." in output
    assert_same(runs["fcn8s"], here["fcn8s"])


def test_trainings_run_at_the_same_time(there):
    assert there[3]


def test_one_that_fails_does_not_lose_the_others(there):
    runs, output, _, _ = there
    assert {model: run.summary.status for model, run in runs.items()} == {
        **dict.fromkeys(("fcn8s", "deeplabv3plus"), "finished"),
        "unet": "failed",
    }
    reason = "No option of unet 'decoder_chanels'. Did you mean 'decoder_channels'?"
    assert runs["unet"].summary.error.startswith(reason)
    assert f"{runs['unet'].id}: unet failed: {reason}" in output
    assert "epoch   9/9" in output and "Scores on test" in output and "2 trainings at a time, 1 CPU each" in output


def test_runs_tell_of_the_users_command_and_are_trained_again_by_their_config(there, here):
    for run in there[0].values():
        assert (run.summary.command, run.summary.git_commit) == ("as typed", "abc1234")
    for model, run in here.items():
        assert there[0][model].config == run.config | {"out": there[0][model].config["out"]}


def test_ctrl_c_interrupts_the_runs_and_leaves_nobody_behind(data, here, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # both cores: the others wait
    name = here["fcn8s"].id
    stop = partial(os.kill, os.getpid(), signal.SIGINT)
    ended, thread = when((tmp_path / name / "metrics.csv").is_file, stop)
    try:
        code = main(recipe(data, tmp_path, "--models", "fcn8s,unet", "--epochs", "500", "--launcher", "ray"))
    finally:
        ended.set()
        thread.join()
    assert code == 130
    (run,) = RunStore(tmp_path).list()
    assert run.summary.status == "interrupted" and run.summary.test is not None
    assert Checkpoint.read(run.path).position.step > 0
    output = capsys.readouterr().out
    assert f"python train.py --resume {run.path}" in output and f"Interrupted. Not trained: {data.name}-unet." in output
    assert not (tmp_path / f"{data.name}-unet").exists()
    assert not list(workers(name))


def test_a_search_finds_what_it_finds_without_ray(data, tmp_path):
    (tmp_path / "s.yaml").write_text("space: {lr: {low: 1.0e-4, high: 1.0e-2, log: true}}")
    tables = {}
    for launcher in ("local", "ray"):
        out = tmp_path / launcher
        flags = ["--space", str(tmp_path / "s.yaml"), "--folds", "2", "--data", str(data), "--out", str(out)]
        flags += ["--launcher", launcher, "--sampler", "random"]  # draws by the number of the trial alone
        assert segcore(["search", *flags, "--trials", "2", "--", *TINY, "--models", "unet", "--epochs", "2"]) == 0
        actual = SearchStore(out).get("s")
        tables[launcher] = actual.trials.drop(columns="seconds")
        assert [run.summary.status for number in range(2) for run in actual.runs_of(number)] == ["finished"] * 4
    assert tables["local"]["value"].nunique() == 2
    pd.testing.assert_frame_equal(tables["ray"], tables["local"], check_exact=True)


class Seen:
    """Notes what becomes of work."""

    def __init__(self, file=None):
        self.file, self.events = file, []

    def tick(self):
        pass

    def progress(self, index):
        return self.file.read_text() if self.file else None

    def ended(self, index, result):
        self.events.append(("ended", result))
        return True

    def failed(self, index, reason):
        self.events.append(("failed", reason))

    def died(self, index, reason):
        self.events.append(("died", reason))

    def stopped(self, index):
        self.events.append(("stopped", None))


def test_work_that_kills_its_workers_is_given_up(monkeypatch):
    monkeypatch.setattr(cluster, "MAX_DEATHS", 2)
    seen = Seen()
    TaskPool(lambda: os._exit(1), [()], ["deadly"], Allocation(1, 0, 2, 1)).run(seen, Interrupts())
    assert seen.events == [
        ("died", "Its process was killed"),
        ("failed", "Its process was killed, 2 times in a row without progress"),
    ]


def test_work_that_gains_between_deaths_is_not_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "MAX_DEATHS", 2)
    file = tmp_path / "gained"
    file.write_text("")

    def work(file):
        file.write_text(file.read_text() + "x")
        if len(file.read_text()) < 3:
            os._exit(1)
        return file.read_text()

    seen = Seen(file)
    TaskPool(work, [(file,)], ["slow"], Allocation(1, 0, 2, 1)).run(seen, Interrupts())
    assert seen.events == [("died", "Its process was killed")] * 2 + [("ended", "xxx")]


def test_a_run_whose_workers_died_before_they_began_says_so(data, tmp_path):
    config, _ = parse(recipe(data, tmp_path, "--models", "fcn8s"))
    (task,), output = config.tasks(), StringIO()
    writer = RunStore(tmp_path).create("unlucky")
    reporter = RunsReporter(Console(file=output, soft_wrap=True))
    watch = RunsWatcher(
        reporter, Session(reporter, remote=True), [task], [writer], Allocation(1, 0, 1, 1), Interrupts()
    )
    watch.failed(0, "Its machine was lost, 4 times in a row without progress")
    run = writer.record()
    assert (run.summary.status, run.summary.epochs, run.config["models"]) == ("failed", 0, ["fcn8s"])
    assert run.summary.error == "Its machine was lost, 4 times in a row without progress."
    assert "unlucky failed: Its machine was lost" in output.getvalue()
