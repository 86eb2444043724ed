"""Many trainings on Ray: one command, a worker for each training, the same runs as from `train.py` alone.

The command checks what can be checked, makes the runs' folders, and follows the trainings by their files. A worker that
dies is replaced by one that goes on from the run's `last.ckpt`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from segcore.errors import RunError
from segcore.runs import (
    RunRecord,
    RunStore,
    RunWriter,
    Status,
    run_files,
)
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter
from segcore.training.engine import Session, check_samples, opening
from segcore.training.provenance import origin
from segcore.training.ray.cluster import (
    THREADS,
    Share,
    Work,
    check_ray,
    connected,
    machines,
    share,
    shared,
)
from segcore.training.ray.console import RunsReporter
from segcore.training.ray.worker import Result, WorkerTask, train_one
from segcore.training.run_summaries import first_summary
from segcore.training.signals import Interrupts

_DISK_SECONDS = 90  # that a network disk may take to show what another machine has written


def train_on_ray(config: TrainConfig, reporter: Reporter | None = None) -> list[RunRecord]:
    """Train every model, seed and fold of the config, as many at once as the cluster has room for.

    Args:
        config: The settings.
        reporter: Whose console is written to.

    Returns:
        A run for every training that was begun. One that failed does not lose the others.

    Raises:
        SegcoreError: when nothing could start: ray, data, encoder, no machine that fits.
        KeyboardInterrupt: on Ctrl-C while the data is checked, and on a third one.
    """
    check_ray()
    told = RunsReporter(reporter.console if reporter else None)
    session, tasks = Session(told, remote=True), config.tasks()
    store = RunStore(Path(config.out).absolute())
    job = session.job(tasks[0], RunWriter(store.root))
    with connected() as where:
        each = share(machines(), len(tasks), config.device, os.environ.get(THREADS))
        lines = opening(job, config) | {"device": f"{where}: {each}"}
        told.opening(lines, (*job.dataset.notes, *job.plan.warnings, *shared(store.root, each)))
        with told.drawing():
            with session.stop.listening():
                for split in ("train", "val", "test"):
                    check_samples(job, split)
            with _folders(store, tasks, job.dataset.name) as writers, Interrupts().listening() as interrupts:
                watch = _Watch(told, session, tasks, writers, each, interrupts)
                made_by = origin()
                orders = [
                    WorkerTask(task.values(), writer.path, Path.cwd(), job.dataset.fingerprint, made_by, each.cpus)
                    for task, writer in zip(tasks, writers, strict=True)
                ]
                work: Work[Result] = Work(train_one, [(order,) for order in orders], watch.names, each)
                try:
                    work.run(watch, interrupts)
                finally:
                    watch.settle()
    runs = [writer.record() for writer in writers if (writer.path / run_files.SUMMARY).is_file()]
    if runs:
        told.closing(runs)
    if interrupts.times:
        left = ", ".join(writer.id for writer in writers if not (writer.path / run_files.SUMMARY).is_file())
        told.say(f"Interrupted.{' Not trained: ' + left + '.' if left else ''}")
    return runs


@contextmanager
def _folders(store: RunStore, tasks: Sequence[TrainConfig], dataset: str) -> Iterator[list[RunWriter]]:
    """A folder a task, by this process alone so that no two get the same; those left empty are removed."""
    writers: list[RunWriter] = []
    try:
        for task in tasks:
            writers.append(store.create(task.run_name(dataset)))
        yield writers
    finally:
        for writer in writers:
            with suppress(OSError):  # of a folder that is not empty
                writer.path.rmdir()


@dataclass
class _Watch:
    """Tells of the trainings by their files, and ends the runs that no worker ends."""

    told: RunsReporter
    session: Session
    tasks: Sequence[TrainConfig]
    writers: Sequence[RunWriter]
    share: Share
    interrupts: Interrupts
    rows: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    warned: bool = False

    @property
    def names(self) -> list[str]:
        """Ids of the runs."""
        return [writer.id for writer in self.writers]

    def tick(self) -> None:
        for index in range(len(self.tasks)):
            if index not in self.done:
                with suppress(RunError, OSError):  # a network disk may be in the middle of replacing a file
                    self._follow(index)
        self.told.all(len(self.done), len(self.tasks))
        self.told.tick()
        if self.interrupts.times and not self.warned:
            self.warned = True
            self.told.say("Stopping; the best epochs so far are scored now, Ctrl-C again leaves that out.")

    def gained(self, index: int) -> Hashable:
        checkpoint = self.writers[index].path / run_files.CHECKPOINT
        return checkpoint.stat().st_mtime_ns if checkpoint.is_file() else None

    def ended(self, index: int, result: Result) -> bool:
        if result.refused:
            self.failed(index, result.refused.rstrip("."))
            return True
        name, model, run = self.names[index], f"{self.tasks[index].models[0]}: ", self._record(index)
        for _ in range(_DISK_SECONDS):
            if run and run.summary.status == result.status:
                break
            time.sleep(1)
            run = self._record(index)
        if run is None:
            self.failed(index, f"Its worker ended, and nothing of it is to be seen in {self.writers[index].path}")
            return True
        if run.summary.status == "interrupted" and not self.interrupts.times:
            return False
        self._close(index)
        if run.summary.status == "interrupted":
            self._resumable(index)
        else:
            tone = "red" if run.summary.status == "failed" else "dim"
            for line in result.said.splitlines():
                self.told.say(f"[{tone}]{escape(f'{name}: {line.removeprefix(model)}')}[/]")
        return True

    def failed(self, index: int, reason: str) -> None:
        self._close(index)
        again = " Go on with it: python train.py --resume " + str(self.writers[index].path)
        error = f"{reason}.{again if self.gained(index) else ''}"
        self._end(index, "failed", error)
        self.told.say(f"[red]{escape(self.names[index])} failed[/]: {escape(error)}")

    def died(self, index: int, reason: str) -> None:
        self.told.ended(self.names[index])
        how = "goes on from its last checkpoint" if self.gained(index) else "begins again"
        self.told.say(f"[yellow]{escape(self.names[index])}[/]: {reason}. Another {how}.")

    def stopped(self, index: int) -> None:
        self._close(index)
        run = self._record(index)
        if run and run.summary.status == "training":  # killed, or interrupted before it could say so
            self._end(index, "interrupted", None)
        if run:
            self._resumable(index)

    def settle(self) -> None:
        """What is left was killed with the command."""
        for index in range(len(self.tasks)):
            if index not in self.done:
                self.stopped(index)

    def _close(self, index: int) -> None:
        with suppress(RunError, OSError):
            self._follow(index)
        self.done.add(index)
        self.told.ended(self.names[index])

    def _resumable(self, index: int) -> None:
        if self.gained(index):
            self.told.say(
                f"{escape(self.names[index])}: stopped. Go on with it: python train.py --resume "
                f"{escape(str(self.writers[index].path))}"
            )

    def _record(self, index: int) -> RunRecord | None:
        """The run; None before a worker has begun it."""
        writer = self.writers[index]
        return writer.record() if (writer.path / run_files.SUMMARY).is_file() else None

    def _follow(self, index: int) -> None:
        """Tell of the epochs that a run has got since the last time."""
        run = self._record(index)
        if run is None:
            return
        name, epochs, width = self.names[index], self.tasks[index].epochs, max(map(len, self.names))
        self.told.begun(name, epochs)
        rows = run.history.to_dict("records")
        seen = min(self.rows.get(index, 0), len(rows))  # after a death there may be fewer: epochs come again
        self.rows[index] = len(rows)
        best, seconds = -1.0, 0.0
        for at, found in enumerate(rows):
            row = {str(column): value for column, value in found.items()} | {"epoch": at}
            is_best, seconds = row["val_miou"] > best, seconds + row["seconds"]
            best = row["val_miou"] if is_best else best
            if at >= seen:
                self.told.row(name, row, epochs=epochs, best=is_best, seconds=seconds, width=width)

    def _end(self, index: int, status: Status, error: str | None) -> None:
        """Let the run say how it ended, in place of its worker."""
        writer, task, run = self.writers[index], self.tasks[index], self._record(index)
        if run is None:
            writer.write_config(task.values())
            summary = first_summary(self.session.job(task, writer))
            summary = summary.model_copy(update={"device": "cuda" if self.share.gpus else "cpu"})
        else:
            summary, history = run.summary, run.history
            scored = history["val_miou"].notna().any()
            reached = {
                "epochs": len(history),
                "best_epoch": int(history["val_miou"].to_numpy(float, na_value=-1.0).argmax()) if scored else None,
                "train_seconds": float(history["seconds"].sum()),
            }
            summary = summary.model_copy(update=reached)
        writer.write_summary(summary.model_copy(update={"status": status, "error": error}))
