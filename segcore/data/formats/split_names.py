"""The names that people give to the splits of a dataset, in folders and in lists."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from segcore.data.decode import IMAGE_SUFFIXES
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


def lists_of_splits(lists: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """(split, file) of the lists that divide a dataset, by name: those called as splits, or else a single one as train.

    >>> lists_of_splits({"default": "default.txt"}), lists_of_splits({"Val": "Val.txt", "trainval": "trainval.txt"})
    ({'default': ('train', 'default.txt')}, {'Val': ('val', 'Val.txt')})
    """
    named = {name: (split, file) for name, file in lists.items() if (split := split_of(name))}
    return named or {name: ("train", file) for name, file in lists.items() if len(lists) == 1}


def train_lists(lists: Mapping[str, str]) -> list[str]:
    """The files of `lists_of_splits` that list the training samples."""
    return [file for split, file in lists_of_splits(lists).values() if split == "train"]


def list_lines(listing: Listing, file: str) -> Iterator[tuple[str, list[str]]]:
    """(place for messages, words) of each line of a list that is not blank; words with spaces stand in quotes.

    Raises:
        DatasetError: when a word in quotes has more than 131,072 characters, the limit of the csv module.
    """
    for number, line in enumerate(listing.text(file).splitlines(), 1):
        where = f"{listing.where(file)}:{number}"
        if words := _words(line, where):
            yield where, words


def add_to_list(text: str, written: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    r"""The text of a list in which copies follow their frames.

    Args:
        text: Lines that begin with the id or path of an image; a path behind it is its mask's.
        written: Path of a frame's image -> the (image, mask) paths that take its line's place; other lines stay.

    >>> add_to_list("a", {"x/a.png": [("x/a.png", "y/a.png"), ("x/a_aug1.png", "y/a_aug1.png")]})
    'a\na_aug1\n'
    """
    frames = {ending: image for image in written for ending in _endings(image)}
    lines = []
    for line in text.splitlines():
        words = _words(line, "a list of images")
        image = next((frames[ending] for ending in _endings(words[0]) if ending in frames), None) if words else None
        lines += [line] if image is None else [_line_of(words, files, '"' in line) for files in written[image]]
    return "".join(f"{line}\n" for line in lines)


def _line_of(words: Sequence[str], files: tuple[str, str], quoted: bool) -> str:
    """The words of a line with the names of other files: paths keep their folders, an id stays without a suffix."""
    named = []
    for place, word in enumerate(words):
        if place < len(files) and word.lower().endswith(IMAGE_SUFFIXES):
            word = str(PurePosixPath(word).with_name(PurePosixPath(files[place]).name))
        elif place == 0:
            word = str(PurePosixPath(word).with_name(PurePosixPath(files[0]).stem))
        named.append(f'"{word}"' if quoted else word)
    return " ".join(named)


def _words(line: str, where: str) -> list[str]:
    if '"' not in line:
        return line.split()
    try:
        return next(csv.reader([line.strip()], delimiter=" ", skipinitialspace=True))
    except csv.Error as error:
        raise DatasetError(f"{where}: {line[:40]!r}... can't be read ({error}). Correct the line.") from None


def _endings(path: str) -> list[str]:
    """A path and the ends of it, the longest first, with and without suffix."""
    parts = path.strip("/").split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return [form for end in ends for form in (end, str(PurePosixPath(end).with_suffix("")))]
