"""What trainings on Ray say on the terminal: a bar a training that runs, a line an epoch of each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from segcore.runs import Summary
from segcore.training.console import Reporter


class SilentReporter(Reporter):
    """In a worker: epochs and sizes are in the run's files, where the user's command reads them."""

    def model(self, summary: Summary, frozen: str) -> None:
        """The driver tells of models."""

    def epoch(self, row: Mapping[str, Any], *, best: bool, seconds: float) -> None:
        """The driver tells of epochs."""


class RunsReporter(Reporter):
    """Several trainings at once.

    Args:
        console: Where to.
    """

    times_left = False  # `tick` tells it from the runs' own seconds: a bar advances by whole epochs

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._all: TaskID | None = None
        self._runs: dict[str, TaskID] = {}
        self._left: dict[str, tuple[float, float, float]] = {}  # last val mIoU, when it was seen, seconds left then

    def all(self, done: int, total: int) -> None:
        """Trainings that have ended."""
        if self._all is None:
            self._all = self._bars.add_task("trainings", total=total, speed="")
        self._bars.update(self._all, completed=done)

    def begun(self, run: str, epochs: int) -> None:
        """A training runs; where it did already, nothing happens."""
        if run not in self._runs:
            self._runs[run] = self._bars.add_task(escape(run), total=epochs, speed="")

    def row(self, run: str, row: Mapping[str, Any], *, epochs: int, best: bool, seconds: float, width: int) -> None:
        """An epoch of a run.

        Args:
            run: Its id.
            row: Of its metrics.
            epochs: Of the whole training.
            best: So far, by validation mIoU.
            seconds: Of training so far.
            width: Of the column of ids.
        """
        self.begun(run, epochs)
        self._model, self._epochs = run.ljust(width), epochs
        self.epoch(row, best=best, seconds=seconds)
        done = int(row["epoch"]) + 1
        self._left[run] = row["val_miou"], time.monotonic(), seconds / done * (epochs - done)
        self._bars.update(self._runs[run], completed=done)
        self.tick()

    def tick(self) -> None:
        """Time goes by."""
        for run, (miou, seen, left) in self._left.items():
            minutes, rest = divmod(round(max(0.0, left - (time.monotonic() - seen))), 60)
            then = f"{minutes}:{rest:02} min left" if left else "scoring"
            self._bars.update(self._runs[run], speed=f"val mIoU {miou:.3f}, {then}")

    def ended(self, run: str) -> None:
        """A training has ended, or its worker has."""
        self._left.pop(run, None)
        if run in self._runs:
            self._bars.remove_task(self._runs.pop(run))
