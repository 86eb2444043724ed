"""Caches converted models in the user's cache folder, never in a run, which is committed and shared.

A conversion is a folder with a manifest of its files. It is made again when a file is missing, cut off or changed;
where the cache can't be written, a conversion is deleted when its process ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from segcore import atomic_files
from segcore.paths import cache_folder
from segcore.reading import SHAPE_ERRORS, file_digest, parse_json, read_text
from segcore.runs import RunRecord, run_files

_FORMAT: Final = 3  # raised when the graph that is converted changes
_MANIFEST: Final = "manifest.json"
CONVERSIONS_KEPT = 32  # conversions, of 10 to 100 MB each; the longest unused goes first


@dataclass(frozen=True)
class Converted:
    """A converted model on disk.

    Args:
        folder: The folder of its files.
        note: Why it could not be cached; empty where it was.
    """

    folder: Path
    note: str = ""


def conversions() -> Path:
    """The folder of all conversions, in `SEGCORE_CACHE` or else in the user's cache folder."""
    return cache_folder() / "models"


def converted(
    run: RunRecord, packages: tuple[str, ...], size: tuple[int, int], convert: Callable[[Path], None], kind: str = ""
) -> Converted:
    """A run's model in the format of a backend, from the cache or newly converted.

    Args:
        run: The run; its weights and architecture are the key, so a run that is trained again is converted again.
        packages: Packages whose versions decide the conversion, the backend's own first.
        size: (height, width) of the model's input.
        convert: Writes the converted files into a folder.
        kind: What is special about the conversion, such as `int8`.

    Raises:
        RunError: when the run has no weights.
    """
    name = run_files.folder_name(
        f"{run.id}-{'-'.join(filter(None, (packages[0], kind)))}-{size[0]}x{size[1]}-{_key(run, packages, size)}"
    )
    folder = conversions() / name
    if _whole(folder):
        return Converted(folder)
    try:
        with atomic_files.replacing_folder(folder) as fresh:
            convert(fresh)
            _write_manifest(fresh)
    except OSError as error:
        # Another process may have written the same conversion in the meantime.
        if _whole(folder):
            return Converted(folder)
        place = _temporary()
        convert(place)
        return Converted(
            place,
            f"The converted model could not be kept in {folder.parent} ({error.strerror or error}), so it is converted "
            "anew each time. Set SEGCORE_CACHE to a folder that can be written.",
        )
    _forget_old(folder.parent)
    return Converted(folder)


def _key(run: RunRecord, packages: tuple[str, ...], size: tuple[int, int]) -> str:
    fed = run.summary.input
    parts = [_FORMAT, file_digest(run.weights), file_digest(run.path / run_files.MODEL), fed.mean, fed.std, size]
    parts += [f"{package} {version(package)}" for package in (*packages, "torch")]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _write_manifest(folder: Path) -> None:
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    (folder / _MANIFEST).write_text(json.dumps(digests), "utf-8")


def _whole(folder: Path) -> bool:
    """Whether a conversion exists unchanged; marks it as used."""
    try:
        digests = parse_json(read_text(folder / _MANIFEST))
        whole = bool(digests) and all(file_digest(folder / name) == digest for name, digest in digests.items())
    except (OSError, *SHAPE_ERRORS):
        return False
    if whole:
        with suppress(OSError):  # a shared cache may be read-only
            os.utime(folder)
    return whole


def _forget_old(folder: Path) -> None:
    with suppress(OSError):  # another process may delete the same folders
        entries = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."]
        for old in sorted(entries, key=lambda entry: entry.stat().st_mtime_ns)[:-CONVERSIONS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _temporary() -> Path:
    import atexit

    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(atomic_files.scratch_folder("model"))
