"""CamVid in folders `CamVid_RGB/` and `CamVidGray/` or `CamVid_Label/` (ids), as several tutorials pack it."""

from __future__ import annotations

from dataclasses import replace

from segcore.data.class_lists import ClassList
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.camvid_original import segnet_split
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import by_lists, pair_folders
from segcore.data.formats.split_names import split_lists, split_of, train_lists
from segcore.errors import DatasetError
from segcore.labels import CAMVID11

IMAGES = "CamVid_RGB"
MASKS = ("CamVidGray", "CamVid_Label", "CamVidColor11")  # ids, ids, colours


def looks_like(listing: Listing) -> bool:
    """Whether there are CamVid_RGB/ and one of the folders of masks."""
    return IMAGES in listing.folders and any(map(listing.folders.__contains__, MASKS))


def read(listing: Listing) -> DetectedDataset:
    """The 11 classes; the splits of the lists beside the folders, else SegNet's where the frames are its 701.

    Raises:
        DatasetError: when there are no such folders, a list names a file that is not there, or the classes are not
            known.
    """
    folder = next((name for name in MASKS if name in listing.folders), None)
    if folder is None or IMAGES not in listing.folders:
        raise DatasetError(f"{listing.where()}: no folders {IMAGES}/ and {MASKS[0]}/.")
    frames = pair_folders(listing.below(IMAGES), listing.below(folder), "train")
    lists = {name.lower().removeprefix("camvid_"): file for name, file in split_lists(listing).items()}
    lists = {name: file for name, file in lists.items() if split_of(name)}
    if not lists and {"train", "test"} <= {segnet_split(pair.id) for pair in frames}:
        frames = [replace(pair, split=segnet_split(pair.id)) for pair in frames]
    pairs, notes = by_lists(frames, listing, lists)
    own = camvid_or_listed(listing, ClassList.of(CAMVID11), pairs)
    return own.dataset(
        pairs,
        ids_only=own.file is None and folder != MASKS[2],
        others=map(listing.path, lists.values()),
        train_lists=train_lists(lists),
        notes=(*notes, f"Masks are those in {folder}/."),
    )
