"""Predictions as COCO "stuff" annotations: one run-length code for each class in each image."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8
from segcore.labels import LabelMap
from segcore.report.rle import compress, runs_of_classes

Masks = Callable[[], Iterator[tuple[str, U8]]]  # (id of an image, its mask) from the first on, when called


def category_id(index: int) -> int:
    """A class's id in COCO, where 0 is kept for "nothing"."""
    return index + 1


def write_coco(
    path: Path, masks: Masks, labels: LabelMap, *, file_names: Mapping[str, str], info: Mapping[str, Any]
) -> int:
    """Write one COCO file; masks are read twice and held one at a time.

    Args:
        path: The file.
        masks: (id of an image, `[H, W]` uint8 class ids; 255 belongs to no annotation) from the first on, when called.
        labels: The classes, which become the categories.
        file_names: Image id -> what COCO calls its `file_name`.
        info: What the block `info` says beside the classes' colours.

    Returns:
        Number of annotations.
    """
    categories = [
        {"id": category_id(index), "name": name, "supercategory": "stuff", "isthing": 0, "color": list(color)}
        for index, (name, color) in enumerate(zip(labels.names, labels.colors, strict=True))
    ]
    head = {
        "info": {**info, "colors": dict(zip(labels.names, map(list, labels.colors), strict=True))},
        "licenses": [],
        "categories": categories,
        "images": [
            {"id": number, "file_name": file_names[sample_id], "height": mask.shape[0], "width": mask.shape[1]}
            for number, (sample_id, mask) in enumerate(masks(), 1)
        ],
    }
    count = 0
    with path.open("w", encoding="utf-8") as handle:
        handle.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "annotations": [')
        for number, (_, mask) in enumerate(masks(), 1):
            for annotation in _annotations(mask, number, labels.classes):
                count += 1
                handle.write((",\n" if count > 1 else "\n") + json.dumps({"id": count, **annotation}))
        handle.write("\n]}\n")
    return count


def _annotations(mask: U8, image: int, classes: int) -> Iterator[dict[str, Any]]:
    height, width = mask.shape
    for index, counts in runs_of_classes(mask):
        if index < classes:
            yield {
                "image_id": image,
                "category_id": category_id(index),
                "iscrowd": 0,
                "area": int(counts[1::2].sum()),
                "bbox": _box(mask == index),
                "segmentation": {"size": [height, width], "counts": compress(counts)},
            }


def _box(inside: npt.NDArray[np.bool_]) -> Sequence[int]:
    """x, y, width, height in px."""
    return [int(value) for value in cv2.boundingRect(inside.astype(np.uint8))]
