"""labelme's annotations: `NAME.json` beside `NAME.jpg`, or with the image embedded.

Shapes become pixels as labelme's own converters draw them; github.com/wkentaro/labelme.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

from segcore.arrays import Bool
from segcore.data.class_lists import CLASS_FILES
from segcore.data.file_source import Listing
from segcore.data.formats.annotations import (
    OVERLAP,
    DrawnMask,
    Size,
    load_document,
    named_classes,
    picture,
    points,
    region,
    stamp,
    written_by,
)
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.folder import IMAGE_FOLDERS
from segcore.data.formats.pairing import images_in, path_stem
from segcore.data.formats.split_names import split_folders
from segcore.data.formats.unread import is_export_list
from segcore.errors import DatasetError, number

TOOL = "labelme"
LINE_WIDTH, POINT_RADIUS = 10, 5  # px, as labelme draws them
POLYGONS = (None, "polygon", "rotation", "oriented_rectangle")  # None: before labelme 3


def looks_like(listing: Listing) -> bool:
    """Whether a `NAME.json` belongs to a `NAME.jpg`; where there are no images, whether the first JSON is labelme's."""
    for folder in _places(listing).values():
        documents = _documents(folder)
        images = _images(folder) if documents else {}
        if any(_name(file) in images for file in documents):
            return True
        if documents and not images and _is_labelme(folder, documents[0]):
            return True
    return False


def read(listing: Listing) -> DetectedDataset:
    """Annotation files beside their images or in a folder beside `images/`, whole or below `train/ val/ test/`.

    Raises:
        DatasetError: when there are none, or a file is not as labelme writes it.
        LabelError: when no class is named, or the list of classes has a bad line.
    """
    places, others = _places(listing), 0
    documents: dict[str, list[str]] = {}
    for split, folder in places.items():
        images, files = _images(folder), _documents(folder)
        documents[split] = [file for file in files if _name(file) in images or _is_labelme(folder, file)]
        others += sum(not is_export_list(folder, file) for file in {*files} - {*documents[split]})
    if not any(documents.values()):
        raise DatasetError(f"{listing.where()}: no NAME.json of labelme's beside NAME.jpg.")
    everyone = [(places[split], file) for split, files in documents.items() for file in files]
    own, classes = named_classes(listing, lambda: sorted({name for one in everyone for name in _labels(*one)}))
    pairs = list[ImageMaskPair]()
    for split, folder in places.items():
        images = _images(folder)
        for file in documents[split]:
            image = images.pop(_name(file), None) or _named_image(folder, file, images)
            mask = DrawnMask(folder.path(file), classes, TOOL, draw)
            pairs.append(ImageMaskPair(_name(file), split, image, mask))
        pairs += (ImageMaskPair(name, split, image, None) for name, image in images.items())
    left = (f"Left out {number(others, 'JSON file')} that labelme did not write.",) if others else ()
    return own.dataset(pairs, splits=places, notes=(*left, OVERLAP, *classes.notes))


def _places(listing: Listing) -> Mapping[str, Listing]:
    """The folder of each split; the whole where there are no such folders with annotations."""
    splits = {split: folder for split, folder in split_folders(listing, "{split}").items() if _documents(folder)}
    return splits or {"train": listing}


def _documents(folder: Listing) -> list[str]:
    """JSON files in a folder, or in one below it, that may be annotations."""
    files = (file for file in folder.files if file.lower().endswith(".json") and file.count("/") < 2)
    return [file for file in files if PurePosixPath(file).name.lower() not in {*CLASS_FILES, "segcore.json"}]


def _images(folder: Listing) -> dict[str, str]:
    """Name without suffix -> path of each image in a folder, or in its `images/`."""
    inside = [file for file in images_in(folder) if "/" not in file or file.partition("/")[0].lower() in IMAGE_FOLDERS]
    return {_name(file): folder.path(file) for file in inside if file.count("/") < 2}


def _name(file: str) -> str:
    return path_stem(PurePosixPath(file).name)


def _is_labelme(folder: Listing, file: str) -> bool:
    try:
        return isinstance(_load(folder, file).get("shapes"), list)
    except DatasetError:
        return False


def _load(folder: Listing, file: str) -> dict[str, Any]:
    return load_document(folder.file_source, folder.path(file), TOOL)


def _labels(folder: Listing, file: str) -> list[str]:
    with written_by(TOOL, folder.where(file)):
        return [str(shape["label"]) for shape in _load(folder, file)["shapes"]]


def _named_image(folder: Listing, file: str, images: dict[str, str]) -> str | None:
    """The image that an annotation file names, or the file itself where it holds the image; None without one."""
    document = _load(folder, file)
    named = PurePosixPath(normalize("NFC", str(document.get("imagePath"))).replace("\\", "/"))
    image = images.get(named.stem)
    if image and normalize("NFC", PurePosixPath(image).name) == named.name:
        return images.pop(named.stem)
    return folder.path(file) if document.get("imageData") else None


def draw(document: dict[str, Any]) -> tuple[Size, Iterator[tuple[str, Bool]]]:
    """(height and width, (label, `[H, W]` bool) of each shape) of an annotation file."""
    size = int(document["imageHeight"]), int(document["imageWidth"])
    return size, ((str(shape["label"]), _region(shape, size)) for shape in document["shapes"])


def _region(shape: dict[str, Any], size: Size) -> Bool:
    kind, corners = shape.get("shape_type"), points(shape["points"])
    if kind == "mask":
        return stamp(size, corners[0], picture(base64.b64decode(shape["mask"])))
    if kind in POLYGONS and len(corners) > 2:
        return region(size, lambda canvas: canvas.polygon(corners, fill=1, outline=1))
    if kind == "rectangle":
        (left, right), (top, bottom) = ((min(values), max(values)) for values in zip(*corners, strict=True))
        return region(size, lambda canvas: canvas.rectangle((left, top, right, bottom), fill=1, outline=1))
    if kind in ("line", "linestrip"):
        return region(size, lambda canvas: canvas.line(corners, fill=1, width=LINE_WIDTH))
    if kind in ("circle", "point"):
        (x, y), radius = corners[0], math.dist(corners[0], corners[1]) if kind == "circle" else POINT_RADIUS
        return region(size, lambda canvas: canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1))
    raise ValueError(f"a shape {kind!r} of {number(len(corners), 'point')}")
