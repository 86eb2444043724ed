"""Cityscapes: `leftImg8bit/train/CITY/NAME_leftImg8bit.png gtFine/train/CITY/NAME_gtFine_labelIds.png`.

Cordts, Omran, Ramos, Rehfeld, Enzweiler, Benenson, Franke, Roth, Schiele: The Cityscapes Dataset, 2016.
"""

from __future__ import annotations

import re
from dataclasses import replace

from segcore.data.class_lists import CITYSCAPES_IDS, CITYSCAPES_TRAIN_IDS, ClassList
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import public_or_listed
from segcore.data.formats.pairing import pair_splits
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

IMAGES = "leftImg8bit"
TRUTHS = ("gtFine", "gtCoarse")
# Kinds of masks in order of preference: training ids are what is scored, colours are the slowest to read.
KINDS: dict[str, tuple[ClassList, bool]] = {
    "labelTrainIds": (CITYSCAPES_TRAIN_IDS, True),
    "labelIds": (CITYSCAPES_IDS, True),
    "color": (CITYSCAPES_IDS, False),
}
_MASK = re.compile(r"_(?:gtFine|gtCoarse)_(?P<kind>\w+)\.png$")


def looks_like(listing: Listing) -> bool:
    """Whether there are leftImg8bit/ and gtFine/ or gtCoarse/."""
    return IMAGES in listing.folders and any(truth in listing.folders for truth in TRUTHS)


def read(listing: Listing) -> DetectedDataset:
    """The 19 classes that are scored, from masks of training ids, of ids or of colours: one kind for all splits.

    Raises:
        DatasetError: when there are no such folders, or no masks of such a kind.
        LabelError: when a list of classes beside the data has a bad line.
    """
    truth = next((truth for truth in TRUTHS if truth in listing.folders), None)
    if truth is None or IMAGES not in listing.folders:
        raise DatasetError(f"{listing.where()}: no folders {IMAGES}/ and gtFine/.")
    masks = split_folders(listing, truth + "/{split}")
    kinds = [{match["kind"] for file in folder.files if (match := _MASK.search(file))} for folder in masks.values()]
    kind = next((kind for kind in KINDS if kinds and all(kind in there for there in kinds)), None)
    if kind is None:
        raise DatasetError(
            f"{listing.where(truth)}: no kind of masks is in every split; expected NAME_{truth}_labelIds.png, "
            f"_labelTrainIds.png or _color.png. Write them with cityscapesscripts."
        )
    ending = f"_{truth}_{kind}"
    pairs = pair_splits(
        split_folders(listing, IMAGES + "/{split}"),
        {split: _of_kind(folder, f"{ending}.png") for split, folder in masks.items()},
        mask_stem=lambda stem: stem.rpartition("/")[2].removesuffix(ending),
        image_stem=lambda stem: stem.rpartition("/")[2].removesuffix(f"_{IMAGES}"),
    )
    classes, ids_only = KINDS[kind]
    own = public_or_listed(listing, "cityscapes", classes, certain=True)
    return own.dataset(pairs, splits=masks, ids_only=ids_only, notes=(f"Masks are the files NAME{ending}.png.",))


def _of_kind(folder: Listing, ending: str) -> Listing:
    return replace(folder, files=tuple(file for file in folder.files if file.endswith(ending)))
