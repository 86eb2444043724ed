"""CamVid as on Kaggle and in Semantic-Segmentation-Suite: split folders beside `_labels` folders, class_dict.csv."""

from __future__ import annotations

from segcore.data.class_lists import CAMVID32_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import pair_splits
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError


def looks_like(listing: Listing) -> bool:
    """Whether there are folders such as `train_labels/` or `train_masks/`."""
    return bool(_masks(listing))


def read(listing: Listing) -> DetectedDataset:
    """`train/NAME.png train_labels/NAME_L.png` and so on, or `train_masks/`; class_dict.csv is `name,r,g,b`.

    Raises:
        DatasetError: when there are no such folders, or the classes are not known.
        LabelError: when the list of classes has a bad line.
    """
    images, masks = split_folders(listing, "{split}"), _masks(listing)
    if not images.keys() & masks.keys():
        raise DatasetError(f"{listing.where()}: no folder such as train/ with a folder train_labels/ beside it.")
    pairs = pair_splits(images, masks)
    return camvid_or_listed(listing, CAMVID32_CLASSES, pairs).dataset(pairs, splits=masks)


def _masks(listing: Listing) -> dict[str, Listing]:
    return split_folders(listing, "{split}_labels") or split_folders(listing, "{split}_masks")
