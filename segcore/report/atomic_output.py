"""Writes files and folders whole or not at all, and never over what Segcore didn't write."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segcore.atomic_files import replacing, replacing_folder, unwritable
from segcore.data.formats.unread import EXPORT_LIST
from segcore.errors import ReportError
from segcore.paths import local_path
from segcore.reading import SHAPE_ERRORS, parse_json, read_text

MARK = EXPORT_LIST  # in every exported folder: what it is of, and the files that may be replaced
_HEAD = 4096  # bytes of a file in which its mark is looked for


@contextmanager
def new_file(out: str | Path, mark: str, option: str = "--out") -> Iterator[Path]:
    """A temporary path that becomes `out` when the block ends well.

    Args:
        out: The file.
        mark: Text near the beginning of a file that an earlier call wrote; such a file is replaced, another is not.
        option: The option that names the file, for errors.

    Raises:
        ReportError: when `out` is a folder, can't be written, or is a file without the mark.
    """
    path = _path(out, option)
    if path.is_dir():
        raise ReportError(f"{out} is a folder; expected a file. Give its name too: {option} {path / 'NAME'}")
    if path.is_file() and path.stat().st_size and mark.encode() not in _head(path):
        raise ReportError(f"{out} is there already, and Segcore didn't write it. Choose another {option}, or move it.")
    _writable(path, out, option)
    with replacing(path) as temporary:
        yield temporary


@contextmanager
def new_folder(out: str | Path, about: Mapping[str, Any]) -> Iterator[Path]:
    """An empty folder that becomes `out` when the block ends well; `export.json` in it says what it is.

    Args:
        out: The folder; an earlier export in it is replaced.
        about: Content of `export.json`, without its list of files.

    Raises:
        ReportError: when it is a file or the current folder, can't be written there, or holds foreign files.
    """
    path = check_folder(out)
    with replacing_folder(path) as folder:
        yield folder
        names = sorted(str(file.relative_to(folder).as_posix()) for file in folder.rglob("*") if file.is_file())
        text = json.dumps({**about, "files": names}, indent=1, ensure_ascii=False)
        (folder / MARK).write_text(text + "\n", "utf-8")
        folder.chmod(0o755)


def check_folder(out: str | Path) -> Path:
    """Make the checks of `new_folder` before any work is done, and return the folder's full path.

    Raises:
        ReportError: when it is a file or the current folder, can't be written there, or holds foreign files.
    """
    path = _path(out)
    if path.exists() and not path.is_dir():
        raise ReportError(f"{out} is a file; expected a folder. Choose another --out.")
    if path == Path.cwd() or path in Path.cwd().parents:
        raise ReportError(f"{out} holds the folder you are in, and would be replaced. Choose a folder of its own.")
    foreign = _foreign(path) if path.is_dir() else None
    if foreign:
        raise ReportError(
            f"{out} holds {foreign}, which no export of Segcore wrote. Choose an empty or a new folder with --out."
        )
    _writable(path, out)
    return path


def _path(out: str | Path, option: str = "--out") -> Path:
    try:
        return local_path(out, ReportError).resolve()
    except (RuntimeError, OSError, ValueError) as error:  # loops of links, null bytes
        raise ReportError(f"{option} {str(out)!r} is no usable path ({error}).") from None


def _writable(path: Path, out: str | Path, option: str = "--out") -> None:
    """Raise `ReportError` unless a file can be made at `path`, whose folders may have to be made first."""
    reason = unwritable(path.parent)
    if reason:
        raise ReportError(f"Can't write {out}: {reason}. Choose another {option}.")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(_HEAD)
    except OSError:
        return b""  # unreadable: not ours to replace


def _foreign(folder: Path) -> str | None:
    """A file in the folder that the export there (if any) did not write."""
    try:
        listed = parse_json(read_text(folder / MARK))["files"]
        known = {MARK, *map(str, listed)}
    except (OSError, *SHAPE_ERRORS):
        known = set()
    for file in folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        if name not in known and (not file.is_dir() or file.is_symlink()):
            return name
    return None
