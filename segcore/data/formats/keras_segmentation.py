"""The layout of keras_segmentation's example data: `images_prepped_train/ annotations_prepped_train/`, masks of ids."""

from __future__ import annotations

from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import listed
from segcore.data.formats.pairing import pair_splits
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

IMAGES, MASKS = "images_prepped_{split}", "annotations_prepped_{split}"


def looks_like(listing: Listing) -> bool:
    """Whether there is a folder such as `annotations_prepped_train/`."""
    return bool(split_folders(listing, MASKS))


def read(listing: Listing) -> DetectedDataset:
    """`images_prepped_train/ annotations_prepped_train/` (and test); a list of classes must lie beside them.

    Raises:
        DatasetError: when there are no such folders, or no list of classes.
        LabelError: when the list of classes has a bad line.
    """
    images, masks = split_folders(listing, IMAGES), split_folders(listing, MASKS)
    if not images.keys() & masks.keys():
        raise DatasetError(f"{listing.where()}: no folders images_prepped_train/ and annotations_prepped_train/.")
    return listed(listing).dataset(pair_splits(images, masks), splits=masks)
