"""Pictures at another size: what a model is fed, wherever that is."""

from __future__ import annotations

import cv2
import numpy as np

from segcore.arrays import U8Image, U8Mask


def resize(image: U8Image, height: int, width: int) -> U8Image:
    """An image at another size: area averaging where it shrinks (no aliasing), bilinear where it grows.

    Returns:
        `[height, width, 3]` uint8; the image itself when it is of that size.
    """
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def resize_pair(image: U8Image, mask: U8Mask, height: int, width: int) -> tuple[U8Image, U8Mask]:
    """Image and mask at another size.

    Returns:
        `[height, width, 3]` and `[height, width]` uint8; the same arrays where they have that size.
    """
    if mask.shape == (height, width):
        return image, mask
    # Nearest on the mask: anything else invents ids.
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(resize(image, height, width)), np.asarray(small, np.uint8)
