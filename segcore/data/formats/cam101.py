"""Cam101: frames and their `_L` colour masks side by side, in train/ and test/ or in one flat folder (CamSeq01).

Fauqueur, Brostow, Cipolla: Assisted video object labeling by joint tracking of regions and keypoints, 2007.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from segcore.data.augmented_copies import read_copies
from segcore.data.class_lists import CAMVID32_CLASSES, ClassList, read_classes
from segcore.data.dataset import SPLITS
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair, images_in, pair_files, without_suffix
from segcore.data.video import natural_key

LABEL_FILE = "label_colors.txt"
FLAT_TEST_FRACTION = 0.1
FLAT_GAP = 3  # frames between train and test that belong to neither


def recognise(listing: Listing) -> DetectedDataset | None:
    """`train/ test/` (and `val/`) or a flat folder with `NAME.png` and `NAME_L.png`.

    Raises:
        LabelError: when label_colors.txt has a bad line.
    """
    splits = tuple(split for split in SPLITS if split in listing.folders)
    if any(_masks(listing.below(split)) for split in splits):
        pairs = tuple(pair for split in splits for pair in _pairs(listing.below(split), split))
        places = ("", *(f"{split}/" for split in splits))
        classes, others, notes = _classes(listing, places)
        return DetectedDataset("cam101", classes, pairs, video=True, splits=splits, others=others, notes=notes)
    flat = replace(listing, files=tuple(file for file in listing.files if "/" not in file), folders=frozenset())
    if not _masks(flat):
        return None
    classes, others, notes = _classes(flat, ("",))
    clip = _pairs(flat, "train")
    pairs, note = _cut(clip, {name: copy.source for name, copy in read_copies(flat).items()})
    kept = {pair.id for pair in pairs}
    gap = tuple(file for pair in clip if pair.id not in kept for file in pair.files)
    return DetectedDataset("cam101", classes, pairs, video=True, others=(*others, *gap), notes=(*notes, *note))


def _masks(listing: Listing) -> list[str]:
    return [file for file in images_in(listing) if _is_mask(file)]


def _is_mask(file: str) -> bool:
    return PurePosixPath(file).stem.endswith("_L")


def _pairs(listing: Listing, split: str) -> list[ImageMaskPair]:
    return pair_files(
        [(listing, file) for file in images_in(listing) if not _is_mask(file)],
        [(listing, file) for file in _masks(listing)],
        split,
        mask_stem=without_suffix("_L"),
    )


def _classes(listing: Listing, places: tuple[str, ...]) -> tuple[ClassList, tuple[str, ...], tuple[str, ...]]:
    """(classes, the file that lists them, notes)."""
    for place in places:
        if place + LABEL_FILE in listing.files:
            return read_classes(listing, place + LABEL_FILE, "cam101"), (listing.path(place + LABEL_FILE),), ()
    return CAMVID32_CLASSES, (), (f"No {LABEL_FILE}: the 32 colours of CamVid are taken.",)


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
