"""BDD100K's semantic segmentation: `images/10k/train labels/sem_seg/masks/train`, Cityscapes' 19 training ids.

Yu, Chen, Wang, Xian, Chen, Liu, Madhavan, Darrell: BDD100K, 2020.
"""

from __future__ import annotations

from segcore.data.class_lists import CITYSCAPES_TRAIN_IDS
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import public_or_listed
from segcore.data.formats.pairing import pair_splits, without_suffix
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

# (images, masks): today's packing and that of the first release.
PLACES = (("images/10k/{split}", "labels/sem_seg/masks/{split}"), ("seg/images/{split}", "seg/labels/{split}"))


def looks_like(listing: Listing) -> bool:
    """Whether there are the folders of one of the two packings."""
    return any(split_folders(listing, masks) for _, masks in PLACES)


def read(listing: Listing) -> DetectedDataset:
    """The samples of every split that has masks.

    Raises:
        DatasetError: when there are no such folders.
        LabelError: when a list of classes beside the data has a bad line.
    """
    for image_folders, mask_folders in PLACES:
        images, masks = split_folders(listing, image_folders), split_folders(listing, mask_folders)
        if images.keys() & masks.keys():
            own = public_or_listed(listing, "bdd100k", CITYSCAPES_TRAIN_IDS, certain=True)
            pairs = pair_splits(images, masks, mask_stem=without_suffix("_train_id"))
            return own.dataset(pairs, splits=masks, ids_only=own.file is None)
    raise DatasetError(f"{listing.where()}: no folders images/10k/train and labels/sem_seg/masks/train.")
