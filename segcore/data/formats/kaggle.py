"""CamVid as on Kaggle and in Semantic-Segmentation-Suite: split folders beside `_labels` folders, class_dict.csv."""

from __future__ import annotations

from segcore.data.class_lists import CAMVID32_CLASSES, read_classes
from segcore.data.dataset import SPLITS
from segcore.data.file_source import Listing
from segcore.data.formats.base import (
    DetectedDataset,
    ImageMaskPair,
    images_in,
    pair_files,
    without_suffix,
)


def recognise(listing: Listing) -> DetectedDataset | None:
    """`train/NAME.png train_labels/NAME_L.png` and so on; class_dict.csv is `name,r,g,b`.

    Raises:
        LabelError: when class_dict.csv has a bad line.
    """
    splits = tuple(split for split in SPLITS if {split, f"{split}_labels"} <= listing.folders)
    if not splits:
        return None
    given = "class_dict.csv" in listing.files
    classes = read_classes(listing, "class_dict.csv", "camvid") if given else CAMVID32_CLASSES
    notes = () if given else ("No class_dict.csv: the 32 colours of CamVid are taken.",)
    pairs: list[ImageMaskPair] = []
    for split in splits:
        images, masks = listing.below(split), listing.below(f"{split}_labels")
        pairs += pair_files(
            [(images, file) for file in images_in(images)],
            [(masks, file) for file in images_in(masks)],
            split,
            mask_stem=without_suffix("_L"),
        )
    others = (listing.path("class_dict.csv"),) if given else ()
    return DetectedDataset("camvid", classes, tuple(pairs), splits=splits, others=others, notes=notes)
