"""Pairs image files with mask files by their names, and divides the pairs by split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath
from unicodedata import normalize

from segcore.data.decode import IMAGE_SUFFIXES, MASK_SUFFIXES
from segcore.data.file_source import Folder, Listing
from segcore.data.formats.base import ImageMaskPair
from segcore.data.formats.split_names import list_lines, lists_of_splits, split_of
from segcore.errors import DatasetError, number

Stem = Callable[[str], str]
NOTHING = Listing(Folder(""), (), frozenset())
# What tools and people put around the name that an image and its mask share, in any case.
_IMAGE_AFFIX = re.compile(r"^(?:image|img)[_-]|(?:_leftImg8bit|[_-](?:image|img|sat|rgb)|_0000)$", re.IGNORECASE)
_MASK_ENDINGS = "masks?|segmentation|seg|labels?|gt|annot|annotation|trainids|labelids|l|p"
_MASK_AFFIX = re.compile(
    rf"^(?:mask|label|seg|gt)[_-]|(?:_gtFine_(?:labelTrainIds|labelIds)|[_-](?:{_MASK_ENDINGS})"
    r"|\.(?:png|jpe?g|bmp|tiff?|webp))$",
    re.IGNORECASE,
)


def is_image(file: str) -> bool:
    """Whether a file has the suffix of an image.

    >>> is_image("a/b.PNG"), is_image("classes.csv")
    (True, False)
    """
    return file.lower().endswith(IMAGE_SUFFIXES)


def images_in(listing: Listing) -> list[str]:
    """All image files of a listing."""
    return [file for file in listing.files if is_image(file)]


def masks_in(listing: Listing) -> list[str]:
    """All files of a listing that may be masks: images, also of kinds that masks must not have, and arrays."""
    return [file for file in listing.files if file.lower().endswith((*IMAGE_SUFFIXES, *MASK_SUFFIXES))]


def pair_folders(
    images: Listing, masks: Listing, split: str, *, mask_stem: Stem | None = None, image_stem: Stem = str
) -> list[ImageMaskPair]:
    """Pair every image in one folder with every mask in another; sub-folders become part of the id.

    Args:
        images: Folder of the images.
        masks: Folder of the masks.
        split: The split they are in.
        mask_stem: Makes an id of a mask's path without suffix. None: the names are compared, and where they differ
            the usual beginnings and endings are left out, such as `_mask` or `mask_` of masks and `_leftImg8bit` of
            images; where images and masks lie in differently named sub-folders, their names alone are compared.
        image_stem: Makes an id of an image's path without suffix.

    Raises:
        DatasetError: when two files would have the same id.
    """
    image_files, mask_files = images_in(images), masks_in(masks)
    if mask_stem is None:
        mask_stem = _matching_stem(
            [image_stem(path_stem(file)) for file in image_files], [path_stem(file) for file in mask_files]
        )
    return pair_files(
        [(images, file) for file in image_files],
        [(masks, file) for file in mask_files],
        split,
        mask_stem=mask_stem,
        image_stem=image_stem,
    )


def pair_files(
    images: Iterable[tuple[Listing, str]],
    masks: Iterable[tuple[Listing, str]],
    split: str,
    *,
    mask_stem: Stem = str,
    image_stem: Stem = str,
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


def pair_splits(
    images: Mapping[str, Listing],
    masks: Mapping[str, Listing],
    *,
    mask_stem: Stem | None = None,
    image_stem: Stem = str,
) -> tuple[ImageMaskPair, ...]:
    """Pair the images and masks of every split; images of a split that has no folder of masks have none.

    Args:
        images: Split -> folder of its images.
        masks: Split -> folder of its masks.
        mask_stem: As in `pair_folders`.
        image_stem: As in `pair_folders`.

    Raises:
        DatasetError: when two files would have the same id.
    """
    return tuple(
        pair
        for split, folder in images.items()
        for pair in pair_folders(folder, masks.get(split, NOTHING), split, mask_stem=mask_stem, image_stem=image_stem)
    )


def pair_beside(folder: Listing, split: str, ending: str) -> list[ImageMaskPair]:
    """Pair images with masks in the same folder, whose names have an ending such as `_L`.

    Raises:
        DatasetError: when two files would have the same id.
    """
    masks = masks_beside(folder, ending)
    images = sorted(set(images_in(folder)) - set(masks))
    return pair_files(
        [(folder, file) for file in images],
        [(folder, file) for file in masks],
        split,
        mask_stem=without_suffix(ending),
    )


def divided(folder: Listing) -> tuple[Listing, Listing]:
    """(images, masks) of a folder with both: a mask's name is that of an image with a usual ending or beginning."""
    stems = {path_stem(file) for file in images_in(folder)}
    stems |= {core(stem, _IMAGE_AFFIX) for stem in stems}
    cores = {file: mask_core(path_stem(file)) for file in masks_in(folder)}
    masks = {file for file, bare in cores.items() if bare in stems and bare != path_stem(file)}
    images = set(images_in(folder)) - masks
    return _only(folder, images), _only(folder, masks)


