"""Storing confidence as a small grey PNG, in steps of 5 % and at most 640 pixels wide or high.

A CamVid frame of 480x360 takes about 30 kB, compared with 40 kB in steps of 2 % and 700 kB as float32. A frame of
960x720 is halved and takes about 22 kB, since halving smooths it.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from segcore.arrays import F32Map

LEVELS = 20
MAX_SIDE = 640  # pixels


def write_confidence(path: Path, confidence: F32Map) -> None:
    """Write `[H, W]` confidences in 0..1 as a grey PNG, in which 255 is certain."""
    from PIL import Image

    height, width = confidence.shape
    shrink = math.ceil(max(height, width) / MAX_SIDE)
    if shrink > 1:
        size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        confidence = np.asarray(cv2.resize(confidence, size, interpolation=cv2.INTER_AREA), np.float32)
    grey = np.rint(np.rint(confidence * LEVELS) * (255 / LEVELS)).astype(np.uint8)
    Image.fromarray(grey, "L").save(path, optimize=True)


def read_confidence(path: Path, height: int, width: int) -> F32Map:
    """Read confidences as `[height, width]` float32 in 0..1, enlarged bilinearly where they were stored smaller.

    Raises:
        DECODER_ERRORS: when the file is truncated or no grey picture; Pillow's errors are passed on.
    """
    from PIL import Image

    try:
        picture = Image.open(path, formats=["PNG"])
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from None
    with picture as image:
        if image.mode != "L":
            raise ValueError(f"a {image.mode} picture; expected a grey one")
        if max(image.size) > MAX_SIDE:
            raise ValueError(f"{image.width}x{image.height} pixels; expected at most {MAX_SIDE} a side")
        grey = np.array(image)
    confidence = (np.rint(grey * (LEVELS / 255)) / LEVELS).astype(np.float32)
    if confidence.shape == (height, width):
        return confidence
    return np.asarray(cv2.resize(confidence, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
