"""Draws masks on images: overlays, contours and error maps. Functions return new arrays."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8
from segcore.errors import SegcoreError
from segcore.labels import IGNORE_INDEX, LabelMap

Visible = Collection[int] | None  # ids that are drawn; None for all
HATCH_PERIOD = 12  # px, at the size of the mask
# RGBA over a rightly predicted pixel in an error map. Grey, not black: palettes have colours as dark as a photo's
# shadows and as bright as its lights, but none as dull.
FADED = (165, 165, 165, 140)
DIMMED = (0, 0, 0, 128)  # over a photo on which few pixels shall shine


def overlay(image: U8, mask: U8, labels: LabelMap, *, opacity: float = 0.5, visible: Visible = None) -> U8:
    """Blend class colours over an image; ignored pixels and hidden classes show the image alone.

    Args:
        image: `[H, W, 3]` RGB uint8.
        mask: `[H, W]` uint8 ids.
        labels: Palette of the ids.
        opacity: 0 (image) to 1 (colours).
        visible: Ids that are coloured; None for all.

    Returns:
        `[H, W, 3]` uint8, a new array.

    Raises:
        SegcoreError: when image and mask differ in size.
    """
    _same_size(image, mask, "mask")
    blended: U8 = np.asarray(cv2.addWeighted(image, 1 - opacity, labels.to_rgb(mask), opacity, 0), np.uint8)
    cv2.copyTo(image, np.take(~_shown(labels, visible), mask).view(np.uint8), blended)
    return blended


def contour(mask: U8, *, width: int = 2) -> npt.NDArray[np.bool_]:
    """`[H, W]` bool: pixels within `width` of a border between two ids."""
    edges = np.zeros(mask.shape, np.uint8)
    edges[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    edges[1:, :] |= mask[1:, :] != mask[:-1, :]
    return cv2.dilate(edges, np.ones((width, width), np.uint8)).astype(bool)


def outlined(image: U8, mask: U8, labels: LabelMap, *, visible: Visible = None, width: int = 3) -> U8:
    """The image with the borders of its regions drawn in their class colours.

    Takes, returns and raises the same as `overlay`; `width` is that of the lines in pixels.
    """
    _same_size(image, mask, "mask")
    drawn = contour(mask, width=width) & _shown(labels, visible)[mask]
    return np.where(drawn[..., None], labels.to_rgb(mask), image)


def error_map(image: U8, prediction: U8, truth: U8, labels: LabelMap) -> U8:
    """Draw where and how a prediction is wrong.

    Right pixels are the faded photo, wrong ones the colour of the class they were taken for, and pixels that are
    never scored are hatched.

    Args:
        image: `[H, W, 3]` RGB uint8.
        prediction: `[H, W]` uint8 ids.
        truth: `[H, W]` uint8 ids; 255 is never scored.
        labels: Palette of the ids.

    Returns:
        `[H, W, 3]` uint8, a new array.

    Raises:
        SegcoreError: when the sizes differ.
    """
    _same_size(image, prediction, "prediction")
    _same_size(image, truth, "truth")
    share = FADED[3] / 255
    faded = cv2.addWeighted(image, 1 - share, np.full_like(image, FADED[:3]), share, 0)
    result = np.where(wrong(prediction, truth)[..., None], labels.to_rgb(prediction), faded)
    void = truth == IGNORE_INDEX
    lines = hatch(truth.shape)
    result[void & lines] = 150
    result[void & ~lines] = 60
    return result


def wrong(prediction: U8, truth: U8) -> npt.NDArray[np.bool_]:
    """`[H, W]` bool: scored pixels whose class was missed."""
    return (prediction != truth) & (truth != IGNORE_INDEX)


def hatch(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """`[H, W]` bool: diagonal lines, a third of the area."""
    height, width = shape[:2]
    line = np.arange(width + HATCH_PERIOD) % HATCH_PERIOD < HATCH_PERIOD // 3
    tile = np.stack([line[row : row + width] for row in range(HATCH_PERIOD)])
    return np.tile(tile, (-(-height // HATCH_PERIOD), 1))[:height]


def _shown(labels: LabelMap, visible: Visible) -> npt.NDArray[np.bool_]:
    """`[256]` bool: ids that get a colour."""
    table = np.zeros(256, bool)
    table[list(range(labels.classes) if visible is None else visible)] = True
    table[IGNORE_INDEX] = False
    return table


def _same_size(image: U8, mask: U8, what: str) -> None:
    if image.shape[:2] != mask.shape:
        (height, width), (mask_height, mask_width) = image.shape[:2], mask.shape
        raise SegcoreError(
            f"{what} is {mask_height}x{mask_width}, image is {height}x{width}; they must match to be drawn together."
        )
