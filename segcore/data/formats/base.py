"""What a layout's recogniser hands back, and how image and mask files are paired."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from segcore.data.class_lists import ClassList
from segcore.data.decode import IMAGE_SUFFIXES
from segcore.data.file_source import Listing
from segcore.errors import DatasetError


@dataclass(frozen=True)
class ImageMaskPair:
    """An image and its mask, as paths inside the tree; one of them may be missing."""

    id: str
    split: str
    image: str | None
    mask: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """Those that are there."""
        return tuple(file for file in (self.image, self.mask) if file)


@dataclass(frozen=True)
class DetectedDataset:
    """A recognised dataset.

    Args:
        name: Short name, e.g. `cam101`.
        classes: What its masks are written in.
        pairs: Its samples; several may share an id, in different splits.
        video: Neighbouring frames are neighbours in time; None: to be seen from the ids.
        ids_only: Palette masks are ids.
        splits: Splits the layout has a folder for, even an empty one.
        others: Files that decide what it is and belong to no pair: lists of classes and splits, frames of a gap.
        notes: Things a user should know.
    """

    name: str
    classes: ClassList
    pairs: tuple[ImageMaskPair, ...]
    video: bool | None = True
    ids_only: bool = False
    splits: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_image(file: str) -> bool:
    """Whether a file's suffix says image."""
    return PurePosixPath(file).suffix.lower() in IMAGE_SUFFIXES


def images_in(listing: Listing) -> list[str]:
    """All image files of a listing."""
    return [file for file in listing.files if is_image(file)]


def pair_files(
    images: Iterable[tuple[Listing, str]],
    masks: Iterable[tuple[Listing, str]],
    split: str,
    *,
    mask_stem: Callable[[str], str],
    image_stem: Callable[[str], str] = str,
) -> list[ImageMaskPair]:
    """Pair images and masks whose ids agree; sub-folders become part of the id.

    Args:
        images: Image files, each with the listing its id is relative to.
        masks: Mask files likewise.
        split: Their split.
        mask_stem: From a mask's path without suffix to its id.
        image_stem: From an image's path without suffix to its id.

    Raises:
        DatasetError: when two files would have the same id.
    """
    by_image = _by_id(images, image_stem)
    by_mask = _by_id(masks, mask_stem)
    return [
        ImageMaskPair(sample_id, split, by_image.get(sample_id), by_mask.get(sample_id))
        for sample_id in (*by_image, *(sample_id for sample_id in by_mask if sample_id not in by_image))
    ]


def _by_id(files: Iterable[tuple[Listing, str]], stem_of: Callable[[str], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for listing, file in files:
        stem = stem_of(str(PurePosixPath(file).with_suffix("")))
        sample_id = stem.replace("/", "__")  # an id is also a file name
        if sample_id in found:
            raise DatasetError(
                f"{listing.where(file)}: same id {sample_id!r} as {found[sample_id]}. Rename or remove one of them."
            )
        found[sample_id] = listing.path(file)
    return found


def without_suffix(suffix: str) -> Callable[[str], str]:
    """A `mask_stem` that takes a suffix such as `_L` off when it is there."""
    return lambda stem: stem.removesuffix(suffix)
