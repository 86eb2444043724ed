"""One binary mask a class: `masks/CLASS/NAME.png`, `masks/NAME/CLASS.png` or `NAME_CLASS.png`, merged to one mask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segcore.arrays import Bool
from segcore.data.decode import MASK_SUFFIXES, MaskPixels, read_mask
from segcore.data.file_source import FileSource, Listing
from segcore.data.formats.annotations import ClassNames, named_classes
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.folder import image_mask_places
from segcore.data.formats.pairing import (
    by_folders,
    divided,
    id_of,
    images_in,
    mask_core,
    masks_in,
    own_files,
    path_stem,
)
from segcore.data.formats.split_names import split_folders
from segcore.errors import DatasetError

_COPY = re.compile(r"aug\d+")  # ending of the copies of `segcore data expand`: no class
# (name of an image, class) that a mask's path without suffix means; None where it is no image's.
Parser = Callable[[str, Mapping[str, str]], tuple[str, str] | None]


def looks_like_folders(listing: Listing) -> bool:
    """Whether most images have masks in several folders of classes, or a folder of their own with several classes."""
    return _looks_like(listing, _by_folder)


def looks_like_files(listing: Listing) -> bool:
    """Whether most images have several masks `NAME_CLASS.png`, beside them or in a folder of masks."""
    return _looks_like(listing, _by_ending)


def read_folders(listing: Listing) -> DetectedDataset:
    """`masks/CLASS/NAME.png` or `masks/NAME/CLASS.png` beside `images/`, whole or divided by split.

    Raises:
        DatasetError: when there are no such folders.
        LabelError: when the list of classes has a bad line.
    """
    return _read(listing, _by_folder, "masks/CLASS/NAME.png or masks/NAME/CLASS.png beside images/NAME.jpg")


def read_files(listing: Listing) -> DetectedDataset:
    """`NAME_CLASS.png` beside `NAME.jpg`, or in a folder of masks, whole or divided by split.

    Raises:
        DatasetError: when there are no such files.
        LabelError: when the list of classes has a bad line.
    """
    return _read(listing, _by_ending, "NAME_CLASS.png beside NAME.jpg or in masks/")


@dataclass(frozen=True)
class MergedMask:
    """A mask that is merged from one binary picture a class.

    Args:
        name: Its name in messages.
        files: The pictures, paths inside the file source.
        positions: The position of the class of each.
        background: What pixels of no class hold.
    """

    name: str
    files: tuple[str, ...]
    positions: tuple[int, ...]
    background: int

    def __str__(self) -> str:
        return self.name

    def read(self, file_source: FileSource) -> MaskPixels:
        """The pixels of the mask.

        Raises:
            DatasetError: when a picture is not binary, two have other sizes, or a pixel is of two classes.
        """
        masks = [read_mask(file_source.read(file), f"{file_source.root}/{file}") for file in self.files]
        regions = [_inside(mask) for mask in masks]
        ids = np.full(regions[0].shape, self.background, np.uint8)
        taken = np.full(regions[0].shape, -1)  # the picture that a pixel is taken by
        for place, (mask, inside) in enumerate(zip(masks, regions, strict=True)):
            if inside.shape != ids.shape:
                shapes = " and ".join("x".join(map(str, shape)) for shape in (inside.shape, ids.shape))
                raise DatasetError(f"{mask.where} and {masks[0].where} are {shapes}; they must have one size.")
            twice = inside & (taken >= 0)
            if twice.any():
                other = masks[int(taken[twice][0])].where
                raise DatasetError(
                    f"{mask.where} and {other} both hold {int(twice.sum())} pixels; a pixel has one class. Take them "
                    "out of one of the two."
                )
            taken[inside], ids[inside] = place, self.positions[place]
        return MaskPixels(f"{file_source.root}/{self.name}", ids, named=True)


def _inside(mask: MaskPixels) -> Bool:
    """`[H, W]` bool: the pixels of a binary picture that are not 0 or black.

    Raises:
        DatasetError: when it has more than two values, or two and none of them is 0 or black.
    """
    if mask.palette is not None and int(mask.pixels.max()) >= len(mask.palette):
        raise DatasetError(f"{mask.where}: a palette without a colour for index {mask.pixels.max()}. Save it again.")
    shown = mask.pixels if mask.palette is None else mask.palette[mask.pixels]
    inside = (shown if shown.ndim == 2 else shown.any(axis=2)) != 0
    values = np.unique(shown[inside], axis=0)
    if len(values) > 1:
        some = ", ".join(str(value.tolist()) for value in values[:3])
        raise DatasetError(
            f"{mask.where}: a mask of one class with {len(values)} values beside 0 ({some}, ...); expected two in all, "
            "0 and another. Save it black and white."
        )
    return inside


def _looks_like(listing: Listing, parse: Parser) -> bool:
    for images, masks in _places(listing, parse).values():
        names = _named(images)
        if any(path_stem(file) in names for file in masks_in(masks)):
            return False  # a mask of all classes
        meanings = [parse(path_stem(file), names) for file in masks_in(masks) if file.lower().endswith(MASK_SUFFIXES)]
        classes = Counter(name for name, _ in filter(None, meanings))
        several = sum(count > 1 for count in classes.values())
        repeated = Counter(word for _, word in filter(None, meanings))
        if several and 2 * several > len(classes) and (len(classes) == 1 or max(repeated.values()) > 1):
            return True
    return False


def _read(listing: Listing, parse: Parser, expected: str) -> DetectedDataset:
    places = _places(listing, parse)
    parsed: dict[str, list[tuple[str, str, str]]] = {}  # split -> (image's name, class, path) of each mask
    pairs, loose = list[ImageMaskPair](), list[ImageMaskPair]()
    for split, (images, masks) in places.items():
        names, parsed[split] = _named(images), []
        for file in masks_in(masks):
            meant = parse(path_stem(file), names)
            if meant is None:
                loose.append(ImageMaskPair(id_of(path_stem(file)), split, None, masks.path(file)))
            else:
                parsed[split].append((*meant, masks.path(file)))
    if not any(parsed.values()):
        raise DatasetError(f"{listing.where()}: no {expected}.")
    own, classes = named_classes(listing, lambda: sorted({word for masks in parsed.values() for _, word, _ in masks}))
    for split, (images, _) in places.items():
        merged = _merged(parsed[split], classes, listing)
        pairs += (
            ImageMaskPair(id_of(name), split, images.path(file), merged.get(name))
            for name, file in _named(images).items()
        )
    everyone: Sequence[ImageMaskPair] = (*pairs, *loose)
    if list(places) == ["train"]:
        everyone = by_folders(everyone, places["train"][:1])
    return own.dataset(everyone, splits=places, notes=classes.notes)


def _merged(masks: Iterable[tuple[str, str, str]], classes: ClassNames, listing: Listing) -> dict[str, MergedMask]:
    """Image's name -> its mask."""
    parts: dict[str, list[tuple[int, str]]] = {}
    for name, word, path in masks:
        position = classes.position(word, f"{listing.file_source.root}/{path}")
        parts.setdefault(name, []).append((position, path))
    return {
        name: MergedMask(
            some[0][1], tuple(path for _, path in some), tuple(place for place, _ in some), classes.background
        )
        for name, some in parts.items()
    }


