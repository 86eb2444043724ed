"""Looks up the values of pixels in tables of 256 entries, for bytes ten times as fast as numpy's own indexing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8, Bool

_EXACT = 1 << 24  # pixels: OpenCV counts in float32


def lookup(table: U8, values: npt.NDArray[np.integer]) -> U8:
    """`table[values]` of a table of 256 bytes.

    Args:
        table: `[256]` uint8.
        values: `[H, W]` integers from 0 to 255.
    """
    return np.asarray(cv2.LUT(values, table), np.uint8) if values.dtype == np.uint8 else table[values]


def any_of(wanted: Bool, values: npt.NDArray[np.integer]) -> bool:
    """Whether a value occurs that is wanted.

    Args:
        wanted: `[256]` bool.
        values: `[H, W]` uint8.
    """
    return bool(cv2.countNonZero(cv2.LUT(values, wanted.view(np.uint8))))


def used_values(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The different values of an array, in order.

    >>> used_values(np.array([[7, 2], [2, 7]], np.uint8)).tolist()
    [2, 7]
    """
    if values.dtype != np.uint8 or not 0 < values.size <= _EXACT:
        return np.unique(values)
    return np.flatnonzero(cv2.calcHist([values.reshape(1, -1)], [0], None, [256], [0, 256]).ravel())
