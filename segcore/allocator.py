"""Parameters of glibc's allocator, which can be changed while a process runs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Final

# glibc's malloc.h: parameters of mallopt.
TRIM_THRESHOLD: Final = -1
TOP_PAD: Final = -2
MMAP_THRESHOLD: Final = -3
MMAP_MAX: Final = -4
ARENA_MAX: Final = -8


def set_parameters(values: Mapping[int, int]) -> bool:
    """Set parameters of mallopt(3); returns whether all were.

    They are not where the C library has none (macOS, Windows, musl), and where the environment sets the allocator.
    """
    library = _library()
    return library is not None and all([library.mallopt(parameter, value) for parameter, value in values.items()])


def give_back() -> None:
    """Give free memory back to the system, where `set_parameters` works."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if os.name == "posix" else None
    known = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if known and not _set_by_user() else None


def _set_by_user() -> bool:
    """Whether the environment sets what `set_parameters` would."""
    names = [name for name in os.environ if name.startswith("MALLOC_")]
    return bool(names) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
