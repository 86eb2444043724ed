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

    def of_dataset(self, dataset: Dataset) -> frozenset[str]:
        """The ids of the list.

        Raises:
            DatasetError: when a line names no image of the dataset.
        """
        known = dict.fromkeys(dataset.ids)
        matches = {line: _find(line, known) for line in self.lines}
        unknown = [line for line, sample_id in matches.items() if sample_id is None]
        if unknown:
            raise DatasetError(
                f"{self.path}: {number(len(unknown), 'line')} of {len(self.lines)} name no image of {dataset.name}: "
                f"{listed(unknown, 3)}.{nearest(unknown[0], dataset.ids)} Expected an id a line, such as "
                f"{dataset.ids[0] if dataset.ids else 'frame_0001'}. Correct or remove them."
            )
        return frozenset(sample_id for sample_id in matches.values() if sample_id is not None)


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
    return {path.stem: path for path in sorted(paths, key=lambda path: (path.stem, _changed(path)))}


def read_tags(source: str | Path) -> dict[str, tuple[str, ...]]:
    """Name of each tag of a dataset -> its ids; a tag that can't be read is left out."""
    tags = {}
    for name, path in tag_files(source).items():
        try:
            tags[name] = _read(path)
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
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"{name!r} can't be a tag; expected up to 60 letters, digits, spaces, - and _, such as 'wrong mask'."
        )
    with _changing:
        old = tag_files(source).get(name)
        without = set(remove)
        ids = [
            sample_id for sample_id in dict.fromkeys((*(_read(old) if old else ()), *add)) if sample_id not in without
        ]
        return _write(source, name, ids)


def _write(source: str | Path, name: str, ids: Sequence[str]) -> Path:
    """Write a tag in the first folder that takes it, or remove it from all."""
    paths = [folder / f"{name}{SUFFIX}" for folder in _folders(source)]
    problem = ""
    for path in paths:
        try:
            if ids:
                write_text(path, "".join(f"{sample_id}\n" for sample_id in ids))
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
    """The lines of a list of images, without empty ones and those that begin with #; each once."""
    try:
        status = path.stat()
        return _lines(str(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise DatasetError(f"The list of images {path} can't be read: {plain(error)}") from None
    except ValueError:
        raise DatasetError(f"{path}: no text in UTF-8; expected an id a line.") from None


@lru_cache(maxsize=64)
def _lines(path: str, version: int, size: int) -> tuple[str, ...]:
    """The lines of a file as it is now; `version` and `size` tell when it changed."""
    lines = (line.strip() for line in read_text(path).removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def _changed(path: Path) -> int:
    """When a file changed, in ns; 0 where it is gone meanwhile."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _find(line: str, known: Collection[str]) -> str | None:
    """The id that a line names: as it stands, or a path whose end it is, with or without an extension."""
    if line in known:
        return line
    parts = line.replace("\\", "/").split("/")
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return next((end for text in ends for end in (text, text.rpartition(".")[0]) if end in known), None)
