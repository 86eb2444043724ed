"""Thumbnails on disk, in the user's cache, so that another server need not make them again; at most `MOST_BYTES`."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path

from segcore.atomic_files import replacing
from segcore.paths import cache_folder

MOST_BYTES = 256 * 2**20  # of all thumbnails together; the oldest go first
PRUNED_EVERY = 500  # thumbnails that are written
_VERSION = 1  # raised when thumbnails are encoded in another way
_LENGTH = 4  # bytes of the photo's length, before the photo and the layer
_written = 0
_counting = threading.Lock()

Pictures = tuple[bytes, bytes]


def stored_thumbnail(token: tuple[Hashable, ...], make: Callable[[], Pictures]) -> Pictures:
    """Return a (JPEG, PNG) from disk, else make and store it.

    Args:
        token: Plain values that stand for all that the pictures depend on, the content of their files included.
        make: Makes the pictures.
    """
    name = hashlib.sha256(repr((_VERSION, token)).encode()).hexdigest()[:32]
    path = folder() / name[:2] / name
    with suppress(OSError):
        pictures = _split(path.read_bytes())
        if pictures is not None:
            return pictures
    photo, layer = make()
    with suppress(OSError), replacing(path) as temporary:  # a cache that can't be written is none
        temporary.write_bytes(len(photo).to_bytes(_LENGTH) + photo + layer)
    _prune_now_and_then()
    return photo, layer


def folder() -> Path:
    """Where thumbnails are."""
    return cache_folder() / "thumbnails"


def _split(data: bytes) -> Pictures | None:
    end = _LENGTH + int.from_bytes(data[:_LENGTH])
    photo, layer = data[_LENGTH:end], data[end:]
    whole = photo.startswith(b"\xff\xd8") and layer.startswith(b"\x89PNG") and layer.endswith(b"IEND\xaeB`\x82")
    return (photo, layer) if whole else None


def _prune_now_and_then() -> None:
    global _written
    with _counting:
        _written += 1
        due = _written % PRUNED_EVERY == 1
    if due:
        prune(MOST_BYTES)


def prune(most: int) -> None:
    """Remove the oldest thumbnails until the others have at most `most` bytes."""
    files = []
    with suppress(OSError):
        for part in os.scandir(folder()):
            with suppress(OSError):  # another process may prune, too
                files += [(entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(part)]
    left = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if left <= most:
            break
        with suppress(OSError):
            Path(path).unlink()
        left -= size
