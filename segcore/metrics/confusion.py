"""Counts pixels by true and predicted class."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import F32, I64, U8
from segcore.errors import EvaluationError
from segcore.labels import IGNORE_INDEX, MAX_CLASSES

PIXELS_AT_ONCE = 1 << 24  # cv2.calcHist counts in float32, which holds every integer up to here


def confusion_matrix(
    prediction: npt.NDArray[Any], truth: npt.NDArray[Any], *, classes: int, ignore_index: int = IGNORE_INDEX
) -> I64:
    """Count the pixels of every (truth, prediction) pair.

    Args:
        prediction: Class ids, any integer dtype with values 0-255, any shape (usually `[H, W]` uint8).
        truth: Class ids of the same shape.
        classes: Number of classes C; ids are 0..C-1.
        ignore_index: Pixels whose *truth* is this are left out, whatever was predicted there.

    Returns:
        `[C, C]` int64; row = truth, column = prediction.

    Raises:
        EvaluationError: when the shapes differ, an id is no class, or `classes` is out of range.

    >>> confusion_matrix(np.array([[0, 1], [1, 1]]), np.array([[0, 0], [1, 255]]), classes=2)
    array([[1, 1],
           [0, 1]])
    """
    if not 1 <= classes <= MAX_CLASSES:
        raise EvaluationError(f"A confusion matrix of {classes} classes; expected 1 to {MAX_CLASSES}.")
    if prediction.shape != truth.shape:
        got, expected = list(prediction.shape), list(truth.shape)
        raise EvaluationError(
            f"The prediction is {got}, the ground truth {expected}; they must match. "
            "Resize the prediction to the ground truth's own size."
        )
    table = _pairs(_ids(prediction, "prediction"), _ids(truth, "ground truth"))
    ignored = table[ignore_index].sum(dtype=np.int64) if 0 <= ignore_index < len(table) else 0
    counts = table[:classes, :classes].astype(np.int64)
    if 0 <= ignore_index < classes:
        counts[ignore_index] = 0
    if counts.sum() != truth.size - ignored:
        _raise_foreign(table.astype(np.int64), classes, ignore_index)
    return counts


def _ids(mask: npt.NDArray[Any], name: str) -> U8:
    """The mask as contiguous uint8; EvaluationError where its values are no ids from 0 to 255."""
    if mask.dtype != np.uint8:
        if mask.dtype.kind not in "iub":
            raise EvaluationError(f"The {name} is {mask.dtype}; expected class ids as integers.")
        if mask.size and not (0 <= mask.min() and mask.max() <= 255):
            raise EvaluationError(f"The {name} has ids {mask.min()} to {mask.max()}; expected 0 to 255.")
        mask = mask.astype(np.uint8)
    return np.ascontiguousarray(mask)


def pair_counts(prediction: U8, truth: U8) -> I64:
    """`[256, 256]` int64 counts of all id pairs of two masks, 255 included; row = truth."""
    return _pairs(prediction, truth).astype(np.int64)


def _pairs(prediction: U8, truth: U8) -> npt.NDArray[Any]:
    """`pair_counts` as float32 where that is exact, else as int64."""
    truth, prediction = truth.reshape(1, -1), prediction.reshape(1, -1)
    if truth.size <= PIXELS_AT_ONCE:
        return _histogram(truth, prediction)
    table = np.zeros((256, 256), np.int64)
    for start in range(0, truth.shape[1], PIXELS_AT_ONCE):
        part = slice(start, start + PIXELS_AT_ONCE)
        table += _histogram(truth[:, part], prediction[:, part]).astype(np.int64)
    return table


def _histogram(truth: U8, prediction: U8) -> F32:
    """`[256, 256]` counts of `[1, N]` ids; with all 256 bins OpenCV uses a table of ids instead of scaling them."""
    table = np.zeros((256, 256), np.float32)
    whole = truth.size // 4 * 4
    rest = [truth[:, whole:], prediction[:, whole:]]
    for pair in ([_interleaved(truth[:, :whole]), _interleaved(prediction[:, :whole])], rest):
        if pair[0].size:
            table += cv2.calcHist(pair, [0, 1], None, [256, 256], [0, 256, 0, 256])
    return table


def _interleaved(ids: U8) -> U8:
    """`[1, 4n]` ids, taken from the four quarters in turn: counting is faster when successive ids differ."""
    return np.asarray(cv2.merge(list(ids.reshape(4, 1, -1))), np.uint8).reshape(1, -1) if ids.size else ids


def _raise_foreign(table: I64, classes: int, ignore_index: int) -> None:
    if 0 <= ignore_index < len(table):
        table[ignore_index] = 0
    for name, pixels in (("ground truth", table.sum(axis=1)), ("prediction", table.sum(axis=0))):
        foreign = np.flatnonzero(pixels[classes:]) + classes
        if foreign.size:
            first = int(foreign[0])
            way_out = "The labels of the model and of the data differ: open the data with the model's labels."
            ignored = f" or {ignore_index} (ignored)" if name == "ground truth" else " wherever the truth is scored"
            raise EvaluationError(
                f"The {name} has id {first} ({int(pixels[first])} pixels); "
                f"expected 0 to {classes - 1}{ignored}. {way_out}"
            )
