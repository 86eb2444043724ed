"""Supervisely's projects: `meta.json`, `DATASET/img/NAME.jpg`, `DATASET/ann/NAME.jpg.json` with polygons and bitmaps.

The format is described in docs.supervisely.com, "Supervisely annotation JSON format".
"""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from PIL import ImageDraw

from segcore.arrays import Bool
from segcore.data.decode import MASK_SUFFIXES
from segcore.data.file_source import Listing
from segcore.data.formats.annotations import (
    OVERLAP,
    DrawnMask,
    Size,
    named_classes,
    picture,
    points,
    region,
    stamp,
)
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.pairing import images_in, is_image, pair_files
from segcore.data.formats.split_names import split_of
from segcore.errors import DatasetError

TOOL = "Supervisely"
META, IMAGES, ANNOTATIONS = "meta.json", "img", "ann"
MACHINE, MACHINE_CLASSES = "masks_machine", "obj_class_to_machine_color.json"  # masks of "Export as masks"


def looks_like(listing: Listing) -> bool:
    """Whether meta.json lies beside folders that have `img/` and `ann/`, or the list of colours beside masks."""
    return bool(_kind(listing))


def read(listing: Listing) -> DetectedDataset:
    """The datasets of a project; one that is not called as a split is train.

    Raises:
        DatasetError: when there are none.
        LabelError: when meta.json or another list of classes has a bad entry.
    """
    kind = _kind(listing)
    if not kind:
        raise DatasetError(f"{listing.where()}: no {META} beside folders with {IMAGES}/ and {ANNOTATIONS}/.")
    datasets, drawn = _datasets(listing, kind), kind == ANNOTATIONS
    own, classes = named_classes(listing, tuple, META if drawn else MACHINE_CLASSES)
    splits = {name: next(filter(None, map(split_of, name.split("/"))), None) for name in datasets}
    sharing = Counter(split or "train" for split in splits.values())
    pairs = list[ImageMaskPair]()
    for name, split in splits.items():
        images, documents = (listing.below(f"{name}/{part}".strip("/")) for part in (IMAGES, kind))
        prefix = f"{name}/" if sharing[split or "train"] > 1 else ""  # two datasets may hold images of one name
        pairs_here = pair_files(
            [(images, file) for file in images_in(images)],
            [
                (documents, file)
                for file in documents.files
                if file.lower().endswith(".json" if drawn else MASK_SUFFIXES)
            ],
            split or "train",
            image_stem=prefix.__add__,
            mask_stem=partial(_document_stem, prefix),
        )
        pairs += (
            replace(pair, mask=DrawnMask(str(pair.mask), classes, TOOL, draw)) if pair.mask and drawn else pair
            for pair in pairs_here
        )
    notes = (
        f"{name}/ is no split's name: its samples are train." for name, split in splits.items() if name and not split
    )
    return own.dataset(pairs, splits=sharing, notes=(*notes, *([OVERLAP] if drawn else []), *classes.notes))


def _document_stem(prefix: str, stem: str) -> str:
    """The id of an annotation file `a.jpg.json`, of which `stem` is `a.jpg`; older projects have `a.json`."""
    return prefix + (stem.rpartition(".")[0] if is_image(stem) else stem)


def _kind(listing: Listing) -> str:
    """The folder of labels: annotations, else masks; empty where neither lies beside images and their list."""
    lists = {ANNOTATIONS: META, MACHINE: MACHINE_CLASSES}
    return next((kind for kind, file in lists.items() if file in listing.files and _datasets(listing, kind)), "")


def _datasets(listing: Listing, kind: str) -> list[str]:
    """The folders that have `img/` and a folder of labels."""
    inner = (folder.removesuffix(kind).rstrip("/") for folder in listing.folders if folder.rpartition("/")[2] == kind)
    return sorted(name for name in inner if f"{name}/{IMAGES}".strip("/") in listing.folders)


def draw(document: dict[str, Any]) -> tuple[Size, Iterator[tuple[str, Bool]]]:
    """(height and width, (class, `[H, W]` bool) of each object) of an annotation file."""
    size = int(document["size"]["height"]), int(document["size"]["width"])
    return size, ((item["classTitle"], _region(item, size)) for item in document["objects"])


def _region(item: dict[str, Any], size: Size) -> Bool:
    kind = item["geometryType"]
    if kind == "bitmap":
        bitmap = item["bitmap"]
        return stamp(size, bitmap["origin"], picture(zlib.decompress(base64.b64decode(bitmap["data"]))))
    outline, holes = points(item["points"]["exterior"]), [points(hole) for hole in item["points"].get("interior", ())]

    def shape(canvas: ImageDraw.ImageDraw) -> None:
        if kind == "polygon":
            canvas.polygon(outline, fill=1, outline=1)
            for hole in holes:
                canvas.polygon(hole, fill=0, outline=0)
        elif kind == "rectangle":
            (left, right), (top, bottom) = ((min(values), max(values)) for values in zip(*outline, strict=True))
            canvas.rectangle((left, top, right, bottom), fill=1)
        elif kind in ("line", "polyline"):
            canvas.line(outline, fill=1)
        elif kind == "point":
            canvas.point(outline, fill=1)
        else:
            raise ValueError(f"an object of geometryType {kind!r}, which has no area")

    return region(size, shape)
