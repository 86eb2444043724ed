"""A mask as labelme's annotations: a shape of type `mask` for each class, which its editor opens for correction."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np

from segcore.arrays import U8Mask
from segcore.labels import LabelMap

_VERSION = "5.5.0"  # of labelme, whose files look like this; shapes of type `mask` came with 5.2


def labelme_document(mask: U8Mask, labels: LabelMap, image_name: str) -> dict[str, Any]:
    """The content of `NAME.json`: exactly the pixels of a mask; those that are no class belong to no shape.

    Args:
        mask: `[H, W]` uint8 ids; 255 is not labelled.
        labels: Names of the classes.
        image_name: The image's file beside it.

    Source: github.com/wkentaro/labelme, `labelme/_label_file.py`; the corners of a mask belong to it.
    """
    shapes = []
    for index in np.unique(mask).tolist():
        if index >= labels.classes:
            continue
        inside = (mask == index).astype(np.uint8)
        left, top, width, height = cv2.boundingRect(inside)
        png = cv2.imencode(".png", inside[top : top + height, left : left + width])[1]
        shapes.append(
            {
                "label": labels.names[index],
                "points": [[left, top], [left + width - 1, top + height - 1]],
                "group_id": None,
                "description": "",
                "shape_type": "mask",
                "flags": {},
                "mask": base64.b64encode(png.tobytes()).decode(),
            }
        )
    height, width = mask.shape
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image_name,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
