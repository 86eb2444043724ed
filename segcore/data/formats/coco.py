"""COCO's instances: JSON with polygons or run lengths, one file a split, as COCO, CVAT and Roboflow write it.

Lin et al.: Microsoft COCO, 2014; cocodataset.org, "Data format". Unannotated pixels are a class background, as in
torchvision's reference for semantic segmentation on COCO.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

import numpy as np

from segcore.arrays import Bool
from segcore.data.decode import MaskPixels
from segcore.data.file_source import FileSource, Listing
from segcore.data.formats.annotations import (
    OVERLAP,
    ClassNames,
    Size,
    load_document,
    named_classes,
    paint,
    written_by,
)
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.pairing import images_in
from segcore.data.formats.split_names import SPLIT_NAMES, split_of
from segcore.errors import DatasetError, number

TOOL = "COCO"
ROBOFLOW = "_annotations.coco.json"
# `instances_train2017.json`, `annotations.json`, `result.json` of Label Studio, `train.json`.
_NAMES = re.compile(
    r"(?:^|.*/)(?:instances[^/]*|_annotations\.coco|[^/]*coco[^/]*|annotations?|labels|result|"
    rf"(?:annotations?[_-])?(?:{'|'.join(name for names in SPLIT_NAMES.values() for name in names)}|default)"
    r"(?:[_-]annotations?)?)\.json$",
    re.IGNORECASE,
)
_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:info|licenses|images|annotations|categories|type)"')


def looks_like(listing: Listing) -> bool:
    """Whether a JSON file in the folder, in `annotations/` or in a split's folder is called and begins as COCO's do."""
    return bool(_documents(listing))


def read(listing: Listing) -> DetectedDataset:
    """Every image that a JSON file lists, in the split that the file's name or folder says.

    Raises:
        DatasetError: when there is no such file, it is not as COCO writes it, or holds boxes alone.
        LabelError: when no class is named, or the list of classes lacks one.
    """
    files = _documents(listing)
    if not files:
        raise DatasetError(f"{listing.where()}: no JSON file such as annotations/instances_train.json.")
    used, notes = _by_split(files)
    documents = {file: _Document(listing, file) for file in used}
    own, classes = named_classes(
        listing, lambda: [name for document in documents.values() for name in document.categories.values()]
    )
    images, pairs = _Images(listing), list[ImageMaskPair]()
    for file, split in used.items():
        pairs += documents[file].pairs(split, images, classes)
    for notes_of in (document.notes for document in documents.values()):
        notes += notes_of
    if left := len(images.paths) - len({pair.image for pair in pairs if pair.image}):
        notes.append(f"Left out {number(left, 'image')} that no annotation file lists.")
    splits = dict.fromkeys(used.values())
    return own.dataset(pairs, splits=splits, notes=(*notes, OVERLAP, *classes.notes))


def _documents(listing: Listing) -> list[str]:
    """The annotation files; where some are called instances, these alone."""
    documents = (file for file in listing.files if file.lower().endswith(".json") and file.count("/") < 2)
    names = [file for file in documents if _NAMES.match(file)]
    folders = {file: file.rpartition("/")[0].lower() for file in names}
    places = [file for file in names if folders[file] in ("", "annotations", "annotation") or split_of(folders[file])]
    usual = [file for file in places if _begins_like_coco(listing, file)]
    instances = [file for file in usual if PurePosixPath(file).name.lower().startswith("instances")]
    return instances or usual


def _begins_like_coco(listing: Listing, file: str) -> bool:
    with listing.file_source.open(listing.path(file)) as stream:
        return _HEAD.match(stream.read(200)) is not None


def _by_split(files: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """(file -> its split, notes on files that are left out).

    A file whose path names no split is train where it is the only one, and left out otherwise.
    """
    splits = {file: _split_of_path(file) for file in files}
    used = {file: split for file, split in splits.items() if split} or ({files[0]: "train"} if len(files) == 1 else {})
    if not used:
        raise DatasetError(f"{', '.join(files)}: none of them names its split. Call them train.json and val.json.")
    order = list(SPLIT_NAMES)
    used = dict(sorted(used.items(), key=lambda item: order.index(item[1])))
    return used, [f"Left out {file}: its name is no split's." for file in files if file not in used]


def _split_of_path(path: str) -> str | None:
    """The split that a word of a path names, the last one first: `annotations/instances_train2017.json`."""
    words = re.findall(r"[a-z]+", path.lower())
    return next(filter(None, map(split_of, reversed(words))), None)


class _Images:
    """The image files of a dataset, found by the names that annotations have for them."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.paths = images_in(listing)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._by_name[normalize("NFC", path.rpartition("/")[2])].append(path)

    def find(self, name: str, file: str, split: str) -> str | None:
        """The image that an annotation file calls `name`; None where it is not there.

        Several of one name are told apart by the folders in the name, then by that of the file, then by the split.

        Raises:
            DatasetError: when that does not suffice.
        """
        parts = normalize("NFC", name).replace("\\", "/").split("/")
        rest = self._by_name.get(parts[-1], [])
        common = max((_common_end(path, parts) for path in rest), default=0)
        criteria: tuple[Callable[[str], bool], ...] = (
            lambda path: _common_end(path, parts) == common,
            lambda path: path.rpartition("/")[0] == file.rpartition("/")[0],
            lambda path: _split_of_path(path.rpartition("/")[0]) == split,
        )
        for fits in criteria:
            rest = [path for path in rest if fits(path)] or rest
        if len(rest) > 1:
            raise DatasetError(
                f"{self.listing.where(file)}: its image {name} may be {rest[0]} or {rest[1]}. Rename or remove one."
            )
        return rest[0] if rest else None


