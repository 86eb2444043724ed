"""Tags: named lists of a dataset's images that people keep, and the lists of images that `--only` names.

A tag is a text file with an id a line, which other tools can read and write. It lies hidden beside the data, or in the
user's folder where the data is a zip, the drive, or can't be written.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from segcore.atomic_files import write_text
from segcore.data.dataset import Dataset
from segcore.errors import DatasetError, listed, nearest, number, plain
from segcore.paths import local_path, user_data_folder
from segcore.reading import read_text

TAGS_FOLDER = ".segcore-tags"
SUFFIX = ".txt"
WITHOUT = "without "  # before a tag: the images that don't have it
_TAKEN = ("all", "none", "null")  # words that mean no tag
_NAME = re.compile(r"\w[\w -]{0,59}")
_changing = threading.Lock()


class ImageList(NamedTuple):
    """A list of images from a tag or a file.

    Args:
        title: The tag, or the name of the file.
        lines: Ids, or paths that end in an id and an extension.
        path: The file.
    """

    title: str
    lines: tuple[str, ...]
    path: Path

    def among(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Those of `ids` that the list names, in their order."""
        known = dict.fromkeys(ids)
        named = {_find(line, known) for line in self.lines}
        return tuple(sample_id for sample_id in known if sample_id in named)

    def without(self, ids: Iterable[str]) -> list[str]:
        """The lines that name none of `ids`."""
        known = dict.fromkeys(ids)
        return [line for line in self.lines if _find(line, known) is None]

    def has(self, sample_id: str) -> bool:
        """Whether the list names an image."""
        known = (sample_id,)
        return any(sample_id in line and _find(line, known) is not None for line in self.lines)

    def of_dataset(self, dataset: Dataset) -> tuple[str, ...]:
        """The ids of the list, in the dataset's order.

        Raises:
            DatasetError: when a line names no image of the dataset.
        """
        if unknown := self.without(dataset.ids):
            raise DatasetError(
                f"{self.path}: {number(len(unknown), 'line')} of {len(self.lines)} name no image of {dataset.name}: "
                f"{listed(unknown, 3)}.{nearest(unknown[0], dataset.ids)} Expected an id a line, such as "
                f"{dataset.ids[0] if dataset.ids else 'frame_0001'}. Correct or remove them."
            )
        return self.among(dataset.ids)


def read_image_list(given: str, source: str) -> ImageList:
    """Read what `--only` names: a tag of a dataset, or a file.

    Args:
        given: The name of a tag, or a file: see `is_file`.
        source: Where the dataset is, as it is opened.

    Raises:
        DatasetError: when there is no such tag or file, it can't be read, or it is empty.
    """
    if is_file(given):
        path = local_path(given, DatasetError)
        title = path.name
    else:
        tags = tag_files(source)
        if given not in tags:
            there = f" Its tags: {listed(list(tags), 8)}." if tags else " It has no tags; the dataset page makes some."
            raise DatasetError(
                f"No tag {given!r} of {source}.{nearest(given, tags)}{there} A file of ids is given with its extension "
                f"or folder: ./{given}{'' if Path(given).exists() else SUFFIX}"
            )
        path, title = tags[given], given
    lines = _read(path)
    if not lines:
        raise DatasetError(f"{path}: names no image; expected an id a line.")
    return ImageList(title, lines, path)


def is_file(given: str) -> bool:
    """Whether what `--only` names is a file and no tag: it has a dot or a slash, which no tag has."""
    return any(mark in given for mark in "./\\~")


def tag_files(source: str | Path) -> dict[str, Path]:
    """Name of each tag of a dataset -> its file, by name; of two files of one name the newer."""
    paths = [path for folder in _folders(source) for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem)]
    return {path.stem: path for path in sorted(paths, key=lambda path: (path.stem, _stamp(path)))}


def read_tags(source: str | Path) -> dict[str, ImageList]:
    """Name of each tag of a dataset -> its images; a tag that can't be read is left out."""
    tags = {}
    for name, path in tag_files(source).items():
        try:
            tags[name] = ImageList(name, _read(path), path)
        except DatasetError:
            continue
    return tags


