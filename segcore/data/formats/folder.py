"""Your own data: a folder of images beside a folder of masks, whole or divided by split, with a list of classes."""

from __future__ import annotations

from collections.abc import Iterator

from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset
from segcore.data.formats.class_choice import listed
from segcore.data.formats.pairing import by_folders, by_lists, divided, masks_in, own_files, pair_splits
from segcore.data.formats.split_names import split_folders, split_lists, split_of, train_lists
from segcore.errors import DatasetError

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "img_dir", "jpegimages", "image_2", "images_png")
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "annotations", "ann_dir", "segmentationclass", "gt", "annot"),
    *("semantic", "masks_png"),  # KITTI, LoveDA
)

Folders = dict[str, Listing]  # split -> folder


def looks_like(listing: Listing) -> bool:
    """Whether there are a folder of images and one of masks, such as `images/` and `masks/`, or folders with both."""
    return next(image_mask_places(listing), None) is not None or bool(_beside(listing))


def read(listing: Listing) -> DetectedDataset:
    """`images/ masks/`, `train/images/ train/masks/ ...` or `images/train/ masks/train/ ...`, under the usual names.

    Images and masks may also lie together in one folder or in `train/ val/ test/`: `NAME.jpg NAME_mask.png`.

    Raises:
        DatasetError: when there are no such folders, several of masks, or no list of classes.
    """
    places = list(image_mask_places(listing))
    if not places:
        places = [("", "", *both) for both in [_beside(listing)] if both]
    if not places:
        raise DatasetError(f"{listing.where()}: no folder images/ with a folder masks/ beside it.")
    if len(places) > 1:
        named = " and ".join(f"{images} with {masks}" for images, masks, *_ in places[:2])
        raise DatasetError(f"{listing.where()}: {named} both look like images and masks. Remove or rename one.")
    *_, images, masks = places[0]
    pairs, notes = pair_splits(images, masks), list[str]()
    lists = {name: file for name, file in split_lists(listing).items() if split_of(name)}
    if list(images) == ["train"] and lists:
        pairs, notes = by_lists(pairs, listing, lists)
    elif list(images) == ["train"]:
        pairs = by_folders(pairs, [*images.values(), *masks.values()])
    splits = [split for split in images if split in masks]
    others, in_train = map(listing.path, lists.values()), train_lists(lists)
    return listed(listing).dataset(pairs, splits=splits, others=others, train_lists=in_train, notes=notes)


def image_mask_places(listing: Listing) -> Iterator[tuple[str, str, Folders, Folders]]:
    """(pattern of the images' folders, pattern of the masks', folders of images, folders of masks) of each nesting."""
    names = {folder.rpartition("/")[2].lower() for folder in listing.folders}
    image_names = [name for name in IMAGE_FOLDERS if name in names]
    mask_names = [name for name in MASK_FOLDERS if name in names]
    for nesting in ("{split}/{kind}", "{kind}/{split}", "{kind}"):
        hit = False
        for image_name in image_names:
            for mask_name in mask_names:
                patterns = nesting.replace("{kind}", image_name), nesting.replace("{kind}", mask_name)
                images, masks = (_folders(listing, pattern) for pattern in patterns)
                if images.keys() & masks.keys() and any(map(masks_in, masks.values())):
                    hit = True
                    yield *patterns, images, masks
        if hit:
            return


def _beside(listing: Listing) -> tuple[Folders, Folders] | None:
    """(images, masks) of each split where both lie in one folder; None where no folder is such."""
    folders = split_folders(listing, "{split}") or {"train": own_files(listing)}
    both = {split: divided(folder) for split, folder in folders.items()}
    if not any(masks.files for _, masks in both.values()):
        return None
    return {split: images for split, (images, _) in both.items()}, {split: masks for split, (_, masks) in both.items()}


def _folders(listing: Listing, pattern: str) -> Folders:
    if "{split}" in pattern:
        return split_folders(listing, pattern)
    folder = next((folder for folder in sorted(listing.folders) if folder.lower() == pattern), None)
    return {} if folder is None else {"train": listing.below(folder)}
