"""CamVid as its authors published it: 701 frames at 960x720 and their 32-colour masks, in two flat folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from segcore.data.augmented_csv import read_copies
from segcore.data.class_lists import CAMVID32_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import pair_folders
from segcore.errors import DatasetError

IMAGES, MASKS = "701_StillsRaw_full", "LabeledApproved_full"
_FRAME = re.compile(r"^(?P<sequence>0001TP|0006R0|0016E5|Seq05VD)_f?(?P<number>\d+)$")


def looks_like(listing: Listing) -> bool:
    """Whether there are the two folders of the original release."""
    return {IMAGES, MASKS} <= listing.folders


def read(listing: Listing) -> DetectedDataset:
    """`701_StillsRaw_full/NAME.png` and `LabeledApproved_full/NAME_L.png`; the split is SegNet's.

    Raises:
        DatasetError: when there are no such folders, or it is not CamVid and has no list of classes.
        LabelError: when the list has a bad line.
    """
    if not looks_like(listing):
        raise DatasetError(f"{listing.where()}: no folders {IMAGES}/ and {MASKS}/.")
    pairs = pair_folders(
        listing.below(IMAGES),
        listing.below(MASKS),
        "train",
        mask_stem=lambda stem: stem.split("/")[-1].removesuffix("_L"),
        image_stem=lambda stem: stem.split("/")[-1],  # unpacked, the zips may nest a folder of the same name
    )
    copies = read_copies(listing)
    frames = {pair.id: copies[pair.id].source if pair.id in copies else pair.id for pair in pairs}
    return camvid_or_listed(listing, CAMVID32_CLASSES, pairs).dataset(
        [replace(pair, split=segnet_split(frames[pair.id])) for pair in pairs], notes=_notes(set(frames.values()))
    )


def segnet_split(frame: str) -> str:
    """SegNet's split of CamVid's 701 frames (367 / 101 / 233) follows from their names.

    Validation is the clip 0016E5_07959 to 08159; test is Seq05VD and 0001TP from frame 8550 on. Frames of other
    names are train.

    >>> segnet_split("0016E5_07961"), segnet_split("0001TP_008550"), segnet_split("0001TP_008520")
    ('val', 'test', 'train')
    """
    match = _FRAME.match(frame)
    if not match:
        return "train"
    sequence, number = match["sequence"], int(match["number"])
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550):
        return "test"
    return "val" if sequence == "0016E5" and 7959 <= number <= 8159 else "train"


def _notes(frames: Iterable[str]) -> tuple[str, ...]:
    unknown = sum(not _FRAME.match(frame) for frame in frames)
    note = "Split as SegNet's (367/101/233 of the 701 frames), by frame names."
    return (note, f"{unknown} frames with other names are train.") if unknown else (note,)
