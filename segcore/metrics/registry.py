"""All scores that Segcore computes: `SCORES` of a whole split, `CLASS_SCORES` of each class.

A score is added here and nowhere else: tables, files, command lines, charts and intervals read these two dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from segcore.arrays import F64
from segcore.errors import EvaluationError, unknown
from segcore.metrics import score_functions as functions
from segcore.metrics.counts import Counts, Source, checked_counts
from segcore.metrics.score_functions import Formula, Terms, mean_present

_BY_CLASS = "class_"  # prefix of the key of a mean over classes, for the score of each class


@dataclass(frozen=True)
class Score:
    """A score: its names, meaning and computation. Its value is a share from 0 to 1.

    Every score has a confidence interval, since its terms can be summed over any sample of the images.

    Args:
        key: Name in files, links and on command lines.
        title: Short name, as a heading of table columns.
        help: One sentence that begins with the full name and a colon.
        terms: Counts of N images -> the K sums that the formula needs, each `[N, M]`; see `score_functions`.
        formula: `[..., K, M]` sums over images -> `[..., M]` values; by default numerator over denominator.
        source: The counts of an evaluation that it is computed from.
        mean_of_classes: Whether the M values are averaged; else there is one score a class.
        higher_is_better: Whether the run with the higher value is better; None where no value is better.
        without_void: Whether void pixels are left out, where void was trained as a class.
        ranks_images: Whether single images have this score; false for a mean over images.
        label: Name in printed lists; the title where empty.
    """

    key: str
    title: str
    help: str
    terms: Terms
    formula: Formula = functions.share
    source: Source = "confusion"
    mean_of_classes: bool = True
    higher_is_better: bool | None = True
    without_void: bool = False
    ranks_images: bool = True
    label: str = ""

    @property
    def name(self) -> str:
        """The name in printed lists."""
        return self.label or self.title

    def function(self, *, without: Iterable[int] = ()) -> ScoreFunction:
        """The function that computes the score; pixels of the true classes `without` are left out."""
        return _function(self, None, tuple(without))


@dataclass(frozen=True, eq=False)
class ScoreFunction:
    """Computes a score from counts of images; `statistic` makes one.

    Args:
        name: Key of the score.
        source: The counts that it takes: `confusion` `[N, C, C]` (or their `Sums`), `boundary` `[N, C, 10]`,
            `calibration` counts `[N, 15, 5]` (`calibration_scaled`: those at the temperature), or `[N]` `entropy`.
        terms: Counts of N images -> `[N, K, M]` sums that the formula needs, of M classes (1 for all together).
        formula: `[..., K, M]` sums over images -> `[..., M]`; NaN where the truth has nothing of a class.
        mean_of_classes: Whether the M values are averaged into one score.
    """

    name: str
    source: Source
    terms: Callable[[Counts], F64]
    formula: Formula
    mean_of_classes: bool

    def value(self, counts: Counts) -> F64:
        """The score of all images together: one number, or `[M]` numbers for a score of each class."""
        return self._averaged(self.terms(counts).sum(axis=0))

    def per_image(self, counts: Counts) -> F64:
        """`[N]` scores of single images (`[N, M]` of each class), over the classes in *that* image; NaN for none."""
        return self._averaged(self.terms(counts))

    def _averaged(self, sums: F64) -> F64:
        values = self.formula(sums)
        return mean_present(values) if self.mean_of_classes else values


SCORES: dict[str, Score] = {
    score.key: score
    for score in (
        Score(
            "miou",
            "mIoU",
            "Mean IoU: the IoU of each class, averaged over the classes present in the ground truth.",
            functions.iou_terms,
        ),
        Score(
            "image_miou",
            "mIoU by image",
            "Image mIoU: the mean IoU of each image by itself, averaged over images; each image counts alike.",
            functions.image_miou_terms,
            ranks_images=False,
            label="image mIoU",
        ),
        Score(
            "pixel_accuracy",
            "pixel accuracy",
            "Pixel accuracy: the share of scored pixels whose class is right; large classes dominate it.",
            functions.pixel_terms,
        ),
        Score(
            "mean_accuracy",
            "mean accuracy",
            "Mean accuracy: the accuracy of each class, averaged over the classes present.",
            functions.accuracy_terms,
        ),
        Score(
            "mean_dice",
            "Dice",
            "Mean Dice: the Dice (F1) score of each class, averaged over the classes present.",
            functions.dice_terms,
            label="mean Dice",
        ),
        Score(
            "frequency_weighted_iou",
            "fwIoU",
            "Frequency-weighted IoU: the IoU of each class, weighted by its share of true pixels.",
            functions.iou_terms,
            functions.weighted_share,
            label="frequency-weighted IoU",
        ),
        Score(
            "miou_without_void",
            "mIoU, no void",
            "Mean IoU with void pixels left out, where void was trained as a class.",
            functions.iou_terms,
            without_void=True,
            label="mIoU without void",
        ),
        Score(
            "pixel_accuracy_without_void",
            "pixel accuracy, no void",
            "Pixel accuracy with void pixels left out, where void was trained as a class.",
            functions.pixel_terms,
            without_void=True,
            label="pixel accuracy without void",
        ),
        Score(
            "boundary_iou",
            "boundary IoU",
            "Boundary IoU: IoU of the bands inside true and predicted borders, 2 % of the diagonal wide.",
            functions.band_terms("band_true"),
            source="boundary",
        ),
        Score(
            "boundary_iou_3px",
            "boundary IoU, 3 px",
            "Boundary IoU at 3 px: IoU of the bands inside true and predicted borders, 3 pixels wide.",
            functions.band_terms("band3_true"),
            source="boundary",
            label="boundary IoU at 3 px",
        ),
        Score(
            "boundary_f1",
            "boundary F1",
            "Boundary F1: how much of the predicted border has a true one within 3 pixels, and the other way.",
            functions.border_terms,
            functions.border_f1,
            "boundary",
        ),
        Score(
            "ece",
            "ECE",
            "Calibration error: how far confidence is from the share of right pixels, averaged over pixels; 0 is best.",
            functions.calibration_terms,
            functions.calibration_error,
            "calibration",
            higher_is_better=False,
            label="calibration error",
        ),
        Score(
            "ece_scaled",
            "ECE, scaled",
            "Calibration error with logits divided by the temperature that fits validation best; 0 is best.",
            functions.calibration_terms,
            functions.calibration_error,
            "calibration_scaled",
            higher_is_better=False,
            label="calibration error at the temperature",
        ),
        Score(
            "entropy",
            "entropy",
            "Entropy: how undecided the model was, averaged over the image; 0 is certain, 1 is a uniform guess.",
            functions.mean_terms,
            source="entropy",
            higher_is_better=None,
        ),
    )
}

CLASS_SCORES: dict[str, Score] = {
    score.key: score
    for score in (
        Score(
            "iou",
            "IoU",
            "IoU of a class: pixels both true and predicted, over pixels that are either.",
            functions.iou_terms,
            mean_of_classes=False,
        ),
        Score(
            "precision",
            "precision",
            "Precision of a class: the share of the pixels predicted as the class that are correct.",
            functions.precision_terms,
            functions.precision,
            mean_of_classes=False,
        ),
        Score(
            "accuracy",
            "recall",
            "Accuracy (recall) of a class: the share of its true pixels that were found.",
            functions.accuracy_terms,
            mean_of_classes=False,
        ),
        Score(
            "dice",
            "Dice",
            "Dice (F1) of a class: twice the pixels both true and predicted, over true plus predicted pixels.",
            functions.dice_terms,
            mean_of_classes=False,
        ),
    )
}


def statistic(name: str, *, index: int | None = None, without: Iterable[int] = ()) -> ScoreFunction:
    """The function that computes a score, for `bootstrap` and `resample`.

    Args:
        name: A key of `SCORES` or `CLASS_SCORES`. `class_` before a key of `SCORES` gives one value a class, e.g.
            `class_boundary_f1`.
        index: Id of the class, for a score of one class.
        without: True classes whose pixels are left out, e.g. void where it was trained as a class.

    Raises:
        EvaluationError: when there is no such score or class.

    >>> statistic("iou", index=0).value(np.array([[[3, 1], [0, 4]]])).tolist()
    0.75
    """
    left_out = tuple(without)
    if name in CLASS_SCORES:
        return _function(CLASS_SCORES[name], index, left_out)
    if name.removeprefix(_BY_CLASS) not in SCORES:
        raise EvaluationError(unknown("metric", name, (*SCORES, *CLASS_SCORES)))
    score, by_class = SCORES[name.removeprefix(_BY_CLASS)], name.startswith(_BY_CLASS)
    if index is not None and not by_class:
        raise EvaluationError(f"{name!r} is no score of one class; {', '.join(CLASS_SCORES)} are.")
    if score.without_void and not left_out:
        raise EvaluationError(f"{name!r} leaves classes out: say which, e.g. statistic({name!r}, without=[11]).")
    function = _function(score, index, left_out)
    return ScoreFunction(name, function.source, function.terms, function.formula, not by_class or index is not None)


def _function(score: Score, index: int | None, without: tuple[int, ...]) -> ScoreFunction:
    def terms(counts: Counts) -> F64:
        columns = score.terms(checked_counts(counts, score.source, without))
        sums = np.stack(columns, axis=1).astype(np.float64)
        if index is None:
            return sums
        if not 0 <= index < sums.shape[2]:
            raise EvaluationError(f"No class {index}; expected 0 to {sums.shape[2] - 1}.")
        return sums[:, :, index : index + 1]

    return ScoreFunction(score.key, score.source, terms, score.formula, score.mean_of_classes or index is not None)
