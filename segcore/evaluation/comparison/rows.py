"""Rows of a comparison: a run, or all runs of one recipe, with scores and costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
        scores: By the keys of `SCORES`, NaN where unknown; the mean over several runs.
        interval: Interval of the metric compared by; None where there is none.
        spread: Standard deviation of that metric over the seeds; NaN for one run.
        cost: By the keys of `Comparison.costs`; what was not measured is missing.
        pool: Index of its comparable set in `Comparison.pools`; -1 without scores.
        images: Number of images it was scored on.
        problem: Why it has no scores.
    """

    id: str
    title: str
    runs: tuple[str, ...]
    scores: Mapping[str, float]
    interval: Interval | None
    spread: float
    cost: Mapping[str, float]
    pool: int
    images: int = 0
    problem: str = ""


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


class RowScores(Mapping[str, float]):
    """Mean scores of several runs by the keys of `SCORES`, NaN where unknown; each is computed when first read.

    Args:
        runs: Counts of each run.
    """

    def __init__(self, runs: Sequence[StoredCounts]) -> None:
        self._runs = tuple(runs)
        self._means: dict[str, float] = {}

    def __getitem__(self, key: str) -> float:
        if key not in self._means:
            values = self.of_runs(key)
            self._means[key] = sum(values) / len(values) if values else NAN
        return self._means[key]

    def of_runs(self, key: str) -> list[float]:
        """A score of every run."""
        return [counts.value(SCORES[key]) for counts in self._runs]

    def __iter__(self) -> Iterator[str]:
        return iter(SCORES)

    def __len__(self) -> int:
        return len(SCORES)
