"""ADE20K as MIT's scene parsing challenge has it: `images/training annotations/training`, ids 1-150, 0 is not labelled.

Zhou, Zhao, Puig, Fidler, Barriuso, Torralba: Scene Parsing through ADE20K Dataset, 2017.
"""

from __future__ import annotations

from segcore.data.class_lists import ADE150_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import public_or_listed
from segcore.data.formats.pairing import pair_splits
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

FILES = ("objectInfo150.txt", "sceneCategories.txt")
IMAGES, MASKS = "images/{split}", "annotations/{split}"


def looks_like(listing: Listing) -> bool:
    """Whether there are images/training, annotations/training and one of the challenge's two lists."""
    return {"images/training", "annotations/training"} <= listing.folders and any(
        map(listing.files.__contains__, FILES)
    )


def read(listing: Listing) -> DetectedDataset:
    """`images/ annotations/`, each with `training/` and `validation/`.

    Raises:
        DatasetError: when there are no such folders.
        LabelError: when a list of classes beside the data has a bad line.
    """
    images, masks = split_folders(listing, IMAGES), split_folders(listing, MASKS)
    if not images.keys() & masks.keys():
        raise DatasetError(f"{listing.where()}: no folders images/training and annotations/training.")
    own = public_or_listed(listing, "ade20k", ADE150_CLASSES, certain=True)
    others = {listing.path(file) for file in FILES if file in listing.files}.difference(own.others)
    return own.dataset(pair_splits(images, masks), splits=masks, ids_only=own.file is None, others=sorted(others))
