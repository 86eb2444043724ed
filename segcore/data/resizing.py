"""Resizes images and masks, in the same way for training, prediction and the app."""

from __future__ import annotations

import cv2
import numpy as np

from segcore.arrays import U8Image, U8Mask


def resize(image: U8Image, height: int, width: int) -> U8Image:
    """Resize an image: by area averaging where it shrinks (no aliasing), bilinearly where it grows.

    Returns:
        `[height, width, 3]` uint8; the image itself when it is of that size.
    """
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def resize_pair(image: U8Image, mask: U8Mask, height: int, width: int) -> tuple[U8Image, U8Mask]:
    """Resize an image and its mask, whose class ids are never mixed.

    Returns:
        `[height, width, 3]` and `[height, width]` uint8; the same arrays where they have that size.
    """
    if mask.shape == (height, width):
        return image, mask
    # Nearest neighbour: interpolation would invent ids.
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(resize(image, height, width)), np.asarray(small, np.uint8)


def resize_ids(mask: U8Mask, height: int, width: int) -> U8Mask:
    """Resize predicted class ids to (height, width); the mask itself when it is of that size."""
    if mask.shape == (height, width):
        return mask
    # Nearest neighbour: interpolation would invent ids.
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
