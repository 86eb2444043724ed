"""Turns the error that ended a training into a sentence a user can act on."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from segcore.atomic_files import unwritable
from segcore.errors import ConfigError, SegcoreError, TrainingError
from segcore.runs.cli_hints import go_on, train_again
from segcore.training.distributed import LOST, is_lost

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE)
_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|StorageFull", re.IGNORECASE)
_WRITER = re.compile(r"unexpected pos \d+ vs \d+|PytorchStreamWriter failed|inline_container", re.IGNORECASE)
_LITTLE = 64_000_000  # bytes; a checkpoint needs more
_WORKER = "DataLoader worker (pid"
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|bad_alloc|Cannot allocate memory", re.IGNORECASE)


def cause(error: BaseException, run: Path) -> str | None:
    """What happened and what to do, in one line; None when the error is not a known one.

    Args:
        error: The exception.
        run: Folder of the run, for the command that resumes it.
    """
    text = str(error)
    again, anew = go_on(run), f"Train it again, changed so: {train_again(run)}"
    if isinstance(error, SegcoreError):
        if "Original Traceback" in text:  # raised in a data worker, which sends its traceback as text
            text = text.strip().splitlines()[-1].partition(": ")[2]
        return f"{text} {anew}" if isinstance(error, (TrainingError, ConfigError)) else text
    failed_write = _failed_write(error, run)
    if failed_write:
        return f"{failed_write} {again}"
    if _WORKER in text:  # checked before memory errors, because its text mentions shared memory
        workers = " --workers 0" if "--resume" in again else ""
        return (
            "A process that augments images died, most likely of too little memory. Use fewer (--workers 1, or 0 for "
            f"none), or keep fewer images in memory (--cache-mb). {again}{workers}"
        )
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _NO_MEMORY.search(text):
        return (
            "Out of memory. Take fewer images a step (--batch-size; --accumulate 2 makes up for half), a smaller "
            f"--image-size, or keep fewer images in memory (--cache-mb). {anew}"
        )
    return LOST if is_lost(error) else None


def _failed_write(error: BaseException, run: Path) -> str | None:
    """The system's reason for a write that failed, however libraries wrapped it; None where it was no write.

    torch's writer hides a full disk behind "unexpected pos 64 vs 0", safetensors' behind its own error.
    """
    links = list(_chain(error))
    for link in links:
        if (isinstance(link, OSError) and link.errno in _FULL) or _NO_SPACE.search(str(link)):
            name = getattr(link, "filename", None)
            return f"The disk of {Path(name).parent if name else run} is full. Make room."
    for link in links:
        if isinstance(link, OSError) and link.errno in _NOT_WRITABLE and link.filename:
            return f"{link.filename}: {link.strerror}. Make it writable, or begin anew with another --out."
    if any(_WRITER.search(str(link)) for link in links):
        reason = unwritable(run)
        full = reason is None and shutil.disk_usage(run if run.exists() else Path.cwd()).free < _LITTLE
        return (
            f"The disk of {run} is full. Make room." if full else f"A file of {run} can't be written{_because(reason)}."
        )
    return None


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ", most likely because its disk was full; it has room now"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised from or while handling."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