def _only(folder: Listing, files: Set[str]) -> Listing:
    return replace(folder, files=tuple(file for file in folder.files if file in files))


def own_files(listing: Listing) -> Listing:
    """The files of a folder itself, without those of its sub-folders."""
    return replace(listing, files=tuple(file for file in listing.files if "/" not in file), folders=frozenset())


def masks_beside(folder: Listing, ending: str) -> list[str]:
    """The image files of a folder whose names have an ending such as `_L`."""
    ended = [file for file in folder.files if f"{ending}." in file]
    return [file for file in ended if file.rpartition(".")[0].endswith(ending) and is_image(file)]


def by_lists(
    pairs: Sequence[ImageMaskPair], listing: Listing, lists: Mapping[str, str]
) -> tuple[tuple[ImageMaskPair, ...], list[str]]:
    """(the pairs that lists name, in the split of their list; notes on the lists and pairs that are left out).

    Args:
        pairs: Pairs of any split, with unique ids.
        listing: The dataset's folder.
        lists: Name of a list -> its file, whose lines begin with an id or a path. A list whose name is no split's is
            train where it is the only one, and left out otherwise (`trainval`).

    Raises:
        DatasetError: when a list names a sample that is not there, or two lists name the same one.
    """
    if not lists:
        return tuple(pairs), []
    by_id = {pair.id: pair for pair in pairs}
    used = lists_of_splits(lists)
    listed: dict[str, tuple[str, str]] = {}
    for split, file in used.values():
        for where, words in list_lines(listing, file):
            sample_id = _listed_id(words[0], by_id)
            if sample_id is None:
                raise DatasetError(f"{where}: no image or mask of {words[0]!r}. Remove the line or add the files.")
            other, before = listed.setdefault(sample_id, (split, where))
            if other != split:
                raise DatasetError(f"{where}: {sample_id!r} is in {other} already ({before}). Remove one of the lines.")
    kept = tuple(replace(by_id[sample_id], split=split) for sample_id, (split, _) in listed.items())
    rest = [pair for pair in pairs if pair.id not in listed]
    notes = [
        f"Left out the list {file}: its name is no split's."
        for name, file in lists.items()
        if name not in {*used, "trainval"}
    ]
    if rest and used:
        bare = sum(pair.mask is None for pair in rest)
        notes.append(f"Left out {number(len(rest), 'image')} that no list names ({bare} of them without masks).")
    return kept if used else tuple(pairs), notes


