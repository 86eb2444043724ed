"""Writes files and folders whole or not at all, and clears what a process half-made before it was killed.

What is not whole yet has a hidden name, `.NAME-xxxxxxxx.tmp`, beside its place. Its maker holds a lock on it, which the
system frees when the process ends, however it ends. Whoever writes into that folder next removes what is not locked.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TEMPORARY = re.compile(r"\..*-[a-z0-9_]{8}\.tmp", re.DOTALL)
_LONGEST = 60  # characters of a name that its temporary name keeps; file systems allow 255 bytes
_LOCK, _NEW, _OLD = "lock", "new", "old"  # in the temporary folder of a folder
_PAUSE = 30.0  # seconds in which a process looks for leftovers in a folder once, however much it writes there
_looked: dict[str, float] = {}  # folder -> when


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path; it replaces `path` when the block succeeds and is removed when the block fails."""
    with _naming_a_full_disk(path), _file_beside(path) as temporary:
        yield temporary
        temporary.chmod(0o644)  # a temporary file is private; a run may be read by colleagues
        temporary.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


@contextmanager
def replacing_folder(path: Path, *, over: bool = True) -> Iterator[Path]:
    """Give an empty temporary folder of the same name, which becomes `path` when the block succeeds, else is removed.

    Args:
        path: The folder, which may exist.
        over: Replace a folder that holds something; else that raises `OSError`.
    """
    with _naming_a_full_disk(path), _locked_folder(path.parent, path.name) as work:
        fresh, old = work / _NEW / path.name, work / _OLD / path.name
        for folder in (fresh, old.parent):
            folder.mkdir(parents=True)
        yield fresh
        try:
            fresh.rename(path)  # a missing or an empty folder gives way
        except OSError as error:
            if not over or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            path.rename(old)
            fresh.rename(path)


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Give an empty folder among the system's temporary files, which is removed at the end of the block."""
    place, name = Path(tempfile.gettempdir()), f"segcore-{name}"
    with _naming_a_full_disk(place), _locked_folder(place, name, start=f".{name}") as work:
        (work / _NEW).mkdir()
        yield work / _NEW


def clear_leftovers(folder: Path, start: str = ".") -> list[Path]:
    """Remove what processes that ended have half-made in a folder; returns what was removed.

    A folder whose old content was moved away when its process was killed gets the new content, which is whole then.

    Args:
        folder: The folder, which may be missing; folders in it are left alone.
        start: How the names of what is removed begin.
    """
    removed = []
    with suppress(OSError):
        entries = [entry for entry in os.scandir(folder) if entry.name.startswith(start)]
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and _remove(Path(entry.path), entry.is_dir(follow_symlinks=False)):
                removed.append(Path(entry.path))
    return removed


def unwritable(folder: Path) -> str | None:
    """Why no file can be made in a folder, which may have to be made first; None where one can.

    A file is made and removed in the nearest folder that exists: permissions alone don't tell of read-only disks,
    `/proc` or a full disk.
    """
    above = folder
    try:
        above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not above.is_dir():
            return f"{above} is a file, no folder"
        with tempfile.TemporaryFile(dir=above) as file:
            file.write(bytes(4096))
    except OSError as error:
        return f"no file can be made in {above} ({error.strerror or error})"
    return None


@contextmanager
def _naming_a_full_disk(path: Path) -> Iterator[None]:
    """Say in the error of a full disk what could not be written: the system, asked to write an open file, does not."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(error.errno, "the disk is full; make room", str(path)) from error


def _clear_now_and_then(folder: Path, start: str = ".") -> None:
    key, now = str(folder.absolute()), time.monotonic()
    if now - _looked.get(key, -_PAUSE) >= _PAUSE:
        _looked[key] = now
        clear_leftovers(folder, start)


@contextmanager
def _file_beside(path: Path) -> Iterator[Path]:
    """A new temporary file beside a path, locked; removed at the end of the block unless it was renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_now_and_then(path.parent)
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_LONGEST]}-", suffix=".tmp")
        if _lock(handle) is not False and _is_at(handle, name):  # else a process that clears was faster than the lock
            break
        os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def _locked_folder(place: Path, name: str, start: str = ".") -> Iterator[Path]:
    """A new temporary folder, locked; removed at the end of the block."""
    place.mkdir(parents=True, exist_ok=True)
    _clear_now_and_then(place, start)
    while True:
        work = Path(tempfile.mkdtemp(dir=place, prefix=f".{name[:_LONGEST]}-", suffix=".tmp"))
        try:
            handle = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # cleared before it was locked
            continue
        except OSError:
            shutil.rmtree(work, ignore_errors=True)
            raise
        if _lock(handle) is not False and _is_at(handle, work / _LOCK):
            break
        os.close(handle)
    try:
        os.write(handle, name.encode())  # tells whoever clears up where the folder belongs
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(handle)


def _remove(path: Path, is_folder: bool) -> bool:
    """Remove a temporary file or folder unless its maker holds its lock; returns whether it was removed."""
    with suppress(OSError):
        flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if is_folder else 0)
        handle = os.open(path / _LOCK if is_folder else path, flags, 0o600)
        try:
            if _lock(handle) is not True:
                return False
            if is_folder:
                _finish_exchange(path, os.read(handle, 1024).decode())
                shutil.rmtree(path)
            else:
                path.unlink()
            return True
        finally:
            os.close(handle)
    return False


def _finish_exchange(work: Path, name: str) -> None:
    """Put new content in its place, if its process was killed after it had moved the old one away."""
    target = work.parent / name
    if name and (work / _OLD / name).exists() and not target.exists():
        (work / _NEW / name).rename(target)


def _lock(handle: int) -> bool | None:
    """Lock an open file without waiting; False where another process has it, None where the disk has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(handle: int, path: str | Path) -> bool:
    """Whether a path still names an open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), os.stat(path))  # noqa: PTH116
    return False
