"""One line of a comparison, and two of them against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segcore.evaluation.comparison.score_registry import NAN
from segcore.metrics import Interval


@dataclass(frozen=True, eq=False)
class Row:
    """One line of a leaderboard: a run, or all runs of one recipe.

    Args:
        id: Of the run; of several, of the first.
        title: What it is called.
        runs: Ids of its runs.
        scores: By the keys of `METRICS`, NaN where it can't be told; of several runs their mean.
        interval: Of the metric compared by; None where there is none.
        spread: Standard deviation of that metric over the seeds; NaN of one run.
        cost: By the keys of `Comparison.costs`; what was not measured is missing.
        pool: Place of its pool in `Comparison.pools`; -1 without scores.
        images: How many it was scored on.
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


@dataclass(frozen=True)
class Pair:
    """Two rows on the images that both have.

    Args:
        a: Id of a row.
        b: Id of another.
        difference: a - b.
        low: Lower end of its 95 % interval; NaN where there is none.
        high: Upper end.
        probability: Of a having the higher value, over the draws; one half where they are equal.
        images: That both have.
        better: Id of the better one where the interval excludes 0, else None; None where no value is better.
        problem: Why they can't be compared.
    """

    a: str
    b: str
    difference: float
    low: float = NAN
    high: float = NAN
    probability: float = NAN
    images: int = 0
    better: str | None = None
    problem: str = ""

    @property
    def judged(self) -> bool:
        """Whether there is an interval of the difference; without one not even that they are level is known."""
        return not self.problem and self.low == self.low

    @property
    def tied(self) -> bool:
        """Whether there is an interval, and it leaves open which has the higher value."""
        return self.judged and self.low <= 0 <= self.high

    @property
    def half(self) -> float:
        """Half the width of the interval: what stands after ±."""
        return (self.high - self.low) / 2
