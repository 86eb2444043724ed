"""Trains every task of a config on Ray, each in a worker; the runs are the same as without Ray.

The command checks the data, makes the runs' folders, and follows the trainings through their files. A worker that dies
is replaced by one that resumes from the run's `last.ckpt`.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from segcore.errors import RunError
from segcore.runs import RunRecord, RunStore, RunWriter, Status, run_files
from segcore.runs.cli_hints import go_on
from segcore.runs.provenance import origin
from segcore.runs.run_lock import SILENT, writing
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter
from segcore.training.ray.cluster import (
    Allocation,
    TaskPool,
    allocate_cluster,
    check_ray,
    connected,
    shared_folder_notes,
)
from segcore.training.ray.console import RunsReporter
from segcore.training.ray.worker import Result, WorkerTask, train_one
from segcore.training.run_summaries import first_summary
from segcore.training.session import Session, check_samples, opening_lines
from segcore.training.signals import Interrupts

_DISK_SECONDS = 90  # a network disk may take this long to show what another machine has written


def train_on_ray(config: TrainConfig, reporter: Reporter | None = None) -> list[RunRecord]:
    """Train every model, seed and fold of the config, as many at the same time as fit on the cluster.

    Args:
        config: The settings.
        reporter: Its console is printed to; None prints to the terminal.

    Returns:
        A run for every training that started, failed ones included.

    Raises:
        SegcoreError: when nothing could start: ray, data, encoder, or no machine with enough resources.
        KeyboardInterrupt: on Ctrl-C while the data is checked, and on a third one.
    """
    check_ray()
    output = RunsReporter(reporter.console if reporter else None)
    session, tasks = Session(output, remote=True), config.tasks()
    store = RunStore(Path(config.out).absolute())
    job = session.prepare_all(tasks)
    with connected() as where:
        allocation = allocate_cluster(len(tasks), config.device)
        lines = opening_lines(job, config) | {"device": f"{where}: {allocation}"}
        notes = (*job.dataset.notes, *job.plan.warnings, *shared_folder_notes(store.root, allocation))
        output.opening(lines, notes)
        with output.drawing():
            with session.stop.listening():
                for split in ("train", "val", "test"):
                    check_samples(job, split)
            with _folders(store, tasks, job.dataset.name) as writers, Interrupts().listening() as interrupts:
                watcher = RunsWatcher(output, session, tasks, writers, allocation, interrupts)
                made_by, fingerprint = origin(), job.dataset.fingerprint
                arguments = [
                    (WorkerTask(task.values(), writer.path, Path.cwd(), fingerprint, made_by, allocation.cpus),)
                    for task, writer in zip(tasks, writers, strict=True)
                ]
                pool: TaskPool[Result] = TaskPool(train_one, arguments, watcher.names, allocation)
                try:
                    pool.run(watcher, interrupts)
                finally:
                    watcher.stop_remaining()
    runs = [writer.record() for writer in writers if (writer.path / run_files.SUMMARY).is_file()]
    if runs:
        output.closing(runs)
    if interrupts.count:
        not_trained = ", ".join(writer.id for writer in writers if not (writer.path / run_files.SUMMARY).is_file())
        output.say(f"Interrupted.{' Not trained: ' + not_trained + '.' if not_trained else ''}")
    return runs


@contextmanager
def _folders(store: RunStore, tasks: Sequence[TrainConfig], dataset: str) -> Iterator[list[RunWriter]]:
    """Make a run folder for each task, and remove those that are empty when the block ends."""
    writers: list[RunWriter] = []
    try:
        for task in tasks:
            writers.append(store.create(task.run_name(dataset)))
        yield writers
    finally:
        for writer in writers:
            with suppress(OSError):  # the folder is not empty
                writer.path.rmdir()


@dataclass
class RunsWatcher:
    """Prints the progress of trainings from their files, and writes the end of runs whose worker could not.

    Args:
        reporter: Prints progress.
        session: Prepares a task whose run was never started.
        tasks: One model, seed and fold each.
        writers: The run folder of each task.
        allocation: The resources of each training.
        interrupts: Counts Ctrl-C.
        rows: Epochs already printed, by task.
        done: Tasks that have ended.
        warned: Whether the message that the trainings stop was printed.
    """

    reporter: RunsReporter
    session: Session
    tasks: Sequence[TrainConfig]
    writers: Sequence[RunWriter]
    allocation: Allocation
    interrupts: Interrupts
    rows: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    warned: bool = False

    @property
    def names(self) -> list[str]:
        """Id of each run."""
        return [writer.id for writer in self.writers]

    def tick(self) -> None:
        for index in range(len(self.tasks)):
            if index not in self.done:
                with suppress(RunError, OSError):  # a network disk may be in the middle of replacing a file
                    self._follow(index)
        self.reporter.count(len(self.done), len(self.tasks))
        self.reporter.tick()
        if self.interrupts.count and not self.warned:
            self.warned = True
            self.reporter.say("Stopping; the kept epochs are scored now, Ctrl-C again leaves that out.")

    def progress(self, index: int) -> Hashable:
        checkpoint = self.writers[index].path / run_files.CHECKPOINT
        return checkpoint.stat().st_mtime_ns if checkpoint.is_file() else None

    def ended(self, index: int, result: Result) -> bool:
        if result.refused:
            self.failed(index, result.refused.rstrip("."))
            return True
        name, prefix, run = self.names[index], f"{self.tasks[index].models[0]}: ", self._record(index)
        for _ in range(_DISK_SECONDS):
            if run and run.summary.status == result.status:
                break
            time.sleep(1)
            run = self._record(index)
        if run is None:
            self.failed(index, f"Its worker ended, but {self.writers[index].path} has no summary.json of it")
            return True
        if run.summary.status == "interrupted" and not self.interrupts.count:
            return False
        self._close(index)
        if run.summary.status == "interrupted":
            self._resumable(index)
        else:
            tone = "red" if run.summary.status == "failed" else "dim"
            for line in result.output.splitlines():
                self.reporter.say(f"[{tone}]{escape(f'{name}: {line.removeprefix(prefix)}')}[/]")
        return True

    def failed(self, index: int, reason: str) -> None:
        self._close(index)
        error = f"{reason}.{f' {go_on(self.writers[index].path)}' if self.progress(index) else ''}"
        self._end(index, "failed", error)
        self.reporter.say(f"[red]{escape(self.names[index])} failed[/]: {escape(error)}")

    def died(self, index: int, reason: str) -> None:
        self.reporter.ended(self.names[index])
        how = "goes on from its last checkpoint" if self.progress(index) else "begins again"
        self.reporter.say(f"[yellow]{escape(self.names[index])}[/]: {reason}. Another {how}.")

    def stopped(self, index: int) -> None:
        self._close(index)
        run = self._record(index)
        if run and run.summary.status == "training":  # killed, or interrupted before it could write its status
            self._end(index, "interrupted", None)
        if run:
            self._resumable(index)

    def stop_remaining(self) -> None:
        """Mark the tasks that have not ended as stopped: they were killed with the command."""
        for index in range(len(self.tasks)):
            if index not in self.done:
                self.stopped(index)

    def _close(self, index: int) -> None:
        with suppress(RunError, OSError):
            self._follow(index)
        self.done.add(index)
        self.reporter.ended(self.names[index])

    def _resumable(self, index: int) -> None:
        if self.progress(index):
            self.reporter.say(f"{escape(self.names[index])}: stopped. {escape(go_on(self.writers[index].path))}")

    def _record(self, index: int) -> RunRecord | None:
        """The run; None before a worker has started it."""
        writer = self.writers[index]
        return writer.record() if (writer.path / run_files.SUMMARY).is_file() else None

    def _follow(self, index: int) -> None:
        """Print the epochs of a run that were not printed yet."""
        run = self._record(index)
        if run is None:
            return
        name, epochs, width = self.names[index], self.tasks[index].epochs, max(map(len, self.names))
        self.reporter.started(name, epochs)
        rows = run.history.to_dict("records")
        printed = min(self.rows.get(index, 0), len(rows))  # after a death some epochs are trained again
        self.rows[index] = len(rows)
        best, seconds = -1.0, 0.0
        for epoch, metrics in enumerate(rows):
            row = {str(column): value for column, value in metrics.items()} | {"epoch": epoch}
            is_best, seconds = row["val_miou"] > best, seconds + row["seconds"]
            best = row["val_miou"] if is_best else best
            if epoch >= printed:
                self.reporter.row(name, row, epochs=epochs, best=is_best, seconds=seconds, width=width)

    def _end(self, index: int, status: Status, error: str | None) -> None:
        """Write how a run ended, in place of its worker."""
        try:
            with writing(self.writers[index].path, "writes how it ended", wait=SILENT):
                self._write_end(index, status, error)
        except RunError as busy:
            self.reporter.say(f"[red]{escape(str(busy))}[/]")

    def _write_end(self, index: int, status: Status, error: str | None) -> None:
        writer, task, run = self.writers[index], self.tasks[index], self._record(index)
        if run is None:
            summary = first_summary(self.session.prepare(task), writer)
            writer.write_config(task.values())
            summary = summary.model_copy(update={"device": "cuda" if self.allocation.gpus else "cpu"})
        else:
            summary, history = run.summary, run.history
            progress = {
                "epochs": len(history),
                "best_epoch": summary.kept_epoch(history["val_miou"].to_numpy(float)),
                "train_seconds": float(history["seconds"].sum()),
            }
            summary = summary.model_copy(update=progress)
        writer.write_summary(summary.model_copy(update={"status": status, "error": error}))
