"""Scores the borders between classes, which have little weight in IoU.

Boundary IoU (Cheng, Girshick, Dollar, Berg & Kirillov 2021, arXiv 2103.16562) is the IoU of two bands along the inside
of the true and of the predicted borders. Boundary F1 (Csurka, Larlus & Perronnin 2013; as in DAVIS, Perazzi et al.
2016) combines the share of the predicted border that has a true border of the class within reach, and the reverse.

A void pixel may be of any class, so it is in no band and on no border, and a class has no border towards void. The
prediction is set to void where the truth is void. Classes on both sides of a strip of void narrower than the band still
have bands along it. Bands of Boundary IoU run along the frame of the image, as in its authors' code; borders of F1
don't. Counts are summed over images before they are divided, as for IoU.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, Bool, U8Mask
from segcore.errors import EvaluationError
from segcore.labels import IGNORE_INDEX, MAX_CLASSES
from segcore.metrics.confusion import pair_counts
from segcore.metrics.counts import BOUNDARY_COLUMNS
from segcore.metrics.registry import statistic

BOUNDARY = ("boundary_iou", "boundary_iou_3px", "boundary_f1")
BAND = 0.02  # of the diagonal
BAND_PX = 3
REACH = 3  # px, Euclidean, from centre to centre
_OFFSETS = range(-REACH, REACH + 1)
_DISK = sorted(
    ((down, right) for down in _OFFSETS for right in _OFFSETS if down**2 + right**2 <= REACH**2),
    key=lambda offset: offset[0] ** 2 + offset[1] ** 2,
)
_RINGS = _DISK[:5], _DISK[5:13], _DISK[13:]  # from near to far; pixels that a ring reaches are left out of the next


@dataclass(frozen=True, eq=False)
class BoundaryScores:
    """Scores of borders; NaN where the truth has none. Means are over the classes with a border in the truth.

    Args:
        boundary_iou: Mean Boundary IoU of bands of 2 % of the diagonal.
        boundary_iou_3px: Mean Boundary IoU of bands of 3 px.
        boundary_f1: Mean F1 of borders at most 3 px apart.
        iou, iou_3px, f1: `[C]` float64 scores of each class.
        absent: Ids of the classes that have no border in the truth.
    """

    boundary_iou: float
    boundary_iou_3px: float
    boundary_f1: float
    iou: F64
    iou_3px: F64
    f1: F64
    absent: tuple[int, ...]


def boundary_scores(counts: I64) -> BoundaryScores:
    """Score `boundary_counts`, `[C, 10]` of one image or `[N, C, 10]` summed over N images.

    Raises:
        EvaluationError: when the counts have another shape.
    """
    images = counts[None] if counts.ndim == 2 else counts
    iou, iou_3px, f1 = (statistic(f"class_{name}").value(images) for name in BOUNDARY)
    miou, miou_3px, mean_f1 = (float(statistic(name).value(images)) for name in BOUNDARY)
    absent = tuple(np.flatnonzero(np.isnan(f1)).tolist())
    return BoundaryScores(miou, miou_3px, mean_f1, iou, iou_3px, f1, absent)


def band_width(height: int, width: int) -> int:
    """Width of the bands of Boundary IoU: 2 % of the diagonal in whole pixels, at least 1.

    >>> band_width(360, 480), band_width(720, 960)
    (12, 24)
    """
    return max(1, round(BAND * math.hypot(height, width)))


def boundary_counts(
    prediction: npt.NDArray[Any], truth: npt.NDArray[Any], *, classes: int, ignore_index: int = IGNORE_INDEX
) -> I64:
    """Count the pixels of bands and borders of every class in one image.

    Args:
        prediction: `[H, W]` class ids 0..C-1.
        truth: `[H, W]` class ids or `ignore_index`.
        classes: Number of classes C.
        ignore_index: Pixels whose *truth* is this are void.

    Returns:
        `[C, 10]` int64, the columns of `BOUNDARY_COLUMNS`.

    Raises:
        EvaluationError: when the shapes differ or `classes` is out of range.
    """
    if not 1 <= classes <= MAX_CLASSES:
        raise EvaluationError(f"Borders of {classes} classes; expected 1 to {MAX_CLASSES}.")
    if prediction.shape != truth.shape or truth.ndim != 2:
        got, expected = list(prediction.shape), list(truth.shape)
        raise EvaluationError(
            f"The prediction is {got}, the ground truth {expected}; they must match and be [H, W]. "
            "Resize the prediction to the ground truth's own size."
        )
    void = (truth == ignore_index).view(np.uint8) * np.uint8(IGNORE_INDEX)
    true, predicted = (_with_void(mask, void) for mask in (truth, prediction))
    for mask, ids, name in ((true, truth, "ground truth"), (predicted, prediction, "prediction")):
        if mask.size and cv2.countNonZero(cv2.threshold(mask, classes - 1, 1, cv2.THRESH_BINARY)[1]) > cv2.countNonZero(
            void
        ):
            foreign = ids[(mask >= classes) & (void == 0)][0]
            raise EvaluationError(f"The {name} has id {foreign}; expected 0 to {classes - 1}.")
    if not true.size:
        return np.zeros((classes, len(BOUNDARY_COLUMNS)), np.int64)
    wide = band_width(*true.shape)
    of_truth, of_prediction = (_bands(mask, (1, BAND_PX, wide)) for mask in (true, predicted))
    columns: list[I64] = _reached(of_truth[1], of_prediction[1])
    for width in (BAND_PX, wide):
        table = pair_counts(
            _along_frame(of_prediction[width], predicted, width), _along_frame(of_truth[width], true, width)
        )
        columns = [table.sum(axis=1), table.sum(axis=0), table.diagonal(), *columns]
    return np.stack([column[:classes] for column in columns], axis=1)


def boundary_band(mask: U8Mask, width: int) -> Bool:
    """`[H, W]` bool: pixels of a mask at most `width` px (Chebyshev) inside a border between two classes.

    Void (255) and the frame of the image make no border.

    >>> boundary_band(np.array([[0, 0, 0, 1, 1]], np.uint8), 1).astype(int).tolist()
    [[0, 0, 1, 1, 0]]
    """
    return _bands(mask, (width,))[width] != IGNORE_INDEX


def _with_void(mask: npt.NDArray[Any], void: U8Mask) -> U8Mask:
    """The mask as uint8, 255 where it is void or no id of 8 bits."""
    if mask.dtype != np.uint8:
        mask = np.where((mask >= 0) & (mask < IGNORE_INDEX), mask, IGNORE_INDEX).astype(np.uint8)
    return np.asarray(cv2.bitwise_or(mask, void), np.uint8) if mask.size else mask


def _bands(mask: U8Mask, widths: Iterable[int]) -> dict[int, U8Mask]:
    """For each width the mask with void where the square of that width around a pixel holds one class.

    The frame of the image is no border: what OpenCV puts outside of it changes neither least nor largest.
    """
    bands = {}
    # Void (255) is above all ids for erode; for dilate, ids + 1 make it 0, below all ids. In place: memory is slow.
    least, largest, reached = mask.copy(), mask + np.uint8(1), 0
    for width in sorted(set(widths)):
        # The least of squares of least values is the least of the larger square.
        square = np.ones((2 * (width - reached) + 1,) * 2, np.uint8)
        cv2.erode(least, square, dst=least)
        cv2.dilate(largest, square, dst=largest)
        reached = width
        # A pixel lies between them, so they are its own id where they are one apart.
        inside = cv2.subtract(largest, least)
        cv2.threshold(inside, 1, IGNORE_INDEX, cv2.THRESH_BINARY_INV, dst=inside)
        bands[width] = np.asarray(cv2.bitwise_or(mask, inside, dst=inside), np.uint8)
    return bands


def _along_frame(band: U8Mask, mask: U8Mask, width: int) -> U8Mask:
    """The band, to which the pixels along the frame of the image are added in place."""
    for part in (slice(width), slice(-width, None)):
        band[part], band[:, part] = mask[part], mask[:, part]
    return band


def _reached(true: U8Mask, predicted: U8Mask) -> list[I64]:
    """Pixels of the true border by class, those within reach of the predicted border, then the same reversed."""
    columns = []
    padded = [np.pad(border, REACH, constant_values=IGNORE_INDEX) for border in (true, predicted)]
    stride = padded[0].shape[1]
    for border, other in (padded, padded[::-1]):
        flat, around = border.ravel(), other.ravel()
        left = np.flatnonzero(flat != IGNORE_INDEX)
        ids = flat.take(left)
        columns.append(np.bincount(ids, minlength=256))
        for offsets in _RINGS:
            far = np.ones(len(left), bool)
            for down, right in offsets:
                far &= around.take(left + (down * stride + right)) != ids
            places = np.flatnonzero(far)
            left, ids = left.take(places), ids.take(places)
        columns.append(columns[-1] - np.bincount(ids, minlength=256))
    return columns
