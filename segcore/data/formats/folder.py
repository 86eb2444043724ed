"""Your own data: images/ and masks/, flat or under train/ val/ test/, with a list of classes."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

from segcore.data.class_lists import read_classes
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair, images_in, pair_folders, split_folders
from segcore.errors import DatasetError

CLASS_FILES = ("label_colors.txt", "classes.csv", "classes.json")
LABELS_NAME = "custom"  # not the folder's name: the same data elsewhere has the same fingerprint
MASK_ENDINGS = ("_mask", "_L")


def recognise(listing: Listing) -> DetectedDataset | None:
    """`images/ masks/`, `train/images/ train/masks/ ...` or `images/train/ masks/train/ ...`.

    Raises:
        DatasetError: when there are images and masks but no list of classes.
    """
    folders = split_folders(listing, "{split}/images", "{split}/masks")
    if not folders and {"images", "masks"} <= listing.folders:
        undivided = {"train": (listing.below("images"), listing.below("masks"))}
        folders = split_folders(listing, "images/{split}", "masks/{split}") or undivided
    if not folders:
        return None
    class_file = _class_file(listing)
    return DetectedDataset(
        _short_name(listing),
        read_classes(listing, class_file, LABELS_NAME),
        tuple(pair for split, (images, masks) in folders.items() for pair in _pairs(images, masks, split)),
        splits=tuple(folders),
        others=(listing.path(class_file),),
    )


def _pairs(images: Listing, masks: Listing, split: str) -> list[ImageMaskPair]:
    stems = {str(PurePosixPath(file).with_suffix("")) for file in images_in(images)}
    return pair_folders(images, masks, split, mask_stem=partial(_image_stem, stems=stems))


def _image_stem(stem: str, stems: set[str]) -> str:
    """The image's path that belongs to a mask's: the same, or without an ending such as `_mask`."""
    if stem not in stems:
        for ending in MASK_ENDINGS:
            if stem.removesuffix(ending) in stems:
                return stem.removesuffix(ending)
    return stem


def _class_file(listing: Listing) -> str:
    for file in CLASS_FILES:
        if file in listing.files:
            return file
    raise DatasetError(
        f"{listing.where()}: images/ and masks/, but no list of classes. "
        f"Add {', '.join(CLASS_FILES[:-1])} ('R G B name' or 'name,r,g,b' a line) or {CLASS_FILES[-1]}."
    )


def _short_name(listing: Listing) -> str:
    return PurePosixPath(listing.where()).stem.lower().replace(" ", "-") or "folder"