def _common_end(path: str, parts: Sequence[str]) -> int:
    """The number of last parts that two paths share."""
    pairs = zip(normalize("NFC", path).split("/")[::-1], parts[::-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class _Document:
    """One annotation file: its images, its classes by id, and the objects of each image."""

    def __init__(self, listing: Listing, file: str) -> None:
        self.listing, self.file, self.where = listing, file, listing.where(file)
        document = load_document(listing.file_source, listing.path(file), TOOL)
        with written_by(TOOL, self.where):
            self.images: dict[Any, dict[str, Any]] = {image["id"]: image for image in document["images"]}
            annotations: list[dict[str, Any]] = document["annotations"]
            self.categories = _used_categories(document["categories"], annotations)
            self.objects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
            for annotation in annotations:
                self.objects[annotation["image_id"]].append(annotation)
            repeated = len(document["images"]) - len(self.images)
            boxes = [annotation["id"] for annotation in annotations if not annotation.get("segmentation")]
        if repeated:
            raise DatasetError(f"{self.where}: {number(repeated, 'image')} with the id of another. Number them anew.")
        if not self.images:
            raise DatasetError(f"{self.where}: lists no image. Export it with images and annotations.")
        if boxes:
            raise DatasetError(
                f"{self.where}: {len(boxes)} of {number(len(annotations), 'annotation')} have no segmentation (id "
                f"{boxes[0]}, ...), only a box; expected polygons or run lengths. Draw them, or remove them."
            )

    @property
    def notes(self) -> list[str]:
        """What is left out or may surprise, with counts."""
        objects = [one for image in self.images for one in self.objects.get(image, ())]
        crowds = sum(bool(one.get("iscrowd")) for one in objects)
        empty = sum(image not in self.objects for image in self.images)
        strangers = sum(len(self.objects[image]) for image in self.objects.keys() - self.images.keys())
        return [
            f"{self.file}: {text}."
            for count, text in (
                (strangers, f"left out {number(strangers, 'annotation')} of images that it does not list"),
                (empty, f"{number(empty, 'image')} without an annotation"),
                (crowds, f"{number(crowds, 'crowd region')} drawn as their class"),
            )
            if count
        ]

    def pairs(self, split: str, images: _Images, classes: ClassNames) -> Iterator[ImageMaskPair]:
        """A pair of each image; an image whose file is not there has none."""
        positions = {key: classes.position(name, self.where) for key, name in self.categories.items()}
        with written_by(TOOL, self.where):
            for key, image in self.images.items():
                name = image["file_name"]
                path = images.find(name, self.file, split)
                shapes = tuple(
                    (positions[one["category_id"]], one["segmentation"]) for one in self.objects.get(key, ())
                )
                size = int(image["height"]), int(image["width"])
                file = self.listing.path(self.file)
                mask = CocoMask(file, f"{file} ({name})", size, classes.background, shapes)
                sample_id = normalize("NFC", str(PurePosixPath(path or name).with_suffix("")))
                yield ImageMaskPair(_id(sample_id), split, path and self.listing.path(path), mask)


def _id(path: str) -> str:
    """The id of an image: its path without folders that only say that it is an image of a split."""
    parts = [part for part in path.split("/")[:-1] if part.lower() not in ("", ".", "..", "images", "data")]
    kept = [part for part in parts if not split_of(part.rstrip("0123456789"))]
    return "__".join((*kept, path.rpartition("/")[2]))


def _used_categories(
    categories: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> dict[Any, str]:
    """Id -> name of each category, by ids; without one that only stands above others, as Roboflow adds."""
    used = {annotation["category_id"] for annotation in annotations}
    above = {one["supercategory"] for one in categories if one.get("supercategory") not in (None, one["name"])}
    kept = [category for category in categories if category["id"] in used or category["name"] not in above]
    return {category["id"]: str(category["name"]) for category in sorted(kept, key=lambda category: category["id"])}


@dataclass(frozen=True)
class CocoMask:
    """A mask that is drawn from the annotations of one image.

    Args:
        file: The annotation file, a path inside the file source.
        name: File and image, for messages.
        size: Height and width that the file gives the image, in px.
        background: What pixels of no object hold.
        shapes: (position of the class, segmentation) of each object: polygons `[[x, y, x, y, ...], ...]` in px, or
            run lengths `{"size": [height, width], "counts": ...}`.
    """

    file: str
    name: str
    size: Size
    background: int
    shapes: tuple[tuple[int, Any], ...] = field(repr=False, hash=False)

    @property
    def files(self) -> tuple[str, ...]:
        """The annotation file."""
        return (self.file,)

    def __str__(self) -> str:
        return self.name

    def read(self, file_source: FileSource) -> MaskPixels:
        """The pixels of the mask.

        Raises:
            DatasetError: when a polygon or run length is none, or of another size.
        """
        where = f"{file_source.root}/{self.name}"
        with written_by(TOOL, where):
            regions = ((position, segmentation_region(shape, self.size)) for position, shape in self.shapes)
            return paint(where, self.size, self.background, regions)


def segmentation_region(segmentation: Any, size: Size) -> Bool:  # noqa: ANN401 - JSON of users
    """`[H, W]` bool: the pixels of a segmentation; polygons of fewer than three corners have none.

    Raises:
        ValueError: when it is no polygon and no run length, or its size is another.
    """
    if isinstance(segmentation, dict):
        return _runs_region(segmentation, size)
    from pycocotools import mask as coco

    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    corners = [polygon for polygon in polygons if len(polygon) >= 6]  # pycocotools takes four numbers for a box
    if not corners:
        return np.zeros(size, bool)
    return coco.decode(coco.merge(coco.frPyObjects(corners, *size))) > 0


def _runs_region(runs: Mapping[str, Any], size: Size) -> Bool:
    """Run lengths down the columns, of 0 and 1 in turn; pycocotools does not check whether they fill the image."""
    counts = runs["counts"]
    counts = np.array(_decompressed(counts) if isinstance(counts, str) else counts, np.int64)
    if tuple(runs["size"]) != size or counts.min(initial=0) < 0 or counts.sum() != size[0] * size[1]:
        got = f"{runs['size']} with {counts.sum()} pixels"
        raise ValueError(f"a run length of {got}; expected {list(size)} with {size[0] * size[1]}")
    return np.repeat(np.arange(len(counts)) % 2 > 0, counts).reshape(size, order="F")


def _decompressed(text: str) -> list[int]:
    """The counts of COCO's compressed text: differences to the count two before, in digits of 5 bits and a sign."""
    counts: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii"):
        digit = letter - 48
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (digit & 16) and 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
