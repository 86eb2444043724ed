"""What a metric counts of an evaluation, image by image, and its scores on other draws of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import I64
from segcore.errors import EvaluationError, RunError
from segcore.evaluation.comparison.score_registry import Metric
from segcore.metrics import (
    BootstrapSamples,
    Counts,
    ScoreFunction,
    Sums,
    resample,
    statistic,
)
from segcore.runs import Evaluation, void_ids


@dataclass(frozen=True, eq=False)
class Counted:
    """What a score is made of.

    Args:
        counts: Of N images, in the order of the evaluation's ids: `Sums`, or `[N, ...]`.
        statistic: The score.
    """

    counts: Counts
    statistic: ScoreFunction

    @classmethod
    def of(cls, evaluation: Evaluation, metric: Metric, sums: Sums) -> Counted | None:
        """What a metric counts of an evaluation; None where it has not been counted.

        Args:
            evaluation: It.
            metric: The metric.
            sums: Its `sums_of`, which most metrics are made of.
        """
        kind = statistic(metric.statistic)
        if metric.without_void:
            void = void_ids(evaluation.labels)
            return cls(sums_of(evaluation, void), kind) if void else None
        try:
            found = _counts(evaluation, kind, sums)
        except RunError:  # cut off: it has no such score
            return None
        return None if found is None else cls(found, kind)

    @property
    def each(self) -> npt.NDArray[np.float64]:
        """`[N]` the score of each image by itself; NaN where it has none."""
        return self.statistic.each(self.counts)

    def at(self, places: I64) -> Counted:
        """The same of some images."""
        if isinstance(self.counts, Sums):
            parts = (getattr(self.counts, name)[places] for name in ("right", "true", "predicted"))
            return Counted(Sums(*parts), self.statistic)
        return Counted(self.counts[places], self.statistic)


def _counts(evaluation: Evaluation, kind: ScoreFunction, sums: Sums) -> Counts | None:
    if kind.of == "boundary":
        return evaluation.boundary_counts
    if kind.of == "entropy":
        return evaluation.of_images("entropy")
    if kind.of == "confusion":
        return sums
    found = evaluation.calibration_counts
    if found is None or kind.of == "calibration":
        return None if found is None else found.before
    return None if found.temperature is None else found.after


def sums_of(evaluation: Evaluation, without: Sequence[int] = ()) -> Sums:
    """Sums of an evaluation's confusion counts, without making the counts themselves.

    Args:
        evaluation: Its `cells` are read.
        without: True classes whose pixels are left out.
    """
    images, classes = len(evaluation.ids), evaluation.labels.classes
    image, truth, guess, pixels = evaluation.cells
    if without:
        kept = ~np.isin(truth, list(without))
        image, truth, guess, pixels = image[kept], truth[kept], guess[kept], pixels[kept]

    def summed(column: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_] | slice = slice(None)) -> I64:
        # Weights are float64: exact up to 2^53 pixels.
        flat = np.bincount((image * classes + column)[where], pixels[where], images * classes)
        return flat.astype(np.int64).reshape(images, classes)

    return Sums(summed(truth, truth == guess), summed(truth), summed(guess))


def draw(
    counted: Sequence[Counted | None], block: int, clips: Sequence[str], resamples: int, seed: int
) -> BootstrapSamples | None:
    """All on the same draws of images, a row each, NaN where it has not been counted.

    None where none has, or they can't be drawn together.
    """
    known = {place: each for place, each in enumerate(counted) if each is not None}
    if not known:
        return None
    kind = next(iter(known.values())).statistic
    try:
        found = resample([each.counts for each in known.values()], kind, block, resamples, seed, groups=clips)
    except EvaluationError:
        return None
    return found if len(known) == len(counted) else _placed(found, list(known), len(counted))


def _placed(draws: BootstrapSamples, places: Sequence[int], runs: int) -> BootstrapSamples:
    """The rows of draws at these places of so many, with nothing scored in the others."""

    def rows(known: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
        found = np.full((runs, *known.shape[1:]), nothing, known.dtype)
        found[list(places)] = known
        return found

    return BootstrapSamples(
        rows(draws.values, np.nan),
        rows(draws.points, np.nan),
        rows(draws.images, 0),
        rows(draws.blocks, 0),
        rows(draws.vanished, 0),
    )
