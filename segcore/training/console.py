"""Terminal output of a training: an opening summary, progress bars, a line per epoch, a table at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from shlex import quote
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from segcore.data.plan import FOLDS
from segcore.durations import duration
from segcore.metrics import POLICY
from segcore.models import model_title
from segcore.runs import RunRecord, ScoreInfo, Summary
from segcore.text_console import TextConsole, print_table

WORTH_SAYING = 30.0  # seconds; shorter trainings need no estimate


@dataclass(frozen=True)
class TrainingTime:
    """How long the trainings of one model will take, as a few steps of it tell.

    Args:
        model: Name of the architecture.
        seconds: Of one training, validation included and scoring aside.
        epochs: Epochs of one training that are left.
        trainings: Number of its trainings: seeds x folds.
    """

    model: str
    seconds: float
    epochs: float
    trainings: int = 1

    def sentence(self) -> str:
        """The time in words.

        >>> TrainingTime("unet", 720, 45, 3).sentence()
        'U-Net will take about 12 min, 16 s an epoch; 3 trainings about 36 min'
        """
        several = f"; {self.trainings} trainings about {duration(self.total)}" if self.trainings > 1 else ""
        epoch = duration(self.seconds / self.epochs)
        return f"{model_title(self.model)} will take about {duration(self.seconds)}, {epoch} an epoch{several}"

    @property
    def total(self) -> float:
        """Seconds of all its trainings."""
        return self.seconds * self.trainings


class Reporter:
    """Prints progress, with bars when the output is a terminal.

    Args:
        console: The terminal; None uses standard output.
        silent: Print nothing, because another process of the same training prints.
    """

    times_left = True  # whether each bar estimates its time left

    def __init__(self, console: Console | None = None, *, silent: bool = False) -> None:
        self.console = console or TextConsole(soft_wrap=True, highlight=False, quiet=silent)
        if not self.console.is_terminal:
            self.console.width = 140  # a log file has room; rich assumes 80 columns
        between = (TimeRemainingColumn(),) if self.times_left else ()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            *between,
            TextColumn("[dim]{task.fields[speed]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._tasks: list[TaskID] = []
        self._notes: set[str] = set()
        self._model, self._epochs = "", 0

    def opening(self, lines: Mapping[str, str], warnings: Sequence[str]) -> None:
        """Print the settings and data, then the warnings."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, text in lines.items():
            table.add_row(f"[dim]{name}[/]", escape(text))
        self.console.print(table)
        for warning in warnings:
            self.note(warning)

    def note(self, text: str) -> None:
        """Print a warning, once: the trainings of a search or of several seeds have many in common."""
        if text in self._notes:
            return
        self._notes.add(text)
        self.console.print(f"[yellow]Note[/] {escape(text)}")

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text)

    def counting(self, what: str) -> Any:  # noqa: ANN401 - a callback of (done, total)
        """Return a callback of (done, total) that draws a bar and removes it at the end.

        The first call adds the bar, so there is none when there is nothing to count.
        """
        task: TaskID | None = None

        def update(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = self._bars.add_task(what, total=total, speed="")
            self._bars.update(task, completed=done, total=total)
            if done == total:
                self._bars.remove_task(task)

        return update

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw the bars inside the block."""
        with self._bars:
            yield

    def model(self, summary: Summary, frozen: str) -> None:
        """Print the model's size and how much of it is trained."""
        trained = summary.trainable_parameters or 0
        share = "all" if trained == summary.parameters else f"{trained / 1e6:.2f} M"
        self.console.print(
            f"[dim]{model_title(summary.model)}: {(summary.parameters or 0) / 1e6:.2f} M parameters, {share} trained "
            f"at first ({frozen})[/]"
        )

    @contextmanager
    def training(
        self, model: str, part: str = "", *, epochs: int, steps: int, done: int, models_left: int
    ) -> Iterator[None]:
        """Draw bars of one model and of all remaining models inside the block.

        Args:
            model: Name of the architecture.
            part: Which of its trainings it is, e.g. `fold 2/3`.
            epochs: Epochs of the training.
            steps: Steps in an epoch.
            done: Steps done before, when the training resumes.
            models_left: Models still to train, this one included.
        """
        self._model, self._epochs = f"{model} {part}".strip(), epochs
        total = epochs * steps
        self._tasks = [
            self._bars.add_task(f"{model_title(model)} {part}".strip(), total=total, completed=done, speed="")
        ]
        if models_left > 1:
            self._tasks.append(
                self._bars.add_task(f"{models_left} models", total=total * models_left, completed=done, speed="")
            )
        try:
            yield
        finally:
            for task in self._tasks:
                self._bars.remove_task(task)

    def step(self, images: int, seconds: float, waited: float) -> None:
        """Advance the bars by one batch.

        Args:
            images: Images trained on so far.
            seconds: Seconds of training so far, validation included.
            waited: Seconds of these spent waiting for a batch.
        """
        for task in self._tasks:
            self._bars.advance(task)
        if self._tasks and seconds:
            speed = f"{images / seconds:.1f} images/s, {100 * waited / seconds:.0f} % waiting for data"
            self._bars.update(self._tasks[0], speed=speed)

    def estimates(self, times: Sequence[TrainingTime]) -> None:
        """Print how long each model will take, and all of them together, unless that is soon."""
        seconds = sum(time.total for time in times)
        if seconds < WORTH_SAYING:
            return
        lines = [time.sentence() for time in times]
        if len(times) > 1:
            lines.append(f"{sum(time.trainings for time in times)} trainings: about {duration(seconds)}")
        lines[-1] += ", scoring aside"
        for line in lines:
            self.console.print(f"[dim]{escape(line)}.[/]")

    def epoch(self, row: Mapping[str, Any], *, best: bool, seconds: float) -> None:
        """Print an epoch's metrics.

        Args:
            row: The epoch's row of metrics.
            best: Whether it is the best epoch so far.
            seconds: Seconds since the training started, which tell when a score was reached.
        """
        minutes, rest = divmod(round(seconds), 60)
        validated = is_validated(row)
        loss, miou = (
            f"train {row[f'train_{name}']:.3f}" + (f" val {row[f'val_{name}']:.3f}" if validated else "")
            for name in ("loss", "miou")
        )
        self.console.print(
            f"{self._model:<14} epoch {row['epoch'] + 1:>3}/{self._epochs}  loss {loss}  "
            f"mIoU {miou}{' *' if best and validated else '  '}{row['seconds']:7.1f} s  {minutes:>3}:{rest:02} min"
        )

    def closing(self, runs: Sequence[RunRecord]) -> None:
        """Print all models in a table, best test mIoU first, and how the scores are computed.

        When no run has a test score, the table has validation scores and its title says so.
        """
        split = "test" if any(run.summary.test for run in runs) else "val"
        scores = {run.id: getattr(run.summary, split) for run in runs}
        with_void = any(score and score.pixel_accuracy_without_void is not None for score in scores.values())
        if any(run.summary.dataset.validates for run in runs):
            where = "test" if split == "test" else "validation (nothing was scored on a test split)"
            title = f"Scores on {where}, of the best epoch by validation mIoU"
        else:
            title = "Scores on test, of the last epoch, since nothing validated" if split == "test" else "No scores"
        table = Table(title=title, title_justify="left")
        table.add_column("model")
        without = ["mIoU without void", "pixel acc. without void"] if with_void else []
        columns = ["mIoU", "pixel acc.", *without, "val mIoU", "parameters", "minutes"]
        for name in columns:
            table.add_column(name, justify="right")
        table.add_column("run", overflow="fold")
        for run in sorted(runs, key=lambda run: -(scores[run.id].miou if scores[run.id] else -1.0)):
            table.add_row(*_row(run, scores[run.id], with_void))
        print_table(self.console, table)
        self.console.print(f"[dim]{POLICY}[/]")
        if any(run.summary.dataset.split == FOLDS for run in runs):
            folder = quote(str(runs[0].path.parent))
            seeds = " --by-seed" if len({run.summary.seed for run in runs}) > 1 else ""
            self.console.print(
                "The folds of each recipe as one row, with intervals and a sentence a pair: "
                f"segcore leaderboard --split val{seeds} --runs {escape(folder)}"
            )


def is_validated(row: Mapping[str, Any]) -> bool:
    """Whether an epoch was validated: its row has None for the score where nothing validates, and read again NaN."""
    return row["val_miou"] is not None and not math.isnan(row["val_miou"])


def _row(run: RunRecord, score: ScoreInfo | None, with_void: bool) -> list[str]:
    """The cells of a run."""
    summary, val = run.summary, run.summary.val
    cells = [f"{score.miou:.3f}" if score else "-", f"{score.pixel_accuracy:.3f}" if score else "-"]
    if with_void:
        values = (score.miou_without_void, score.pixel_accuracy_without_void) if score else (None, None)
        cells += ["-" if value is None else f"{value:.3f}" for value in values]
    cells += [
        f"{val.miou:.3f}" if val else "-",
        f"{(summary.parameters or 0) / 1e6:.1f} M",
        f"{(summary.train_seconds or 0) / 60:.1f}",
    ]
    state = (
        "" if summary.status == "finished" else f" ({summary.status}{': ' + summary.error if summary.error else ''})"
    )
    return [model_title(summary.model), *cells, escape(f"{run.id}{state}")]
