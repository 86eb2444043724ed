"""Roboflow's semantic segmentation masks: `train/NAME.jpg train/NAME_mask.png`, each split with a `_classes.csv`."""

from __future__ import annotations

from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import listed
from segcore.data.formats.pairing import pair_beside
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

CLASS_FILE, ENDING = "_classes.csv", "_mask"


def looks_like(listing: Listing) -> bool:
    """Whether a folder of a split holds `_classes.csv`."""
    return any(CLASS_FILE in folder.files for folder in split_folders(listing, "{split}").values())


def read(listing: Listing) -> DetectedDataset:
    """`train/ valid/ test/`, each with images, masks `NAME_mask.png` of ids and `_classes.csv`.

    Raises:
        DatasetError: when there are no such folders.
        LabelError: when two splits list other classes, or a list has a bad line.
    """
    if not looks_like(listing):
        raise DatasetError(f"{listing.where()}: no {CLASS_FILE} in a folder such as train/.")
    folders = split_folders(listing, "{split}")
    pairs = (pair for split, folder in folders.items() for pair in pair_beside(folder, split, ENDING))
    files = (folder.path(CLASS_FILE) for folder in folders.values() if CLASS_FILE in folder.files)
    return listed(listing).dataset(pairs, splits=folders, others=files)
