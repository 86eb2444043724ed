"""Turns the error that ended a training into a sentence a user can act on."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import torch

from segcore.errors import SegcoreError
from segcore.training.distributed import LOST, is_lost

_WORKER = "DataLoader worker (pid"
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|bad_alloc|Cannot allocate memory", re.IGNORECASE)


def cause(error: BaseException, run: Path) -> str | None:
    """What happened and what to do, in one line; None when the error is not a known one.

    Args:
        error: The exception.
        run: Folder of the run, for the command that resumes it.
    """
    text = str(error)
    again = f"Go on with: python train.py --resume {run}"
    if isinstance(error, SegcoreError):
        if "Original Traceback" in text:  # raised in a data worker, which sends its traceback as text
            text = text.strip().splitlines()[-1].partition(": ")[2]
        return text
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = Path(error.filename).parent if error.filename else run
        return f"The disk of {where} is full. Make room. {again}"
    if _WORKER in text:  # checked before memory errors, because its text mentions shared memory
        return (
            "A process that augments images died, most likely of too little memory. Use fewer (--workers 1, or 0 for "
            f"none), or keep fewer images in memory (--cache-mb). {again} --workers 0"
        )
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _NO_MEMORY.search(text):
        return (
            "Out of memory. Take fewer images a step (--batch-size; --accumulate 2 makes up for half), a smaller "
            "--image-size, or keep fewer images in memory (--cache-mb)."
        )
    return LOST if is_lost(error) else None
