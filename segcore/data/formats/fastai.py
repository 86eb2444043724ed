"""CamVid as fast.ai packs it: id masks `_P.png`, class names in codes.txt, the validation list in valid.txt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from segcore.data.class_lists import CAMVID32_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import pair_folders, without_suffix
from segcore.errors import DatasetError

CLASS_FILE, VAL_LIST = "codes.txt", "valid.txt"


def looks_like(listing: Listing) -> bool:
    """Whether there are images/, labels/ and codes.txt."""
    return {"images", "labels"} <= listing.folders and CLASS_FILE in listing.files


def read(listing: Listing) -> DetectedDataset:
    """`images/NAME.png`, `labels/NAME_P.png` and codes.txt; without valid.txt every sample is train.

    Raises:
        DatasetError: when there are no such folders, or valid.txt names an image that is not there.
    """
    if not looks_like(listing):
        raise DatasetError(f"{listing.where()}: no folders images/ and labels/ with {CLASS_FILE} beside them.")
    pairs = pair_folders(listing.below("images"), listing.below("labels"), "train", mask_stem=without_suffix("_P"))
    val = _val_ids(listing, {pair.id for pair in pairs})
    own = camvid_or_listed(listing, CAMVID32_CLASSES, pairs)
    return own.dataset(
        (replace(pair, split="val" if pair.id in val else "train") for pair in pairs),
        ids_only=listing.path(CLASS_FILE) in own.others,
        others=[listing.path(VAL_LIST)] if VAL_LIST in listing.files else [],
    )


def _val_ids(listing: Listing, ids: set[str]) -> set[str]:
    if VAL_LIST not in listing.files:
        return set()
    val = set()
    for number, line in enumerate(listing.text(VAL_LIST).splitlines(), 1):
        stem = PurePosixPath(line.strip()).stem
        if stem and stem not in ids:
            raise DatasetError(f"{listing.where(VAL_LIST)}:{number}: {stem} is not in images/.")
        val.add(stem)
    return val
