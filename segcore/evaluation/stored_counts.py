"""Scores of a stored evaluation, computed from the counts it holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from segcore.arrays import F64, I64, U8, Bool
from segcore.errors import RunError
from segcore.metrics import Counts, Score, Sums
from segcore.metrics.counts import Source
from segcore.runs import Evaluation, run_files, void_ids

# Files that older evaluations lack; other counts are always there.
FILES: dict[Source, str] = {
    "boundary": run_files.BOUNDARY,
    "calibration": run_files.CALIBRATION,
    "calibration_scaled": run_files.CALIBRATION,
}


class StoredCounts:
    """Counts of the images of one evaluation, from which every score is computed.

    Args:
        evaluation: The evaluation, N images of C classes.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation

    @cached_property
    def sums(self) -> Sums:
        """`[N, C]` sums of the confusion counts."""
        return sums_of(self.evaluation)

    @cached_property
    def sums_without_void(self) -> Sums | None:
        """`[N, C]` sums without the pixels of void; None where void is none of the classes."""
        void = void_ids(self.evaluation.labels)
        return sums_of(self.evaluation, void) if void else None

    def of(self, score: Score) -> Counts | None:
        """The counts that a score is computed from; None where the evaluation has none that can be read."""
        try:
            return self._counts(score)
        except RunError:  # a file that is cut off
            return None

    def _counts(self, score: Score) -> Counts | None:
        evaluation = self.evaluation
        if score.source == "confusion":
            return self.sums_without_void if score.without_void else self.sums
        if score.source == "boundary":
            return evaluation.boundary_counts
        if score.source == "entropy":
            return evaluation.of_images("entropy")
        counts = evaluation.calibration_counts
        if counts is None or score.source == "calibration":
            return None if counts is None else counts.before
        return None if counts.temperature is None else counts.after

    def value(self, score: Score) -> float:
        """A score of all images together; NaN where it is unknown."""
        counts = self.of(score)
        return float("nan") if counts is None else float(score.function().value(counts))

    def per_image(self, score: Score) -> F64:
        """`[N]` a score of each image by itself; NaN where it is unknown."""
        counts = self.of(score)
        return np.full(len(self.evaluation.ids), np.nan) if counts is None else score.function().per_image(counts)

    def knows(self, score: Score) -> bool:
        """Whether a score can be computed; optional files are only looked for, not read."""
        if score.source in FILES:
            return (self.evaluation.path / FILES[score.source]).is_file()
        if score.without_void:
            return bool(void_ids(self.evaluation.labels))
        return not np.isnan(self.value(score))


def sums_of(evaluation: Evaluation, without: Sequence[int] = ()) -> Sums:
    """Sums of an evaluation's confusion counts, from its non-zero cells alone.

    Args:
        evaluation: The evaluation.
        without: True classes whose pixels are left out.
    """
    images, classes = len(evaluation.ids), evaluation.labels.classes
    image, truth, guess, pixels = evaluation.cells
    if without:
        kept = ~np.isin(truth, list(without))
        image, truth, guess, pixels = image[kept], truth[kept], guess[kept], pixels[kept]

    def summed(column: U8, where: Bool | slice = slice(None)) -> I64:
        # Weights are float64: exact up to 2^53 pixels.
        flat = np.bincount((image * classes + column)[where], pixels[where], images * classes)
        return flat.astype(np.int64).reshape(images, classes)

    return Sums(summed(truth, truth == guess), summed(truth), summed(guess))


def at(counts: Counts, places: I64) -> Counts:
    """The counts of the images at these places."""
    if isinstance(counts, Sums):
        return Sums(counts.right[places], counts.true[places], counts.predicted[places])
    return counts[places]
