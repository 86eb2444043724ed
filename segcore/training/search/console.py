"""Terminal output of a search: progress bars, a line per trial, and a table at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from shlex import quote
from statistics import fmean, stdev
from typing import Any

from rich.markup import escape
from rich.progress import TaskID
from rich.table import Table

from segcore.durations import duration
from segcore.errors import number
from segcore.paths import program
from segcore.runs import Summary
from segcore.runs.search import PARAM, SearchRecord
from segcore.text_console import print_table
from segcore.training.console import WORTH_SAYING, Reporter, TrainingTime

MOST_SHOWN = 20  # trials in the table at the end; trials.csv has all of them


class SearchReporter(Reporter):
    """Prints the progress of a search; its trainings print nothing."""

    _trials: TaskID | None = None
    _epochs_bar: TaskID | None = None
    _done = _wanted = 0

    def say_search(self, text: str) -> None:
        """Print a line about the search."""
        self.console.print(text)

    def trials(self, done: int, wanted: int) -> None:
        """Show how many trials all processes have ended."""
        if self._trials is None:
            self._trials = self._bars.add_task("trials", total=wanted, completed=done, speed="")
        self._done, self._wanted = done, wanted
        self._bars.update(self._trials, completed=done, total=wanted)

    @contextmanager
    def trial(self, number: int, settings: Mapping[str, object], epochs: int) -> Iterator[None]:
        """Show the bar of a trial inside the block; `epochs` is the total of its folds."""
        self._epochs_bar = self._bars.add_task(f"trial {number}", total=epochs, speed=escape(words(settings)))
        try:
            yield
        finally:
            self._bars.remove_task(self._epochs_bar)
            self._epochs_bar = None

    def position(self, number: int, fold: int, folds: int, epoch: int, epochs: int) -> None:
        """Show which fold is trained and how many of its epochs are done."""
        if self._epochs_bar is None or self._trials is None:
            return
        done, total = fold * epochs + epoch, folds * epochs
        text = f"trial {number}, fold {fold + 1}/{folds}, epoch {min(epoch + 1, epochs)}/{epochs}"
        self._bars.update(self._epochs_bar, completed=done, description=text)
        self._bars.update(self._trials, completed=self._done + done / total)

    def model(self, summary: Summary, frozen: str) -> None:
        """Print nothing: each fold trains the same model."""

    @contextmanager
    def training(
        self, model: str, part: str = "", *, epochs: int, steps: int, done: int, models_left: int
    ) -> Iterator[None]:
        """Draw no bars of a training beside those of the search."""
        yield

    def estimates(self, times: Sequence[TrainingTime]) -> None:
        """Print how long the folds of a trial and the search will take, as the first trial of this process tells."""
        trial, left = sum(time.total for time in times), self._wanted - self._done
        if trial * left < WORTH_SAYING:
            return
        fold, folds = duration(times[0].seconds), times[0].trainings
        text = f"A fold will take about {fold}, the {number(folds, 'fold')} of a trial {duration(trial)}"
        if left > 1:
            text += (
                f", the {number(left, 'trial')} left {duration(trial * left)} at most, if they take as long: hopeless "
                "trials are pruned, and more processes with this command share them"
            )
        self.console.print(f"[dim]{text}.[/]")

    def epoch(self, row: Mapping[str, Any], *, best: bool, seconds: float) -> None:
        """Print nothing: each epoch is in its run's metrics.csv."""

    def say(self, text: str) -> None:
        """Print nothing: the run stores a failure, and it is printed with its trial."""

    def ending(self, search: SearchRecord) -> None:
        """Print the trials by value, the importance of the settings, and the command that trains the best."""
        if search.trials["value"].notna().any() or search.trials.filter(like="fold_").notna().any(axis=None):
            print_table(self.console, _table(search))
        else:
            self.console.print("No fold was trained to its end yet, so there is nothing to rank.")
        states = search.trials["state"].value_counts()
        left = len(search.trials) - MOST_SHOWN
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        self.console.print(f"{counts}." + (f" {left} more are in {search.path / 'trials.csv'}." if left > 0 else ""))
        shares = search.importance
        if shares:
            text = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            self.console.print(f"What mattered for being among the best quarter: {escape(text)}")
        if search.best:
            self.console.print(
                "[dim]The best of many trials on the same folds reads too high: train it, and report its test score, "
                "once.[/]"
            )
            self.console.print(f"Train it: {program('python')} train.py --config {escape(quote(str(search.best)))}")


def words(settings: Mapping[str, object]) -> str:
    """Settings as text.

    >>> words({"lr": 0.001234567, "loss": "ce"})
    'lr 0.001235, loss ce'
    """
    return ", ".join(f"{name} {_word(value)}" for name, value in settings.items())


def complete_line(number: int, scores: Sequence[float], settings: str, *, best: bool) -> str:
    """The line printed for a complete trial: mean and standard deviation of its scores, the scores, its settings.

    >>> complete_line(7, [0.5, 0.75], "lr 0.001", best=True)
    'trial 7: 0.625 * ± 0.177 (0.500, 0.750), lr 0.001'
    """
    folds = ", ".join(f"{score:.3f}" for score in scores)
    return f"trial {number}: {fmean(scores):.3f}{' *' if best else '  '} ± {stdev(scores):.3f} ({folds}), {settings}"


def _word(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_word, value))
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def _table(search: SearchRecord) -> Table:
    trials, best = search.trials, search.best_number
    order = {"complete": 0, "pruned": 1, "running": 2, "failed": 3}
    trials = trials.assign(order=trials["state"].map(order)).sort_values(
        ["order", "value", "number"], ascending=[True, False, True]
    )
    table = Table(title=f"Search {search.name!r}: validation mIoU of each trial", title_justify="left", box=None)
    for name in ("trial", "mean", "± spread", *(f"fold {fold + 1}" for fold in range(search.info.folds))):
        table.add_column(name, justify="right", no_wrap=True)
    for name in search.info.space:
        table.add_column(escape(name), overflow="fold")
    table.add_column("state", no_wrap=True)
    for row in trials.head(MOST_SHOWN).to_dict("records"):
        scores = [row["value"], row["spread"], *(row[f"fold_{fold}"] for fold in range(search.info.folds))]
        table.add_row(
            f"{row['number']}{' *' if row['number'] == best else '  '}",
            *(f"{score:.3f}" if score == score else "-" for score in scores),
            *(escape(_word(row[f"{PARAM}{name}"])) for name in search.info.space),
            row["state"],
        )
    return table
