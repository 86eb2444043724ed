"""One process at a time writes a run, and others are told which one; a training that died is told from a living one.

A writer locks a file in the run's folder. The system frees the lock when the process ends, however it ends, so that on
one machine the lock decides alone. The locks of some network disks don't reach other machines: a writer also keeps a
heartbeat, a file that says who it is and is touched again and again, and that of another machine counts while it beats.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from segcore import atomic_files
from segcore.errors import RunError, plain
from segcore.reading import parse_json, read_text
from segcore.runs import live, run_files
from segcore.runs.json_documents import read_document, write_document
from segcore.runs.summary import Summary

LOCK = ".lock"
FILE = "heartbeat.json"
INTERVAL = 10.0  # seconds between two beats
SILENT = 120.0  # seconds without one after which a writer is dead; a disk's clock may differ a little from this one's
UNKNOWN = 86_400.0  # seconds without a change after which a training that has no heartbeat (an older one) is dead
WAIT = 5.0  # seconds that a writer waits for another one, whose write may be short
DIED = "its process ended without a word: killed, out of memory, or the machine went down"
NOT_SCORED = "trained, but its process ended without a word while it was being scored"


_held: dict[Path, int | None] = {}  # lock file -> its number on the disk, of the runs that this process writes


@dataclass
class Hold:
    """A run that this process may write.

    Args:
        folder: The run's folder; whoever renames it says so here.
    """

    folder: Path


@contextmanager
def writing(folder: Path, doing: str, *, wait: float | None = None) -> Iterator[Hold]:
    """Inside the block, no other process writes the run in a folder; within a thread, blocks may be nested.

    The first thing done is to put in order what the last writer left when it was killed: a training is written down as
    interrupted, and half-made files are removed.

    Args:
        folder: The run's folder.
        doing: What is done, for other people: `trains it`.
        wait: Seconds to wait for another writer; None waits for a short write.

    Raises:
        RunError: when another process writes the run (the message says which one), or the folder is gone or can't be
            written.
    """
    from filelock import FileLock, Timeout

    # One instance a folder, which knows whether this thread has the lock; other threads are like other processes.
    place = folder.absolute() / LOCK
    lock = FileLock(place, is_singleton=True)
    if not folder.is_dir() or (lock.is_locked and _file_number(place) != _held.get(place)):
        raise RunError(
            f"The folder of run {folder.name!r} is gone: {folder}. It was removed or renamed meanwhile, so nothing can "
            "be written into it."
        )
    if lock.is_locked:
        yield Hold(folder)
        return
    patience = WAIT if wait is None else wait
    deadline = time.monotonic() + patience
    try:
        lock.acquire(timeout=patience, poll_interval=0.1)
    except Timeout:
        raise _busy(folder) from None
    except OSError as error:  # a folder of somebody else, a read-only or a full disk
        raise _unwritable(folder, error) from None
    _held[place] = _file_number(place)
    try:
        while _other_machine(folder):
            if time.monotonic() >= deadline:
                raise _busy(folder)
            time.sleep(0.5)
        _settle(folder)
        hold = Hold(folder)
        with _beating(hold, doing):
            yield hold
    finally:
        _held.pop(place, None)
        lock.release()


def writer_of(folder: Path) -> str | None:
    """The living process that writes the run in a folder, and what it does, in words; None where there is none."""
    with suppress(OSError):
        path = folder / FILE
        silent = time.time() - path.stat().st_mtime
        owner = _owner(path)
        locked = _is_locked(folder) if owner.get("host") == socket.gethostname() and "doing" in owner else None
        if silent <= SILENT if locked is None else locked:
            doing = f" {owner['doing']} since {owner['since']}" if "doing" in owner else ""
            return f"process {owner.get('pid', '?')} on {owner.get('host', '?')}{doing}"
    return None


def check_free(folder: Path) -> None:
    """Refuse early what needs a run that another process writes; only `writing` keeps it free.

    Raises:
        RunError: when another process writes it; the message says which one.
    """
    if writer_of(folder) is not None:
        raise _busy(folder)


def as_it_is(folder: Path, summary: Summary) -> Summary:
    """The summary of a run in a folder; of a training that died, what there is of it in place of what it says."""
    unscored = summary.status == "finished" and summary.val is None and summary.test is None  # of an older Segcore
    if summary.status == "training":
        dead = is_dead(folder)
    else:
        dead = unscored and (folder / run_files.CHECKPOINT).exists() and writer_of(folder) is None
    return _died(folder, summary) if dead else summary


def is_dead(folder: Path) -> bool:
    """Whether the training in a folder, whose summary says that it goes on, does not."""
    if (folder / FILE).exists():
        return writer_of(folder) is None
    with suppress(OSError):
        newest = max((folder / name).stat().st_mtime for name in run_files.MARKS if (folder / name).exists())
        return time.time() - newest > UNKNOWN
    return False


def never_began(folder: Path) -> bool:
    """Whether a folder is of a training that was killed before its first step: there is nothing to lose in it."""
    begun = (folder / LOCK).exists() and not _has_results(folder) and not run_files.made_by(folder)
    return begun and _is_locked(folder) is False


def remove_if_never_began(folder: Path) -> bool:
    """Remove the folder of a training that never began, so that another may have its name; returns whether it did."""
    place = folder / LOCK
    lock_file = _file_number(place)
    if not never_began(folder):
        return False
    with suppress(RunError, OSError), writing(folder, "removes it", wait=0):
        # Another process may have done the same, and begun a training under this name.
        if _file_number(place) == lock_file and not _has_results(folder):
            shutil.rmtree(folder)
            return True
    return False


def _died(folder: Path, summary: Summary) -> Summary:
    """The summary of a training that died: interrupted, with what `metrics.csv` tells of its epochs."""
    rows = _rows(folder / run_files.METRICS)
    scores = [float(row["val_miou"] or "nan") for row in rows]
    return summary.model_copy(
        update={
            "status": "interrupted",
            "error": DIED if summary.best_epoch is None else NOT_SCORED,
            "epochs": len(rows),
            "best_epoch": summary.kept_epoch(scores),
            "train_seconds": round(sum(float(row["seconds"] or 0) for row in rows), 3),
        }
    )


def _has_results(folder: Path) -> bool:
    names = {*run_files.MARKS, run_files.CHECKPOINT, run_files.EVALUATION, run_files.NOTE} - {run_files.CONFIG}
    return any((folder / name).exists() for name in names)


def _busy(folder: Path) -> RunError:
    writer = writer_of(folder) or "another process writes it"
    where = " If it was killed there, that is known after two minutes." if _other_machine(folder) else ""
    return RunError(
        f"Run {folder.name!r} is in use: {writer}. Only one process at a time writes a run: wait until that one has "
        f"ended, or stop it.{where}"
    )


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(f"Run {folder.name!r} can't be written: {plain(error)} Copy it to a folder that can.")


def _other_machine(folder: Path) -> bool:
    """Whether a process of another machine writes a run, whose lock may not reach this one."""
    return _owner(folder / FILE).get("host") != socket.gethostname() and writer_of(folder) is not None


def _settle(folder: Path) -> None:
    """Put in order what a writer left that was killed. The caller holds the lock."""
    for place in (folder, folder / run_files.EVALUATION):
        atomic_files.clear_leftovers(place)
    live.clear(folder)
    with suppress(RunError):  # a summary that can't be read is told of by whoever reads the run
        path = folder / run_files.SUMMARY
        summary = read_document(path, Summary, "") if (folder / FILE).exists() and path.is_file() else None
        if summary and summary.status == "training":
            write_document(path, _died(folder, summary))


@contextmanager
def _beating(hold: Hold, doing: str) -> Iterator[None]:
    """Inside the block, a thread keeps the heartbeat fresh; the block removes it at its end."""
    over = threading.Event()
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "doing": doing}
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    try:
        atomic_files.write_text(hold.folder / FILE, json.dumps(owner | {"since": since}))
    except OSError as error:
        raise _unwritable(hold.folder, error) from None

    def beat() -> None:
        while not over.wait(INTERVAL):
            with suppress(OSError):  # a disk that is away for a while
                os.utime(hold.folder / FILE)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        (hold.folder / FILE).unlink(missing_ok=True)


def _is_locked(folder: Path) -> bool | None:
    """Whether a process of this machine, which may be this one, holds the lock of a run; None where disks have none."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no file can be locked here
        return None
    finally:
        os.close(handle)
    return False


def _file_number(path: Path) -> int | None:
    """What a disk tells a file from a later one of the same name by; None where it is missing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return path.stat().st_ino
    return None


def _owner(path: Path) -> dict[str, object]:
    with suppress(ValueError, OSError):
        values = parse_json(read_text(path))
        return values if isinstance(values, dict) else {}
    return {}


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of `metrics.csv`; none where it is missing."""
    rows: list[dict[str, str]] = []
    with suppress(OSError, ValueError, csv.Error):
        for row in csv.DictReader(io.StringIO(read_text(path), newline="")):
            if not all(_is_number(row.get(name)) for name in ("epoch", "val_miou", "seconds")):
                break  # the last one, cut off
            rows.append(row)
    return rows


def _is_number(cell: str | None) -> bool:
    """Whether a cell of a table holds a number, or is empty as for NaN."""
    try:
        return cell is not None and float(cell or "nan") is not None
    except ValueError:
        return False