def change_tag(source: str | Path, name: str, *, add: Iterable[str] = (), remove: Collection[str] = ()) -> Path:
    """Add images to a tag, which is made where it is missing, or remove some; a tag of no image is removed.

    Args:
        source: Where the dataset is, as it is opened.
        name: The tag.
        add: Ids of images.
        remove: Ids of images.

    Returns:
        Its file.

    Raises:
        DatasetError: when the name can't be one, or nothing can be written.
    """
    name = name.strip()
    if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith(WITHOUT):
        raise DatasetError(
            f"{name!r} can't be a tag; expected up to 60 letters, digits, spaces, - and _, such as 'wrong mask', and "
            f"not {', '.join(_TAKEN)} or {WITHOUT}..."
        )
    added, removed = dict.fromkeys(add), dict.fromkeys(remove)
    for sample_id in added:
        if not sample_id.isprintable() or _parsed(sample_id) != (sample_id,):
            raise DatasetError(f"Image {sample_id!r} can't be tagged: its id is no line of a text file. Rename it.")
    with _changing:
        old = tag_files(source).get(name)
        lines = [line for line in (_text(old).split("\n") if old else []) if not _names_any(line, removed)]
        there = {_find(line, added) for line in _parsed("\n".join(lines))}
        lines = [line for line in lines if line] + [sample_id for sample_id in added if sample_id not in there]
        return _write(source, name, lines if _parsed("\n".join(lines)) else [])


def _write(source: str | Path, name: str, lines: Sequence[str]) -> Path:
    """Write a tag in the first folder that takes it, or remove it from all."""
    paths = [folder / f"{name}{SUFFIX}" for folder in _folders(source)]
    problem = ""
    for path in paths:
        try:
            if lines:
                write_text(path, "".join(f"{line}\n" for line in lines))
                return path
            if path.exists():
                path.unlink()
        except OSError as error:
            problem = problem or plain(error)
    if problem:
        raise DatasetError(f"The tag {name!r} can't be kept: {problem}")
    return paths[0]


def _folders(source: str | Path) -> Iterator[Path]:
    """Folders that tags of a dataset may be in, the preferred one first."""
    place = "drive" if str(source) == "drive" else str(local_path(source).absolute())
    if Path(place).is_dir() and place != "drive":
        yield Path(place) / TAGS_FOLDER
    yield user_data_folder() / "tags" / f"{Path(place).name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def _read(path: Path) -> tuple[str, ...]:
    """The lines of a list of images, without empty ones and comments; each once."""
    return _lines_at(path, _stamp(path))


@lru_cache(maxsize=64)
def _lines_at(path: Path, stamp: tuple[int, int]) -> tuple[str, ...]:
    """The lines of a file as it is now; the stamp tells when it changed."""
    return _parsed(_text(path))


def _text(path: Path) -> str:
    try:
        return read_text(path).removeprefix("\ufeff")
    except OSError as error:
        raise DatasetError(f"The list of images {path} can't be read: {plain(error)}") from None
    except ValueError:
        raise DatasetError(f"{path}: no text in UTF-8; expected an id a line.") from None


def _parsed(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.split("\n"))  # `splitlines` would break ids at other marks too
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def _stamp(path: Path) -> tuple[int, int]:
    """When a file changed, in ns, and its bytes; zeros where it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _names_any(line: str, known: Collection[str]) -> bool:
    """Whether a line of a file, which may be a comment, names one of some images."""
    return any(_find(part, known) is not None for part in _parsed(line))


def _find(line: str, known: Collection[str]) -> str | None:
    """The id that a line names: as it stands, or a path whose end it is, with or without an extension."""
    if line in known:
        return line
    if not any(mark in line for mark in "./\\"):
        return None
    parts = line.replace("\\", "/").split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return next((end for text in ends for end in (text, text.rpartition(".")[0]) if end in known), None)
