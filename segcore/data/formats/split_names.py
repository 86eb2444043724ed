"""The names that people give to the splits of a dataset, in folders and in lists."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from segcore.data.file_source import Listing
from segcore.errors import DatasetError

SPLIT_NAMES = {
    "train": ("train", "training", "tr"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "ts"),
}
_SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}


def split_of(name: str) -> str | None:
    """The split that a folder's or list's name stands for, in any case; None where it stands for none.

    >>> split_of("Valid"), split_of("training"), split_of("default")
    ('val', 'train', None)
    """
    return _SPLIT_OF.get(name.lower())


def split_folders(listing: Listing, pattern: str) -> dict[str, Listing]:
    """The folder of each split.

    Args:
        listing: The dataset's folder.
        pattern: Path of the folders, in any case, with `{split}` for the name of a split, e.g. `images/{split}`.

    Raises:
        DatasetError: when two folders stand for the same split.
    """
    matcher = re.compile(re.escape(pattern).replace(r"\{split\}", "([^/]+)"), re.IGNORECASE)
    folders: dict[str, str] = {}
    for folder in sorted(listing.folders):
        match = matcher.fullmatch(folder)
        split = split_of(match[1]) if match else None
        if split is None:
            continue
        if split in folders:
            raise DatasetError(
                f"{listing.where()}: {folders[split]}/ and {folder}/ both mean {split}. Rename or remove one of them."
            )
        folders[split] = folder
    return {split: listing.below(folders[split]) for split in SPLIT_NAMES if split in folders}


def split_lists(listing: Listing, folder: str = "") -> dict[str, str]:
    """The text files that list the samples of a split, by their name without suffix: `train.txt`, `default.txt`.

    Args:
        listing: The dataset's folder.
        folder: Folder of the lists, with a `/` at its end.
    """
    names = [file for file in listing.files if file.startswith(folder) and file.lower().endswith(".txt")]
    return {PurePosixPath(file).stem: file for file in names if "/" not in file[len(folder) :]}


def list_lines(listing: Listing, file: str) -> Iterator[tuple[str, list[str]]]:
    """(place for messages, words) of each line of a list that is not blank; words with spaces stand in quotes."""
    for number, line in enumerate(listing.text(file).splitlines(), 1):
        words = next(csv.reader([line.strip()], delimiter=" ", skipinitialspace=True)) if '"' in line else line.split()
        if words:
            yield f"{listing.where(file)}:{number}", words