def by_folders(pairs: Sequence[ImageMaskPair], places: Sequence[Listing]) -> tuple[ImageMaskPair, ...]:
    """Pairs in the split that a folder of their image or mask is called after; without such a folder as they are.

    Args:
        pairs: Pairs of folders that are not divided by split as a whole: `images/val/a.jpg masks/a.png`.
        places: The folders of the images and of the masks, above which a name says nothing.

    Raises:
        DatasetError: when the folders of one pair name several splits.
    """
    prefixes = [f"{place.base}/" if place.base else "" for place in places]
    divided = []
    for pair in pairs:
        words = [
            word
            for file in pair.files
            for word in next((file[len(start) :] for start in prefixes if file.startswith(start)), "").split("/")[:-1]
        ]
        splits = {split for word in words if (split := split_of(word))}
        if len(splits) > 1:
            raise DatasetError(
                f"{places[0].file_source.root}: {' and '.join(pair.files)} lie in folders of {' and '.join(splits)}. "
                "Move them, so that an image and its mask are of one split."
            )
        divided.append(replace(pair, split=splits.pop()) if splits else pair)
    return tuple(divided)


def _listed_id(entry: str, ids: Mapping[str, ImageMaskPair]) -> str | None:
    """The id that a line of a list means: a name or path, with or without suffix and outer folders."""
    parts = (path_stem(entry) if is_image(entry) else normalize("NFC", entry)).strip("/").split("/")
    names = ("__".join(parts[start:]) for start in range(len(parts)))
    return next((name for name in names if name in ids), None)


def without_suffix(suffix: str) -> Stem:
    """A `mask_stem` that removes a suffix such as `_L` where there is one."""
    return lambda stem: stem.removesuffix(suffix)


@lru_cache(maxsize=1 << 16)  # several layouts look at the same names
def core(stem: str, affix: re.Pattern[str]) -> str:
    """A path without the beginning and ending that a tool put around its name, once each.

    >>> core("a/mask_07-label", _MASK_AFFIX), core("cat", _MASK_AFFIX)
    ('a/07', 'cat')
    """
    folder, slash, name = stem.rpartition("/")
    for _ in range(2):
        bare = affix.sub("", name, count=1)
        name = bare or name
    return folder + slash + name


def mask_core(stem: str) -> str:
    """The path of a mask without what tools put around its name.

    >>> mask_core("a/07_mask")
    'a/07'
    """
    return core(stem, _MASK_AFFIX)


def image_core(stem: str) -> str:
    """The path of an image without what tools put around its name.

    >>> image_core("bonn/07_leftImg8bit")
    'bonn/07'
    """
    return core(stem, _IMAGE_AFFIX)


def _matching_stem(images: Sequence[str], masks: Sequence[str]) -> Stem:
    """A function from a mask's stem to the stem of its image, or to itself where no single image fits."""
    exact = set(images)
    if exact.issuperset(masks):
        return str
    stems = _unique({core(stem, _IMAGE_AFFIX): stem} for stem in images)
    names = _unique({core(PurePosixPath(stem).name, _IMAGE_AFFIX): stem} for stem in images)
    in_place = any(core(stem, _MASK_AFFIX) in exact or core(stem, _MASK_AFFIX) in stems for stem in masks)

    def image_stem(stem: str) -> str:
        if stem in exact:
            return stem
        bare = core(stem, _MASK_AFFIX)
        if bare in exact:
            return bare
        if in_place or exact.intersection(masks):
            return stems.get(bare, stem)
        return names.get(PurePosixPath(bare).name, stem)

    return image_stem


def _unique(entries: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The entries whose key occurs once."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for key, value in entry.items():
            values[key].append(value)
    return {key: value[0] for key, value in values.items() if len(value) == 1}


def path_stem(file: str) -> str:
    """A path without suffix, in composed characters: macOS writes "ü" as two, into zips too."""
    return normalize("NFC", file.rpartition(".")[0])


def id_of(stem: str) -> str:
    """The id of a file in a folder, by its path without suffix; an id is also a file name.

    >>> id_of("aachen/07")
    'aachen__07'
    """
    return stem.replace("/", "__")


def _by_id(files: Iterable[tuple[Listing, str]], stem_of: Stem) -> dict[str, str]:
    paths: dict[str, str] = {}
    for listing, file in files:
        key = id_of(stem_of(path_stem(file)))
        if key in paths:
            raise DatasetError(f"{listing.where(file)}: same id {key!r} as {paths[key]}. Rename or remove one of them.")
        paths[key] = listing.path(file)
    return paths
