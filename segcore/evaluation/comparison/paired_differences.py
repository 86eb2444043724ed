"""The difference of two rows of a comparison, on the images that both were scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segcore.evaluation.comparison.bootstrap_samples import Resampler
from segcore.evaluation.comparison.comparable_sets import ComparableSet
from segcore.evaluation.comparison.rows import NAN, Row
from segcore.metrics import BootstrapSamples, Score


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two rows' scores on the same images.

    Args:
        a: Id of a row.
        b: Id of another row.
        difference: Score of a minus score of b.
        low: Lower end of its 95 % interval; NaN where there is none.
        high: Upper end.
        probability: Probability that a has the higher value; one half where they are equal.
        images: Number of images that both were scored on.
        better: Id of the better row where the interval excludes 0, else None; None where no value is better.
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
    def has_interval(self) -> bool:
        """Whether the interval of the difference is known; without it not even a tie is known."""
        return not self.problem and self.low == self.low

    @property
    def tied(self) -> bool:
        """Whether there is an interval and it contains 0: the images show no difference."""
        return self.has_interval and self.low <= 0 <= self.high

    @property
    def half_width(self) -> float:
        """Half the width of the interval: the number after ±."""
        return (self.high - self.low) / 2


def difference_within(
    one: Row, other: Row, score: Score, samples: BootstrapSamples | None, places: tuple[int, int], images: int
) -> PairedDifference:
    """The difference of two rows from samples of the same images.

    Args:
        one: A row.
        other: Another row, or the same.
        score: The score compared by.
        samples: Bootstrap samples of both rows; None where the score can't be sampled.
        places: Where both rows stand in the samples.
        images: Number of images.
    """
    if samples is None:
        alone = one.scores[score.key] - other.scores[score.key] if one.pool == other.pool else NAN
        return PairedDifference(one.id, other.id, alone, images=images)
    if one.id == other.id:
        return PairedDifference(one.id, other.id, 0.0, 0.0, 0.0, 0.5, images)
    pair = samples.pair(*places)
    better = None
    if pair.separated and score.higher_is_better is not None:
        better = one.id if (pair.difference > 0) == score.higher_is_better else other.id
    return PairedDifference(one.id, other.id, pair.difference, pair.low, pair.high, pair.probability, images, better)


def difference_across(one: Row, other: Row, pools: Sequence[ComparableSet], resampler: Resampler) -> PairedDifference:
    """The difference of two rows of different sets, on the images that both have with the same ground truth."""
    first, second = pools[one.pool], pools[other.pool]
    if first.label_space != second.label_space:
        problem = f"one was scored on {first.name}, the other on {second.name}"
        return PairedDifference(one.id, other.id, NAN, problem=problem)
    both = set(second.ids)
    ids = [sample_id for sample_id in first.ids if sample_id in both]
    if ids:
        counts = resampler.counts[one.id], resampler.counts[other.id]
        mine, theirs = (stored.sums.true[stored.at(ids)] for stored in counts)
        same = (mine == theirs).all(axis=1)
        ids = [sample_id for sample_id, alike in zip(ids, same, strict=True) if alike]
    if not ids:
        return PairedDifference(one.id, other.id, NAN, problem="they share no image with the same ground truth")
    known = {first.video, second.video} - {None}
    samples = resampler.of_images([one.evaluated, other.evaluated], ids, True in known if known else None)
    return difference_within(one, other, resampler.score, samples, (0, 1), len(ids))
