"""Looks up the values of pixels in tables of 256 entries, for bytes several times as fast as numpy's own indexing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from segcore.arrays import I64, U8, Bool

_SMALL = 1 << 16  # pixels, below which numpy is the faster one
_FEW = 4  # ranges of values that are compared with every pixel in less time than counting all values takes


def lookup(table: U8, values: npt.NDArray[np.integer]) -> U8:
    """`table[values]` of a table of 256 bytes.

    Args:
        table: `[256]` uint8.
        values: `[H, W]` integers from 0 to 255.
    """
    if values.dtype != np.uint8 or values.size < _SMALL:
        return table[values]
    return np.array(_picture(values).point(table.tolist())).reshape(values.shape)


def any_of(wanted: Bool, values: npt.NDArray[np.integer]) -> bool:
    """Whether a value occurs that is wanted.

    Args:
        wanted: `[256]` bool.
        values: `[H, W]` uint8.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).view(np.uint8)))
    ranges = edges.reshape(-1, 2).tolist()
    if len(ranges) > _FEW:
        return bool(wanted[used_values(values)].any())
    # Modulo 256, so that one comparison holds for both ends.
    return any((values - np.uint8(first) <= np.uint8(end - 1 - first)).any() for first, end in ranges)


def used_values(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The different values of an array, in order.

    >>> used_values(np.array([[7, 2], [2, 7]], np.uint8)).tolist()
    [2, 7]
    """
    if values.dtype != np.uint8:
        return np.unique(values)
    return np.flatnonzero(value_counts(values))


def value_counts(values: U8) -> I64:
    """`[256]` how often each value occurs.

    Args:
        values: `[H, W]` uint8.
    """
    return np.array(_picture(values).histogram(), np.int64) if values.size else np.zeros(256, np.int64)


def _picture(values: npt.NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(values).reshape(len(values), -1))
