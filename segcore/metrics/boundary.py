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
_DISK = [(down, right) for down in _OFFSETS for right in _OFFSETS if down**2 + right**2 <= REACH**2]


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
    void = truth == ignore_index
    true, predicted = (np.where(void, IGNORE_INDEX, mask).astype(np.uint8) for mask in (truth, prediction))
    for mask, name in ((true, "ground truth"), (predicted, "prediction")):
        foreign = (mask >= classes) & ~void
        if foreign.any():
            raise EvaluationError(f"The {name} has id {mask[foreign][0]}; expected 0 to {classes - 1}.")
    if not true.size:
        return np.zeros((classes, len(BOUNDARY_COLUMNS)), np.int64)
    columns: list[I64] = []
    for width in (band_width(*true.shape), BAND_PX):
        table = pair_counts(_band(predicted, width), _band(true, width))
        columns += [table.sum(axis=1), table.sum(axis=0), table.diagonal()]
    columns += _reached(_band(true, 1, frame=False), _band(predicted, 1, frame=False))
    return np.stack([column[:classes] for column in columns], axis=1)


def boundary_band(mask: U8Mask, width: int) -> Bool:
    """`[H, W]` bool: pixels of a mask at most `width` px (Chebyshev) inside a border between two classes.

    Void (255) and the frame of the image make no border.

    >>> boundary_band(np.array([[0, 0, 0, 1, 1]], np.uint8), 1).astype(int).tolist()
    [[0, 0, 1, 1, 0]]
    """
    return _band(mask, width, frame=False) != IGNORE_INDEX


def _band(mask: U8Mask, width: int, *, frame: bool = True) -> U8Mask:
    """The mask with void outside of the bands: where the square of `width` px around a pixel holds one class only."""
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    # Void (255) is above all ids for erode; for dilate, ids + 1 make it 0, below all ids.
    least = cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=IGNORE_INDEX)
    largest = cv2.dilate(mask + np.uint8(1), square, borderType=cv2.BORDER_CONSTANT, borderValue=0) - np.uint8(1)
    inside = (least == mask) & (largest == mask)
    if frame:
        inside[:width] = inside[-width:] = False
        inside[:, :width] = inside[:, -width:] = False
    return np.where(inside, np.uint8(IGNORE_INDEX), mask)


def _reached(true: U8Mask, predicted: U8Mask) -> list[I64]:
    """Pixels of the true border by class, those within reach of the predicted border, then the same reversed."""
    columns = []
    for border, other in ((true, predicted), (predicted, true)):
        rows, places = np.nonzero(border != IGNORE_INDEX)
        ids = border[rows, places]
        around = np.pad(other, REACH, constant_values=IGNORE_INDEX)
        start = (rows + REACH) * around.shape[1] + places + REACH
        near = np.zeros(len(ids), np.bool_)
        for down, right in _DISK:
            near |= around.ravel()[start + (down * around.shape[1] + right)] == ids
        columns += [np.bincount(ids, minlength=256), np.bincount(ids[near], minlength=256)]
    return columns
