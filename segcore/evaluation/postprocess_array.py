"""Class, confidence and entropy of every pixel from logits in an array: what `postprocess` does, without torch."""

from __future__ import annotations

import math

import cv2
import numpy as np

from segcore.arrays import F32Logits, F32Map, U8Mask


def decide_array(
    logits: F32Logits, mask: U8Mask, confidence: F32Map, entropy: F32Map, temperature: float, at_once: int
) -> None:
    """Write class, confidence and entropy of logits that are enlarged bilinearly, some rows at a time.

    Args:
        logits: `[C, h, w]` float32; left as it is.
        mask: `[H, W]` uint8, written.
        confidence: `[H, W]` float32, written.
        entropy: `[H, W]` float32, written; 0..1.
        temperature: Divisor of the logits.
        at_once: Logits to enlarge at a time.
    """
    height, width = mask.shape
    most = np.float32(math.log(max(len(logits), 2)))
    step = max(1, at_once // (len(logits) * width))
    for start in range(0, height, step):
        part = slice(start, min(start + step, height))
        slab = enlarged(logits, part, height, width)
        mask[part] = slab.argmax(axis=0)
        slab -= slab.max(axis=0)
        if temperature != 1.0:
            slab /= np.float32(temperature)
        share = np.exp(slab)
        total = share.sum(axis=0)  # the winner's share is exp(0) / total
        confidence[part] = np.float32(1) / total
        slab *= share
        entropy[part] = np.clip((np.log(total) - slab.sum(axis=0) / total) / most, 0, 1)  # -sum p log p


def enlarged(logits: F32Logits, part: slice, height: int, width: int) -> F32Logits:
    """Rows `part` of the logits enlarged to `[C, height, width]`, as an array of its own."""
    rows = logits.shape[1]
    if logits.shape[1:] == (height, width):
        return np.array(logits[:, part], np.float32, order="C")
    # Centre of each row to be made, in rows of the logits.
    places = np.arange(height, dtype=np.float32)[part]
    centers = np.clip((places + np.float32(0.5)) * np.float32(rows / height) - np.float32(0.5), 0, rows - 1)
    above = centers.astype(np.intp)
    below = np.minimum(above + 1, rows - 1)
    fraction = (centers - above.astype(np.float32))[:, None]
    start = logits[:, above]
    slab: F32Logits = start + (logits[:, below] - start) * fraction
    if slab.shape[2] == width:
        return slab
    size = (width, slab.shape[1])
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in slab])
