"""The images and videos that a user names as files, folders and patterns, and a name for the results of each."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from segcore.data.file_source import list_files
from segcore.data.formats.pairing import is_image
from segcore.data.video_file import VIDEO_SUFFIXES
from segcore.errors import DatasetError, nearest


def is_video_file(path: str | Path) -> bool:
    """Whether a file is a video, by the end of its name.

    >>> is_video_file("ride.MP4"), is_video_file("ride.png")
    (True, False)
    """
    return str(path).lower().endswith(VIDEO_SUFFIXES)


def input_files(given: Sequence[str]) -> list[Path]:
    """The images and videos at these places, each once: files, all below folders, and matches of patterns.

    Args:
        given: Paths and patterns such as `day/*.png` and `**/*.mp4`, for shells that leave them as they are. A file
            that has such a name is that file.

    Raises:
        DatasetError: when a path is missing (the most similar name beside it is named), or a folder or pattern has no
            images and videos.
    """
    paths = [path for place in given for path in _files_at(place)]
    return list({path.absolute(): path for path in paths}.values())


def output_names(paths: Sequence[Path]) -> list[str]:
    """A name for what is written of each file: its stem, or, where two share one, more of its path.

    >>> output_names([Path("a/x.png"), Path("a/y.jpg")]), output_names([Path("a/x.png"), Path("a/x.jpg")])
    (['x', 'y'], ['x.png', 'x.jpg'])
    >>> output_names([Path("a/x.png"), Path("b/x.png")])
    ['a/x.png', 'b/x.png']
    """
    stems, names = [path.stem for path in paths], [path.name for path in paths]
    for candidates in (stems, names):
        if len({name.casefold() for name in candidates}) == len(paths):  # some disks don't tell a.png from A.png
            return candidates
    folder = os.path.commonpath([path.absolute().parent for path in paths])
    return [os.path.relpath(path, folder) for path in paths]


def _files_at(place: str) -> Iterator[Path]:
    path = Path(place)
    if path.is_file():
        yield path
    elif path.is_dir():
        inside = [name for name in list_files(path).files if is_image(name) or is_video_file(name)]
        if not inside:
            raise DatasetError(
                f"{path}: a folder without images and videos. Give one that holds PNG, JPEG, TIFF, MP4 or the like."
            )
        yield from (path / name for name in inside)
    elif glob.has_magic(place):
        matches = sorted(glob.glob(place, recursive=True))  # noqa: PTH207 - of absolute patterns too
        if not matches:
            raise DatasetError(f"{place}: nothing matches this pattern. It is taken from {Path.cwd()}.")
        files = [path for path in map(Path, matches) if path.is_file()]
        usable = [path for path in files if is_image(path.name) or is_video_file(path)]
        if not usable:
            raise DatasetError(f"{place}: no image or video matches this pattern; it matches {matches[0]}.")
        yield from usable
    else:
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DatasetError(f"{path}: there is no such image or video.{nearest(path.name, beside)}")
