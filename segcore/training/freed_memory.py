"""Keeps freed memory in the process while it trains, so that the next tensor needs no new pages of the kernel."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# glibc's malloc.h: parameters of mallopt.
_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
_MMAP_MAX: Final = -4

_KEEP: Final = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: 64 * 2**20}  # -1: never trimmed
# What glibc, left alone, comes to where blocks are large; any call of mallopt ends that it adapts (mallopt(3)).
_ADAPTED: Final = {
    _MMAP_MAX: 65_536,
    _MMAP_THRESHOLD: 32 * 2**20,
    _TRIM_THRESHOLD: 64 * 2**20,
    _TOP_PAD: 128 * 2**10,
}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside the block, `free` keeps memory for the next `malloc`; at its end, what is free goes back to the system.

    glibc gives each block of more than 32 MB back to the kernel when it is freed, and tensors of a training step are as
    large: each is then made of new pages, which the kernel zeroes, and a step on the CPU takes half as long again
    (`benchmarks/train_step.py`). The peak is higher for it, since blocks fragment. Where the C library has no `mallopt`
    (macOS, Windows, musl), and where the environment sets glibc's allocator, nothing is changed.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    if library is None or not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim") or _set_by_user():
        yield
        return
    _set(library, _KEEP)
    try:
        yield
    finally:
        _set(library, _ADAPTED)
        library.malloc_trim(0)


def _set(library: ctypes.CDLL, values: dict[int, int]) -> None:
    for parameter, value in values.items():
        library.mallopt(parameter, value)


def _set_by_user() -> bool:
    """Whether the environment sets what `freed_memory_kept` would."""
    names = [name for name in os.environ if name.startswith("MALLOC_")]
    return bool(names) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
