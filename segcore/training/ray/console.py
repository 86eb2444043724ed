"""Terminal output of trainings on Ray: a progress bar per running training, a line per epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from segcore.runs import Summary
from segcore.training.console import Reporter, is_validated


class SilentReporter(Reporter):
    """The reporter of a worker: prints no models and epochs, which the user's command reads from the run's files."""

    def model(self, summary: Summary, frozen: str) -> None:
        """Print nothing: the user's command prints the models."""

    def epoch(self, row: Mapping[str, Any], *, best: bool, seconds: float) -> None:
        """Print nothing: the user's command prints the epochs."""


class RunsReporter(Reporter):
    """Prints the progress of several trainings at the same time."""

    times_left = False  # `tick` computes it from the runs' seconds, because a bar advances by whole epochs

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._total_bar: TaskID | None = None
        self._runs: dict[str, TaskID] = {}
        self._left: dict[str, tuple[str, float, float]] = {}  # val mIoU, when it was seen, seconds left then

    def count(self, done: int, total: int) -> None:
        """Show how many trainings have ended."""
        if self._total_bar is None:
            self._total_bar = self._bars.add_task("trainings", total=total, speed="")
        self._bars.update(self._total_bar, completed=done)

    def started(self, run: str, epochs: int) -> None:
        """Add the bar of a training that runs, unless it has one."""
        if run not in self._runs:
            self._runs[run] = self._bars.add_task(escape(run), total=epochs, speed="")

    def row(self, run: str, row: Mapping[str, Any], *, epochs: int, best: bool, seconds: float, width: int) -> None:
        """Print an epoch of a run, of `epochs` in all, as `epoch` does; run ids fill a column of this `width`."""
        self.started(run, epochs)
        self._model, self._epochs = run.ljust(width), epochs
        self.epoch(row, best=best, seconds=seconds)
        done = int(row["epoch"]) + 1
        self._left[run] = (
            f"val mIoU {row['val_miou']:.3f}, " if is_validated(row) else "",
            time.monotonic(),
            seconds / done * (epochs - done),
        )
        self._bars.update(self._runs[run], completed=done)
        self.tick()

    def tick(self) -> None:
        """Update the times left."""
        for run, (score, seen, left) in self._left.items():
            minutes, rest = divmod(round(max(0.0, left - (time.monotonic() - seen))), 60)
            remaining = f"{minutes}:{rest:02} min left" if left else "scoring"
            self._bars.update(self._runs[run], speed=f"{score}{remaining}")

    def ended(self, run: str) -> None:
        """Remove the bar of a training that ended or whose worker ended."""
        self._left.pop(run, None)
        if run in self._runs:
            self._bars.remove_task(self._runs.pop(run))
