"""Your own data: images/ and masks/, flat or under train/ val/ test/, with a list of classes."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from segcore.data.class_lists import ClassList, read_classes
from segcore.data.dataset import SPLITS
from segcore.data.file_source import Listing
from segcore.data.formats.base import (
    DetectedDataset,
    ImageMaskPair,
    images_in,
    pair_files,
)
from segcore.errors import DatasetError

CLASS_FILES = ("label_colors.txt", "classes.csv", "classes.json")
LABELS_NAME = "custom"  # not the folder's name: the same data elsewhere has the same fingerprint
MASK_ENDINGS = ("_mask", "_L")


def recognise(listing: Listing) -> DetectedDataset | None:
    """`images/ masks/`, `train/images/ train/masks/ ...` or `images/train/ masks/train/ ...`.

    Raises:
        DatasetError: when there are images and masks but no list of classes.
    """
    places = _places(listing)
    if not places:
        return None
    pairs: list[ImageMaskPair] = []
    for split, images, masks in places:
        files = images_in(images)
        stems = {str(PurePosixPath(file).with_suffix("")) for file in files}
        pairs += pair_files(
            [(images, file) for file in files],
            [(masks, file) for file in images_in(masks)],
            split,
            mask_stem=partial(_image_stem, stems=stems),
        )
    name = _short_name(listing)
    splits = tuple(split for split, _, _ in places)
    classes, file = _classes(listing)
    return DetectedDataset(name, classes, tuple(pairs), video=None, splits=splits, others=(listing.path(file),))


def _places(listing: Listing) -> list[tuple[str, Listing, Listing]]:
    """(split, images, masks) in whichever nesting is there."""
    outer = [split for split in SPLITS if {f"{split}/images", f"{split}/masks"} <= listing.folders]
    if outer:
        return [(split, listing.below(f"{split}/images"), listing.below(f"{split}/masks")) for split in outer]
    if not {"images", "masks"} <= listing.folders:
        return []
    inner = [split for split in SPLITS if {f"images/{split}", f"masks/{split}"} <= listing.folders]
    if inner:
        return [(split, listing.below(f"images/{split}"), listing.below(f"masks/{split}")) for split in inner]
    return [("train", listing.below("images"), listing.below("masks"))]


def _image_stem(stem: str, stems: set[str]) -> str:
    if stem not in stems:
        for ending in MASK_ENDINGS:
            if stem.removesuffix(ending) in stems:
                return stem.removesuffix(ending)
    return stem


def _classes(listing: Listing) -> tuple[ClassList, str]:
    found = [file for file in CLASS_FILES if file in listing.files]
    if not found:
        raise DatasetError(
            f"{listing.where()}: images/ and masks/, but no list of classes. "
            f"Add {', '.join(CLASS_FILES[:-1])} ('R G B name' or 'name,r,g,b' a line) or {CLASS_FILES[-1]}."
        )
    return read_classes(listing, found[0], LABELS_NAME), found[0]


def _short_name(listing: Listing) -> str:
    return PurePosixPath(listing.where()).stem.lower().replace(" ", "-") or "folder"
