"""Scores of a stored evaluation, computed from the counts it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, U8, Bool
from segcore.errors import RunError
from segcore.metrics import SCORES, Counts, Score, Sums
from segcore.metrics.counts import Source
from segcore.runs import Evaluation, load_run, run_files, void_ids
from segcore.runs.probability_files import why_ids_only

# Files that older evaluations lack; other counts are always there.
FILES: dict[Source, str] = {
    "boundary": run_files.BOUNDARY,
    "calibration": run_files.CALIBRATION,
    "calibration_scaled": run_files.CALIBRATION,
}


def why_unknown(evaluation: Evaluation, name: str) -> str:
    """Why no image of an evaluation has a score, as a sentence; empty where its counts are there.

    Args:
        evaluation: The evaluation of a run.
        name: A key of `SCORES`; any other is a score of the confusion counts, which are always there.
    """
    source = SCORES[name].source if name in SCORES else "confusion"
    sure = (evaluation.path / run_files.CALIBRATION).is_file()
    if source in ("calibration", "calibration_scaled", "entropy") and not sure:
        reason = why_ids_only(load_run(evaluation.path.parents[1]))
        if reason:
            return f"Only the class of each pixel is known: {reason}."
    if source not in FILES:
        return ""
    if not (evaluation.path / FILES[source]).is_file():
        return evaluation.missing
    try:
        _, calibration = evaluation.boundary_counts, evaluation.calibration_counts
    except RunError as error:
        return str(error)
    if source == "calibration_scaled" and calibration is not None and calibration.temperature is None:
        split = evaluation.split
        if not load_run(evaluation.path.parents[1]).summary.dataset.validates:
            return "It was trained on the validation images too, so that no temperature was fitted."
        return f"It was evaluated on {split} before there was a temperature: evaluate val, then {split} again."
    return ""


class StoredCounts:
    """Counts of the images of an evaluation, from which every score is computed.

    The evaluations of the folds of a cross-validation, which share no image, make one together.

    Args:
        evaluations: The evaluations, N images of C classes together.
    """

    def __init__(self, *evaluations: Evaluation) -> None:
        self.evaluations = evaluations

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The N images."""
        return tuple(sample_id for evaluation in self.evaluations for sample_id in evaluation.ids)

    @cached_property
    def folds(self) -> I64:
        """`[N]` the number of the evaluation that each image is from."""
        return np.repeat(np.arange(len(self.evaluations)), [len(evaluation.ids) for evaluation in self.evaluations])

    @cached_property
    def parts(self) -> tuple[StoredCounts, ...]:
        """The counts of each evaluation by itself."""
        return tuple(StoredCounts(evaluation) for evaluation in self.evaluations)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Id of an image -> its place among the N."""
        return {sample_id: index for index, sample_id in enumerate(self.ids)}

    def at(self, ids: Sequence[str]) -> npt.NDArray[np.intp]:
        """Places of these images among the N."""
        return np.array([self.places[sample_id] for sample_id in ids], np.intp)

    def of_images(self, name: str) -> F64:
        """`[N]` a column of the tables of images, e.g. `miou`; NaN where an image has no value."""
        return np.concatenate([evaluation.of_images(name) for evaluation in self.evaluations])

    @cached_property
    def sums(self) -> Sums:
        """`[N, C]` sums of the confusion counts."""
        return _joined([sums_of(evaluation) for evaluation in self.evaluations])

    @cached_property
    def sums_without_void(self) -> Sums | None:
        """`[N, C]` sums without the pixels of void; None where void is none of the classes."""
        void = void_ids(self.evaluations[0].labels)
        return _joined([sums_of(evaluation, void) for evaluation in self.evaluations]) if void else None

    def of(self, score: Score) -> Counts | None:
        """The counts that a score is computed from; None where an evaluation has none that can be read."""
        if score.source == "confusion":
            return self.sums_without_void if score.without_void else self.sums
        try:
            counts = [_counts(evaluation, score) for evaluation in self.evaluations]
        except RunError:  # a file that is cut off
            return None
        known = [part for part in counts if part is not None]
        return np.concatenate(known) if len(known) == len(counts) else None

    def value(self, score: Score) -> float:
        """A score of all images together; NaN where it is unknown."""
        counts = self.of(score)
        return float("nan") if counts is None else float(score.function().value(counts))

    def per_image(self, score: Score) -> F64:
        """`[N]` a score of each image by itself; NaN where it is unknown."""
        counts = self.of(score)
        return np.full(len(self.ids), np.nan) if counts is None else score.function().per_image(counts)

    def knows(self, score: Score) -> bool:
        """Whether a score can be computed; optional files are only looked for, not read."""
        if score.source in FILES:
            return all((evaluation.path / FILES[score.source]).is_file() for evaluation in self.evaluations)
        if score.without_void:
            return bool(void_ids(self.evaluations[0].labels))
        return not np.isnan(self.value(score))


def _counts(evaluation: Evaluation, score: Score) -> F64 | I64 | None:
    """The counts, by image, of a score that isn't made from confusion counts."""
    if score.source == "boundary":
        return evaluation.boundary_counts
    if score.source == "entropy":
        return evaluation.of_images("entropy")
    counts = evaluation.calibration_counts
    if counts is None or score.source == "calibration":
        return None if counts is None else counts.before
    return None if counts.temperature is None else counts.after


def _joined(parts: Sequence[Sums]) -> Sums:
    """The sums of several evaluations, one after another."""
    if len(parts) == 1:
        return parts[0]
    return Sums(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("right", "true", "predicted")))


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
