"""CamVid as on Kaggle and in Semantic-Segmentation-Suite: split folders beside `_labels` folders, class_dict.csv."""

from __future__ import annotations

from segcore.data.class_lists import CAMVID32_CLASSES, read_classes
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, pair_folders, split_folders, without_suffix

CLASS_FILE = "class_dict.csv"


def recognise(listing: Listing) -> DetectedDataset | None:
    """`train/NAME.png train_labels/NAME_L.png` and so on; class_dict.csv is `name,r,g,b`.

    Raises:
        LabelError: when class_dict.csv has a bad line.
    """
    folders = split_folders(listing, "{split}", "{split}_labels")
    if not folders:
        return None
    listed = CLASS_FILE in listing.files
    return DetectedDataset(
        "camvid",
        read_classes(listing, CLASS_FILE, "camvid") if listed else CAMVID32_CLASSES,
        tuple(
            pair
            for split, (images, masks) in folders.items()
            for pair in pair_folders(images, masks, split, mask_stem=without_suffix("_L"))
        ),
        video=True,
        splits=tuple(folders),
        others=(listing.path(CLASS_FILE),) if listed else (),
        notes=() if listed else (f"No {CLASS_FILE}: the 32 colours of CamVid are taken.",),
    )
