"""Paths as people write them: `~`, a trailing slash, `file://`; others are refused with a way out."""

from __future__ import annotations

import os
import re
import reprlib
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import platformdirs

from segcore.errors import PathError, SegcoreError

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):/{1,2}(?=[^/]|$)")
_DRIVE = re.compile(r"([a-zA-Z]):([\\/].*|$)")  # C:\data
_LONGEST_NAME, _LONGEST_PATH = 255, 4095  # bytes, on Linux and macOS or more
_PULLS = {"s3": "aws s3 cp --recursive", "gs": "gcloud storage cp -r", "hf": "hf download", "https": "curl -LO"}


def path_text(given: str) -> str:
    """A path that a user gave, for this machine: `~` and `file://` are expanded, a slash at the end is dropped.

    A relative path stays relative, and `./drive` keeps its `./`: without it, it would be the embedded drive.

    >>> path_text("data/"), path_text("./drive"), path_text("file:///tmp/my%20street")
    ('data', './drive', '/tmp/my street')

    Raises:
        PathError: when it is empty, an address, a Windows path on another system, `~nobody`, or no name of a file.
    """
    text = _from_file_url(given)
    if not text.strip():
        raise PathError(f"{given!r} is no path: it is empty. Give the name of a file or folder.")
    if os.path.lexists(text):  # whatever it looks like
        return text.rstrip("/") or text
    _refuse_address(text)
    _refuse_windows(text)
    try:
        expanded = str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError as error:
        raise PathError(f"{text}: no usable path ({error}).") from None
    _refuse_no_name(expanded)
    return expanded.rstrip("/") or expanded


def _refuse_no_name(text: str) -> None:
    """Refuse what no file can be called, at which else any look would raise `OSError` or `ValueError`."""
    try:
        longest = max(len(os.fsencode(part)) for part in text.split("/"))
        reason = "it holds a zero" if "\0" in text else ""
    except UnicodeEncodeError:
        longest, reason = 0, "it holds half of a character"
    if longest > _LONGEST_NAME:
        reason = f"a name of {longest:,} bytes is in it; {_LONGEST_NAME} are the most"
    elif not reason and len(os.fsencode(text)) > _LONGEST_PATH:
        reason = f"it has more than {_LONGEST_PATH:,} bytes"
    if reason:
        raise PathError(f"{reprlib.repr(text)} is no path: {reason}. Give the name of a file or folder.")


def program(name: str) -> str:
    """`python` or `segcore`, as a shell needs it: its path where the shell would start another one, or none."""
    own = Path(sys.executable).with_name(name)
    first = shutil.which(name)
    if not own.is_file() or (first is not None and Path(first) == own):
        return name
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)


def local_path(given: str | Path, error: type[SegcoreError] = PathError) -> Path:
    """`path_text` as a path.

    Args:
        given: What the user gave.
        error: Raised in place of `PathError`, with the same message.
    """
    try:
        return Path(path_text(str(given)))
    except PathError as problem:
        raise error(str(problem)) from None


def path_exists(given: str | Path) -> bool:
    """Whether there is something at a path; False for one that can't be of this machine."""
    try:
        return local_path(given).exists()
    except (PathError, OSError, ValueError):
        return False


def cache_folder() -> Path:
    """The folder of what can be made again: `SEGCORE_CACHE`, else the user's cache folder."""
    return Path(os.environ.get("SEGCORE_CACHE") or platformdirs.user_cache_dir("segcore"))


def user_data_folder() -> Path:
    """The folder of what a user made and can't be made again: `SEGCORE_USER_DATA`, else the user's data folder."""
    return Path(os.environ.get("SEGCORE_USER_DATA") or platformdirs.user_data_dir("segcore"))


def _from_file_url(given: str) -> str:
    if not given.lower().startswith("file:/"):
        return given
    url = urlsplit(given)
    if url.netloc not in ("", "localhost"):
        raise PathError(f"{given}: names the machine {url.netloc!r}. Write file:///folder, or the path alone.")
    return unquote(url.path)


def _refuse_address(text: str) -> None:
    address = _ADDRESS.match(text)
    if address:
        scheme = address[1].lower()
        how = f", e.g. with {_PULLS[scheme]!r}" if scheme in _PULLS else ""
        raise PathError(
            f"{text}: an address ({scheme}), and Segcore reads files of this machine. Download it first{how}, then "
            "give the path of the file or folder."
        )


def _refuse_windows(text: str) -> None:
    drive = _DRIVE.fullmatch(text)
    if os.name == "nt" or not (drive or text.startswith("\\\\")):
        return
    hint = (
        f" In WSL it is /mnt/{drive[1].lower()}{drive[2].replace(chr(92), '/')}."
        if drive
        else " Mount the share first."
    )
    raise PathError(f"{text}: a Windows path, and this system has none.{hint} Give the path as `pwd` prints it here.")