def _places(listing: Listing, parse: Parser) -> dict[str, tuple[Listing, Listing]]:
    """Split -> (listing of its images, listing of its masks)."""
    for *_, images, masks in image_mask_places(listing):
        return {split: (images[split], masks[split]) for split in images if split in masks}
    if parse is _by_folder:
        return {}
    splits = split_folders(listing, "{split}") or {"train": own_files(listing)}
    if any(divided(folder)[1].files for folder in splits.values()):
        return {}  # NAME_mask.png is the mask of all classes
    return {split: _divided(folder) for split, folder in splits.items()}


def _divided(folder: Listing) -> tuple[Listing, Listing]:
    """(images, masks) of a folder with both: a mask's name begins with that of an image."""
    names = {path_stem(file): file for file in images_in(folder)}
    masks = {file for file in masks_in(folder) if _by_ending(path_stem(file), names)}
    images = tuple(file for file in folder.files if file not in masks)
    return replace(folder, files=images), replace(folder, files=tuple(sorted(masks)))


def _named(images: Listing) -> dict[str, str]:
    """Path without suffix -> path of each image."""
    return {path_stem(file): file for file in images_in(images)}


def _by_folder(stem: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """`CLASS/NAME`, where NAME may have a usual ending or that of the class, or `NAME/CLASS`."""
    first, _, rest = stem.partition("/")
    name = next((name for name in (rest, mask_core(rest), rest.removesuffix(f"_{first}")) if name in names), None)
    if name:
        return name, first
    head, _, last = stem.rpartition("/")
    return (head, last) if head in names else None


def _by_ending(stem: str, names: Mapping[str, str]) -> tuple[str, str] | None:
    """The longest name of an image that the mask's begins with, before `_`, `-` or `.`."""
    places = (place for place in range(len(stem) - 1, 0, -1) if stem[place] in "_-.")
    name, word = next(((stem[:place], stem[place + 1 :]) for place in places if stem[:place] in names), ("", ""))
    return (name, word) if word and not _COPY.match(word) else None
