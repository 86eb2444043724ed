"""Pascal VOC 2012, and what CVAT ("Segmentation mask 1.1") and labelme (`labelme2voc.py`) write in its layout.

Everingham, Van Gool, Williams, Winn, Zisserman: The Pascal Visual Object Classes Challenge, 2010.
"""

from __future__ import annotations

import re

from segcore.data.class_lists import VOC21_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import public_or_listed
from segcore.data.formats.pairing import by_lists, pair_folders
from segcore.data.formats.split_names import split_lists, train_lists
from segcore.errors import DatasetError

IMAGES, MASKS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation/"
CVAT_CLASSES, LABELME_CLASSES = "labelmap.txt", "class_names.txt"
_VOC_FOLDER = re.compile(r"(?:^|/)VOC20\d\d(?:$|/)")
_VOC_FRAME = re.compile(r"20(?:0[7-9]|1[0-2])_\d{6}(?:_|$)")


def looks_like_cvat(listing: Listing) -> bool:
    """Whether the two folders lie beside CVAT's labelmap.txt."""
    return _has_folders(listing) and CVAT_CLASSES in listing.files


def looks_like_labelme(listing: Listing) -> bool:
    """Whether the two folders lie beside labelme's class_names.txt."""
    return _has_folders(listing) and LABELME_CLASSES in listing.files


def looks_like(listing: Listing) -> bool:
    """Whether the two folders lie beside lists of splits, and beside no list of classes of CVAT's or labelme's."""
    return (
        _has_folders(listing)
        and LISTS.rstrip("/") in listing.folders
        and not {
            CVAT_CLASSES,
            LABELME_CLASSES,
        }.intersection(listing.files)
    )


def read(listing: Listing) -> DetectedDataset:
    """`JPEGImages/ SegmentationClass/`, divided by the lists in `ImageSets/Segmentation/` where there are any.

    Raises:
        DatasetError: when there are no such folders, a list names a file that is not there, or no classes are listed
            and neither is the folder called VOC2012 nor are all images called as VOC's are (2007_000032).
    """
    if not _has_folders(listing):
        raise DatasetError(f"{listing.where()}: no folders {IMAGES}/ and {MASKS}/.")
    lists = split_lists(listing, LISTS)
    pairs, notes = by_lists(pair_folders(listing.below(IMAGES), listing.below(MASKS), "train"), listing, lists)
    certain = bool(_VOC_FOLDER.search(listing.where())) or all(map(_VOC_FRAME.match, (pair.id for pair in pairs)))
    own = public_or_listed(listing, "voc2012", VOC21_CLASSES, certain)
    others = map(listing.path, lists.values())
    return own.dataset(pairs, others=others, train_lists=train_lists(lists), notes=notes)


def _has_folders(listing: Listing) -> bool:
    return {IMAGES, MASKS} <= listing.folders
