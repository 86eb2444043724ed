"""Keeps freed memory in the process while it trains, so that the next tensor needs no new pages of the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from segcore.allocator import MMAP_MAX, MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD, give_back, set_parameters

_KEEP: Final = {MMAP_MAX: 0, TRIM_THRESHOLD: -1, TOP_PAD: 64 * 2**20}  # -1: never trimmed
# What glibc, left alone, comes to where blocks are large; setting one of these ends that it adapts (mallopt(3)).
_ADAPTED: Final = {
    MMAP_MAX: 65_536,
    MMAP_THRESHOLD: 32 * 2**20,
    TRIM_THRESHOLD: 64 * 2**20,
    TOP_PAD: 128 * 2**10,
}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside the block, `free` keeps memory for the next `malloc`; at its end, what is free goes back to the system.

    glibc gives each block of more than 32 MB back to the kernel when it is freed, and tensors of a training step are as
    large: each is then made of new pages, which the kernel zeroes, and a step on the CPU takes half as long again
    (`benchmarks/train_step.py`). The peak is higher for it, since blocks fragment. Nothing is changed where
    `set_parameters` changes nothing.
    """
    kept = set_parameters(_KEEP)
    try:
        yield
    finally:
        if kept:
            set_parameters(_ADAPTED)
            give_back()
