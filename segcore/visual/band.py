"""The band along the borders of a mask: where segmentation is hard, and where most labels are unsure by a pixel."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from segcore.errors import SegcoreError

U8 = npt.NDArray[np.uint8]

NARROW = 3  # px
DIAGONAL_SHARE = 0.02  # of the diagonal, as in Boundary IoU (Cheng et al., CVPR 2021)


def diagonal_width(shape: tuple[int, ...]) -> int:
    """2 % of an image's diagonal in pixels, 1 at least.

    >>> diagonal_width((720, 960))
    24
    """
    return max(1, round(DIAGONAL_SHARE * math.hypot(*shape[:2])))


def band(mask: U8, width: int) -> npt.NDArray[np.bool_]:
    """`[H, W]` bool: pixels within `width` of a border between two ids, on both of its sides.

    A border to ignored pixels counts: a region ends there.

    Args:
        mask: `[H, W]` uint8 ids.
        width: Pixels on each side of the border; 1 marks the two pixels that touch it.

    Raises:
        SegcoreError: when the width is less than 1.
    """
    if width < 1:
        raise SegcoreError(f"A band of {width} pixels; expected 1 at least.")
    touching = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    touching[:, 1:] |= across
    touching[:, :-1] |= across
    touching[1:] |= down
    touching[:-1] |= down
    if not touching.any():
        return touching
    # Distances to pixel centres: the touching pixel itself is the first of `width`.
    away = cv2.distanceTransform((~touching).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(away <= width - 1)
