"""Cam101: frames and their `_L` colour masks side by side, in train/ and test/ or in one flat folder (CamSeq01).

Fauqueur, Brostow, Cipolla: Assisted video object labeling by joint tracking of regions and keypoints, 2007.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from segcore.data.augmented_csv import read_copies
from segcore.data.class_lists import CAMVID32_CLASSES
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import masks_beside, own_files, pair_beside
from segcore.data.formats.split_names import split_folders
from segcore.data.video import natural_key
from segcore.errors import DatasetError

ENDING = "_L"
FLAT_TEST_FRACTION = 0.1
FLAT_GAP = 3  # frames between train and test that belong to neither


def looks_like(listing: Listing) -> bool:
    """Whether masks `NAME_L.png` lie in folders of splits, or in the folder itself."""
    return any(
        masks_beside(place, ENDING) for place in (own_files(listing), *split_folders(listing, "{split}").values())
    )


def read(listing: Listing) -> DetectedDataset:
    """`train/ test/` (and `val/`) or a flat folder with `NAME.png` and `NAME_L.png`.

    Raises:
        DatasetError: when there are no such masks, or the classes are not known.
        LabelError: when the list of classes has a bad line.
    """
    folders = split_folders(listing, "{split}")
    if any(masks_beside(folder, ENDING) for folder in folders.values()):
        pairs = [pair for split, folder in folders.items() for pair in pair_beside(folder, split, ENDING)]
        return camvid_or_listed(listing, CAMVID32_CLASSES, pairs, "cam101").dataset(pairs, splits=folders)
    flat = own_files(listing)
    if not masks_beside(flat, ENDING):
        raise DatasetError(f"{listing.where()}: no masks such as NAME_L.png, neither here nor in train/.")
    clip = pair_beside(flat, "train", ENDING)
    own = camvid_or_listed(flat, CAMVID32_CLASSES, clip, "cam101")
    kept, notes = _cut(clip, {name: copy.source for name, copy in read_copies(flat).items()})
    ids = {pair.id for pair in kept}
    gap = (file for pair in clip if pair.id not in ids for file in pair.files)
    return own.dataset(kept, others=gap, notes=notes)


def _cut(pairs: list[ImageMaskPair], sources: Mapping[str, str]) -> tuple[tuple[ImageMaskPair, ...], tuple[str, ...]]:
    """Make the last stretch of a flat clip its test split, with a gap before it.

    Args:
        pairs: Frames and copies of them.
        sources: Copy -> its frame. Frames are counted, whether their files exist or not, so that copies don't move
            the cut.
    """
    frames = {pair.id: sources.get(pair.id, pair.id) for pair in pairs}
    ordered = sorted(set(frames.values()), key=natural_key)
    test = max(1, -(-len(ordered) // round(1 / FLAT_TEST_FRACTION)))
    train = len(ordered) - test - FLAT_GAP
    if train < test:
        return tuple(pairs), ("No train/ and test/ folders and too few frames to cut a test split: all are train.",)
    note = (
        f"No train/ and test/ folders: the last {test} frames are test, "
        f"the {FLAT_GAP} before them are left out as a gap."
    )
    splits = dict.fromkeys(ordered[:train], "train") | dict.fromkeys(ordered[train + FLAT_GAP :], "test")
    return tuple(replace(pair, split=splits[frames[pair.id]]) for pair in pairs if frames[pair.id] in splits), (note,)
