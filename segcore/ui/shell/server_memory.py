"""Keeps the server small: what its pages freed goes back to the system."""

from __future__ import annotations

import threading
import time
from typing import Final

from segcore import allocator

ARENAS: Final = 2
LARGE_BLOCK: Final = 16 * 2**20  # bytes: blocks from this size on go back to the system once they are free
EVERY: Final = 15  # s between two times that free memory is given back, which takes up to 0.07 s


def give_freed_memory_back() -> None:
    """A thread gives free memory back from now on; call this once, before other threads start.

    Streamlit runs each page in a thread, and glibc gives threads up to eight arenas a core, none of which shrinks while
    anything at its end is in use: twenty sessions with photos grew to 1.6 GB and kept it, and now hold 1.2 to 1.4
    (`benchmarks/app_sessions.py --uploads bad`, docs/reliability.md). glibc also takes ever larger blocks, up to
    32 MB, from arenas; a model's work on a large picture then took 70 MB more.
    """
    if allocator.set_parameters({allocator.ARENA_MAX: ARENAS, allocator.MMAP_THRESHOLD: LARGE_BLOCK}):
        threading.Thread(target=_repeat, name="freed memory", daemon=True).start()


def _repeat() -> None:
    while True:
        time.sleep(EVERY)
        allocator.give_back()
