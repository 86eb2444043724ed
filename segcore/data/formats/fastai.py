"""CamVid as fast.ai packs it: id masks `_P.png`, class names in codes.txt, the validation list in valid.txt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from segcore.data.class_lists import read_codes
from segcore.data.file_source import Listing
from segcore.data.formats.base import (
    DetectedDataset,
    images_in,
    pair_files,
    without_suffix,
)
from segcore.errors import DatasetError


def recognise(listing: Listing) -> DetectedDataset | None:
    """`images/NAME.png`, `labels/NAME_P.png` and codes.txt; without valid.txt every sample is train.

    Raises:
        DatasetError: when valid.txt names an image that is not there.
    """
    if not {"images", "labels"} <= listing.folders or "codes.txt" not in listing.files:
        return None
    images, masks = listing.below("images"), listing.below("labels")
    pairs = pair_files(
        [(images, file) for file in images_in(images)],
        [(masks, file) for file in images_in(masks)],
        "train",
        mask_stem=without_suffix("_P"),
    )
    valid: set[str] = set()
    if "valid.txt" in listing.files:
        ids = {pair.id for pair in pairs}
        for number, line in enumerate(listing.text("valid.txt").splitlines(), 1):
            if line.strip() and (stem := PurePosixPath(line.strip()).stem) not in ids:
                raise DatasetError(f"{listing.where('valid.txt')}:{number}: {stem} is not in images/.")
            if line.strip():
                valid.add(stem)
    return DetectedDataset(
        "camvid",
        read_codes(listing, "codes.txt", "camvid"),
        tuple(replace(pair, split="val" if pair.id in valid else "train") for pair in pairs),
        ids_only=True,
        others=tuple(listing.path(file) for file in ("codes.txt", "valid.txt") if file in listing.files),
    )
