"""Locks between processes, held through an open file: the system lets go of them when a process ends in any way."""

from __future__ import annotations

import time
from typing import IO, Any


def lock(handle: IO[Any], *, wait: bool = True) -> bool:
    """Make an open file ours until it is closed.

    Args:
        handle: Open for writing.
        wait: For another process to let go of it.

    Returns:
        Whether it is ours; always so after waiting.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_on_windows(handle, wait)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(handle: IO[Any], wait: bool) -> bool:
    import msvcrt

    handle.seek(0)
    while True:
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            if not wait:
                return False
            time.sleep(0.05)
        else:
            return True
