"""What a layout's recogniser returns, and helpers that pair image files with mask files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from segcore.data.class_lists import ClassList
from segcore.data.dataset import SPLITS
from segcore.data.decode import IMAGE_SUFFIXES
from segcore.data.file_source import Listing
from segcore.errors import DatasetError


@dataclass(frozen=True)
class ImageMaskPair:
    """An image and its mask, as paths inside the file source; one of them may be missing."""

    id: str
    split: str
    image: str | None
    mask: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of those that exist."""
        return tuple(file for file in (self.image, self.mask) if file)


@dataclass(frozen=True)
class DetectedDataset:
    """A dataset whose layout was recognised, before any of its files is decoded.

    Args:
        name: Short name, e.g. `cam101`.
        classes: Classes, ids and colours that its masks are written in.
        pairs: Its samples; several may share an id, in different splits.
        video: Whether neighbouring ids are neighbours in time; None: judged by the ids.
        ids_only: Palette masks hold ids, whatever their palette says.
        splits: Splits that the layout has a folder for, even an empty one.
        others: Files that belong to no pair and are part of the dataset: class lists, split lists, unused frames.
        train_list: File in the dataset's folder that lists the training samples, one of `others` too; None without one.
        notes: Things a user should know.
    """

    name: str
    classes: ClassList
    pairs: tuple[ImageMaskPair, ...]
    video: bool | None = None
    ids_only: bool = False
    splits: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    train_list: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A layout.

    Args:
        summary: The files and folders it consists of, for people.
        recognise: Returns the dataset in a folder, or None when the folder has another layout.
        add_to_list: Where the layout lists its training samples: (text of the list, frame -> files that take its line's
            place) -> text of the list. A frame is known by its image's path; files are (image, mask).
    """

    summary: str
    recognise: Callable[[Listing], DetectedDataset | None]
    add_to_list: Callable[[str, Mapping[str, Sequence[tuple[str, str]]]], str] | None = None


def is_image(file: str) -> bool:
    """Whether a file has the suffix of an image.

    >>> is_image("a/b.PNG"), is_image("classes.csv")
    (True, False)
    """
    return PurePosixPath(file).suffix.lower() in IMAGE_SUFFIXES


def images_in(listing: Listing) -> list[str]:
    """All image files of a listing."""
    return [file for file in listing.files if is_image(file)]


def split_folders(listing: Listing, images: str, masks: str) -> dict[str, tuple[Listing, Listing]]:
    """The folders of images and of masks, for each split that has both.

    Args:
        listing: The dataset's folder.
        images: Folder of a split's images, e.g. `{split}`.
        masks: Folder of a split's masks, e.g. `{split}_labels`.
    """
    folders = {split: (images.format(split=split), masks.format(split=split)) for split in SPLITS}
    return {
        split: (listing.below(image_folder), listing.below(mask_folder))
        for split, (image_folder, mask_folder) in folders.items()
        if {image_folder, mask_folder} <= listing.folders
    }


def pair_folders(
    images: Listing,
    masks: Listing,
    split: str,
    *,
    mask_stem: Callable[[str], str] = str,
    image_stem: Callable[[str], str] = str,
) -> list[ImageMaskPair]:
    """`pair_files` of every image in one folder with every mask in another."""
    return pair_files(
        [(images, file) for file in images_in(images)],
        [(masks, file) for file in images_in(masks)],
        split,
        mask_stem=mask_stem,
        image_stem=image_stem,
    )


def pair_files(
    images: Iterable[tuple[Listing, str]],
    masks: Iterable[tuple[Listing, str]],
    split: str,
    *,
    mask_stem: Callable[[str], str] = str,
    image_stem: Callable[[str], str] = str,
) -> list[ImageMaskPair]:
    """Pair images and masks that have the same id; sub-folders become part of the id.

    Args:
        images: Image files, each with the listing that its id is relative to.
        masks: Mask files, each with the listing that its id is relative to.
        split: The split they are in.
        mask_stem: Makes an id of a mask's path without suffix.
        image_stem: Makes an id of an image's path without suffix.

    Raises:
        DatasetError: when two files would have the same id.
    """
    image_of = _by_id(images, image_stem)
    mask_of = _by_id(masks, mask_stem)
    return [
        ImageMaskPair(sample_id, split, image_of.get(sample_id), mask_of.get(sample_id))
        for sample_id in dict.fromkeys((*image_of, *mask_of))
    ]


def _by_id(files: Iterable[tuple[Listing, str]], stem_of: Callable[[str], str]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for listing, file in files:
        stem = stem_of(str(PurePosixPath(file).with_suffix("")))
        sample_id = stem.replace("/", "__")  # an id is also a file name
        if sample_id in paths:
            raise DatasetError(
                f"{listing.where(file)}: same id {sample_id!r} as {paths[sample_id]}. Rename or remove one of them."
            )
        paths[sample_id] = listing.path(file)
    return paths


def without_suffix(suffix: str) -> Callable[[str], str]:
    """A `mask_stem` that removes a suffix such as `_L` where there is one."""
    return lambda stem: stem.removesuffix(suffix)
