"""Rows of a comparison: a run, or all runs of one recipe, with scores and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from segcore.evaluation.comparison.costs import FPS
from segcore.evaluation.stored_counts import StoredCounts
from segcore.metrics import SCORES, Interval

NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Row:
    """One line of a leaderboard: a run, or all runs of one recipe.

    Args:
        id: Id of the run; of several runs, that of the first.
        title: The name shown to people.
        runs: Ids of its runs.
        evaluated: Ids of its evaluations, each that of a run, or of the first fold of a cross-validation.
        scores: By the keys of `SCORES`, NaN where unknown; the mean over several evaluations. The score of a
            cross-validation is that of all its images together.
        interval: Interval of the metric compared by; None where there is none.
        parts: That metric of each seed, or of each fold by itself; empty for one run.
        parts_are: What they are.
        cost: By the keys of `Comparison.costs`; what was not measured is missing.
        pool: Index of its comparable set in `Comparison.pools`; -1 without scores.
        images: Number of images it was scored on.
        problem: Why it has no scores.
    """

    id: str
    title: str
    runs: tuple[str, ...]
    evaluated: tuple[str, ...]
    scores: Mapping[str, float]
    interval: Interval | None
    parts: tuple[float, ...]
    parts_are: Literal["seeds", "folds"]
    cost: Mapping[str, float]
    pool: int
    images: int = 0
    problem: str = ""

    @property
    def mean(self) -> float:
        """Mean of `parts`; NaN without."""
        return float(np.mean(self.parts)) if self.parts else NAN

    @property
    def spread(self) -> float:
        """Standard deviation of `parts`: over seeds or folds; NaN for one run."""
        return float(np.std(self.parts, ddof=1)) if len(self.parts) > 1 else NAN


class SpeedChoice(NamedTuple):
    """Rows by whether they are fast enough.

    Args:
        fast: Those that are, in their order.
        slow: Those that are not.
        unmeasured: Those whose speed is not known.
    """

    fast: tuple[Row, ...]
    slow: tuple[Row, ...]
    unmeasured: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Sequence[Row], least: float) -> SpeedChoice:
        """Divide rows by whether they predict so many frames a second, as `costs` measures them."""
        measured = [row for row in rows if FPS in row.cost]
        return cls(
            tuple(row for row in measured if row.cost[FPS] >= least),
            tuple(row for row in measured if row.cost[FPS] < least),
            tuple(row for row in rows if FPS not in row.cost),
        )


class RowScores(Mapping[str, float]):
    """Mean scores of several evaluations by the keys of `SCORES`, NaN where unknown; computed when first read.

    Args:
        evaluated: Id of a run -> its counts.
        trainings: Id of a run -> that of its training, the same for the folds of a cross-validation.
    """

    def __init__(self, evaluated: Mapping[str, StoredCounts], trainings: Mapping[str, str]) -> None:
        self._evaluated = tuple(evaluated.values())
        self._trainings = tuple(trainings[run_id] for run_id in evaluated)
        self._means: dict[str, float] = {}

    def __getitem__(self, key: str) -> float:
        if key not in self._means:
            values = [counts.value(SCORES[key]) for counts in self._evaluated]
            self._means[key] = sum(values) / len(values) if values else NAN
        return self._means[key]

    def of_parts(self, key: str) -> tuple[float, ...]:
        """A score of every training, or of every fold of the only one; empty where there is one run.

        The score of a cross-validation whose folds all scored the same images is the mean of the folds.
        """
        parts = self._evaluated if len(self._evaluated) > 1 else self._evaluated[0].parts
        values = [counts.value(SCORES[key]) for counts in parts]
        if len(set(self._trainings)) in (1, len(self._evaluated)):
            return tuple(values) if len(values) > 1 else ()
        of_training: dict[str, list[float]] = {}
        for training, value in zip(self._trainings, values, strict=True):
            of_training.setdefault(training, []).append(value)
        return tuple(sum(some) / len(some) for some in of_training.values())

    def __iter__(self) -> Iterator[str]:
        return iter(SCORES)

    def __len__(self) -> int:
        return len(SCORES)
