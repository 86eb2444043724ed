"""Terms and formulas of the scores: the sums that a score needs of every image, and its value from these sums.

Sums are added over images before a formula is applied, so a score can be computed for any set of images and for
bootstrap samples of them. Terms are functions of the counts of N images that return K arrays `[N, M]`, for M classes
(1 where all classes are counted together). Formulas take `[..., K, M]` sums over images and return `[..., M]` values,
NaN where a class is absent from the ground truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, Bool
from segcore.metrics.counts import BOUNDARY_COLUMNS, Sums

Terms: TypeAlias = Callable[..., tuple[npt.NDArray[Any], ...]]
Formula: TypeAlias = Callable[[F64], F64]


def ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any], where: Bool) -> F64:
    """`part / whole` where `where` is true, NaN elsewhere."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=where)


def mean_present(values: F64) -> F64:
    """`[..., M]` -> `[...]`: the mean of the values that are not NaN; NaN where all values are NaN.

    >>> mean_present(np.array([[0.5, np.nan, 1.0]])).tolist()
    [0.75]
    """
    present = ~np.isnan(values)
    number = present.sum(axis=-1)
    return ratio(np.where(present, values, 0.0).sum(axis=-1), number, number > 0)


# Terms of confusion counts: numerator, denominator, true pixels.


def iou_terms(sums: Sums) -> tuple[I64, I64, I64]:
    """Intersection, union and true pixels of each class."""
    return sums.right, sums.true + sums.predicted - sums.right, sums.true


def dice_terms(sums: Sums) -> tuple[I64, I64, I64]:
    """Twice the intersection, true plus predicted pixels, and true pixels of each class."""
    return 2 * sums.right, sums.true + sums.predicted, sums.true


def accuracy_terms(sums: Sums) -> tuple[I64, I64, I64]:
    """Correct pixels of each class, then its true pixels twice: as denominator and to tell whether it is present."""
    return sums.right, sums.true, sums.true


def precision_terms(sums: Sums) -> tuple[I64, I64, I64]:
    """Correct, predicted and true pixels of each class."""
    return sums.right, sums.predicted, sums.true


def pixel_terms(sums: Sums) -> tuple[I64, I64, I64]:
    """Correct pixels of all classes together, then all scored pixels twice; see `accuracy_terms`."""
    right, pixels = sums.right.sum(axis=1, keepdims=True), sums.true.sum(axis=1, keepdims=True)
    return right, pixels, pixels


def image_miou_terms(sums: Sums) -> tuple[npt.NDArray[Any], ...]:
    """Terms of the mean over images of the mIoU of single images; see `mean_terms`."""
    return mean_terms(mean_present(share(np.stack(iou_terms(sums), axis=1))))


# Terms of boundary counts, calibration counts, and values of images.


def band_terms(first: str) -> Terms:
    """Terms of the IoU of bands: intersection, union and true pixels of each class; `first` is the band's column."""
    start = BOUNDARY_COLUMNS.index(first)

    def terms(counts: I64) -> tuple[I64, I64, I64]:
        true, predicted, both = (counts[:, :, start + place] for place in range(3))
        return both, true + predicted - both, true

    return terms


def border_terms(counts: I64) -> tuple[I64, I64, I64, I64]:
    """True border pixels within reach of the predicted border, all of them, then the same with the two exchanged."""
    start = BOUNDARY_COLUMNS.index("border_true")
    true, reached, predicted, right = (counts[:, :, start + place] for place in range(4))
    return reached, true, right, predicted


def calibration_terms(counts: F64) -> tuple[F64]:
    """Correct pixels minus the sum of confidence, bin by bin; then the number of all pixels."""
    pixels, right, confidence = (counts[:, :, place] for place in range(3))
    return (np.concatenate([right - confidence, pixels.sum(axis=1, keepdims=True)], axis=1),)


def mean_terms(values: F64) -> tuple[npt.NDArray[Any], ...]:
    """Terms of a mean over images of `[N]` values: the values with 0 for NaN, then twice whether they are known."""
    known = ~np.isnan(values)[:, None]
    return np.nan_to_num(values)[:, None], known, known


# Formulas.


def share(sums: F64) -> F64:
    """Numerator over denominator, where there are true pixels."""
    return ratio(sums[..., 0, :], sums[..., 1, :], sums[..., 2, :] > 0)


def precision(sums: F64) -> F64:
    """Correct over predicted pixels, where there are true pixels; 0 for a class that is never predicted."""
    return ratio(sums[..., 0, :], np.maximum(sums[..., 1, :], 1), sums[..., 2, :] > 0)


def weighted_share(sums: F64) -> F64:
    """The mean of `share` over classes, weighted by their true pixels."""
    true = sums[..., 2, :]
    pixels = true.sum(axis=-1, keepdims=True)
    return ratio((true * np.nan_to_num(share(sums))).sum(axis=-1, keepdims=True), pixels, pixels > 0)


def border_f1(sums: F64) -> F64:
    """Harmonic mean of the precision and recall of borders, from `border_terms`."""
    reached, true, right, predicted = np.moveaxis(sums, -2, 0)
    recall = reached / np.maximum(true, 1)
    exact = right / np.maximum(predicted, 1)  # 0 for a class that is never predicted
    return np.where(true > 0, 2 * exact * recall / np.maximum(exact + recall, 1e-300), np.nan)


def calibration_error(sums: F64) -> F64:
    """Expected calibration error, from `calibration_terms`.

    Bins are summed over images before the gap is taken: overconfidence in one image offsets underconfidence in another.
    """
    gaps, pixels = sums[..., 0, :-1], sums[..., 0, -1:]
    return ratio(np.abs(gaps).sum(axis=-1, keepdims=True), pixels, pixels > 0)
