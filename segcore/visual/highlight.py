"""Highlights one kind of mistake on a photo, the pixels of a cell of the confusion matrix; the rest is dimmed."""

from __future__ import annotations

import cv2
import numpy as np

from segcore.arrays import U8, Bool
from segcore.errors import SegcoreError
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.visual.image_encoding import encode_png
from segcore.visual.overlay import DIMMED, wrong

_RIM, _REST = 253, 254  # indices of the layer, free of classes


def mistake_mask(prediction: U8, truth: U8, true: int | None, taken: int | None) -> Bool:
    """`[H, W]` bool: scored pixels that were mistaken in one way.

    Args:
        prediction: `[H, W]` uint8 ids.
        truth: `[H, W]` uint8 ids; 255 is never scored.
        true: Only pixels of this class; None for any.
        taken: Only pixels taken for this class; None for any other than the true one.

    Raises:
        SegcoreError: when the sizes differ.
    """
    _same_size(prediction, truth)
    mistaken = wrong(prediction, truth)
    if true is not None:
        mistaken &= truth == true
    if taken is not None:
        mistaken &= prediction == taken
    return mistaken


def encode_mistake(
    prediction: U8, truth: U8, labels: LabelMap, *, true: int | None, taken: int | None, width: int | None = None
) -> bytes:
    """Encode a layer that highlights one kind of mistake, in the colour of the class it was taken for.

    Takes and raises the same as `mistake_mask`, and `labels` and `width` as `encode_highlight`.
    """
    return encode_highlight(prediction, mistake_mask(prediction, truth, true, taken), labels, width=width)


def encode_highlight(mask: U8, marked: Bool, labels: LabelMap, *, width: int | None = None) -> bytes:
    """Encode a layer: marked pixels in the colour of their class with a light rim, the rest dimmed.

    Args:
        mask: `[H, W]` uint8 ids.
        marked: `[H, W]` bool.
        labels: Palette of the ids.
        width: Largest width in pixels. A small pixel is marked when any pixel within it is.
    """
    ids, shown = _small(mask, marked, width)
    rim = cv2.dilate(shown.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~shown
    taken = np.unique(ids[shown])
    if len(taken) > _RIM:
        raise SegcoreError(f"{len(taken)} classes highlighted in one picture; at most {_RIM} can be drawn.")
    table = np.zeros(256, np.uint8)
    table[taken] = np.arange(len(taken))  # numbered anew: the other indices stay free
    indices = np.where(shown, table[ids], np.where(rim, np.uint8(_RIM), np.uint8(_REST)))
    palette = np.zeros((256, 4), np.uint8)
    palette[: len(taken), :3] = labels.palette[taken]
    palette[: len(taken), 3] = 255
    palette[_RIM] = (255, 255, 255, 220)
    palette[_REST] = DIMMED
    return encode_png(indices, palette)


def _small(mask: U8, marked: Bool, width: int | None) -> tuple[U8, Bool]:
    """Mask and marks at most `width` wide; a small pixel takes its class from a marked pixel within it, if any."""
    height, columns = mask.shape
    if width is None or columns <= width:
        return mask, marked
    small = np.full((max(1, round(height * width / columns)), width), IGNORE_INDEX, np.uint8)
    nearest = cv2.resize(mask, small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    shown = np.zeros(small.shape, bool)
    rows, places = np.nonzero(marked)
    at = rows * small.shape[0] // height, places * width // columns
    shown[at] = True
    small[at] = mask[rows, places]
    return np.where(shown, small, nearest).astype(np.uint8), shown


def _same_size(prediction: U8, truth: U8) -> None:
    if prediction.shape != truth.shape:
        raise SegcoreError(f"prediction is {list(prediction.shape)}, truth is {list(truth.shape)}; they must match.")
