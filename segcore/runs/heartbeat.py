"""Tells a training that goes on from one that died: its process writes a file again and again while it lives."""

from __future__ import annotations

import csv
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from segcore import atomic_files
from segcore.runs import run_files
from segcore.runs.summary import Summary

FILE = "heartbeat.json"
INTERVAL = 10.0  # seconds between two beats
SILENT = 120.0  # seconds without one after which a training is dead; a disk's clock may differ a little from this one's
UNKNOWN = 86_400.0  # seconds without a change after which a training that has no heartbeat (an older one) is dead
DIED = "its process ended without a word: killed, out of memory, or the machine went down"


@contextmanager
def beating(folder: Path) -> Iterator[None]:
    """Inside the block, a thread keeps the heartbeat of the run in `folder` fresh; the block removes it at its end."""
    path, over = folder / FILE, threading.Event()
    atomic_files.write_text(path, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))

    def beat() -> None:
        while not over.wait(INTERVAL):
            with suppress(OSError):  # a disk that is away for a while
                os.utime(path)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        path.unlink(missing_ok=True)


def trained_by(folder: Path) -> str | None:
    """The living process that trains the run in a folder, in words; None where there is none."""
    path = folder / FILE
    with suppress(OSError):
        silent = time.time() - path.stat().st_mtime
        owner = _owner(path)
        if silent <= SILENT and _may_live(owner):
            return f"process {owner.get('pid', '?')} on {owner.get('host', '?')}"
    return None


def is_dead(folder: Path) -> bool:
    """Whether the training in a folder, whose summary says that it goes on, does not."""
    if (folder / FILE).exists():
        return trained_by(folder) is None
    with suppress(OSError):
        newest = max((folder / name).stat().st_mtime for name in run_files.MARKS if (folder / name).exists())
        return time.time() - newest > UNKNOWN
    return False


def died(folder: Path, summary: Summary) -> Summary:
    """The summary of a training that died: interrupted, with what `metrics.csv` tells of its epochs."""
    rows = _rows(folder / run_files.METRICS)
    scores = [float(row["val_miou"] or "nan") for row in rows]
    known = [epoch for epoch, score in enumerate(scores) if score == score]
    return summary.model_copy(
        update={
            "status": "interrupted",
            "error": DIED,
            "epochs": len(rows),
            "best_epoch": max(known, key=lambda epoch: scores[epoch], default=None),
            "train_seconds": round(sum(float(row["seconds"] or 0) for row in rows), 3),
        }
    )


def _owner(path: Path) -> Mapping[str, object]:
    with suppress(ValueError, OSError):
        values = json.loads(path.read_text("utf-8"))
        return values if isinstance(values, dict) else {}
    return {}


def _may_live(owner: Mapping[str, object]) -> bool:
    """Whether a process may live: it does, or it is on another machine."""
    pid = owner.get("pid")
    here = owner.get("host") == socket.gethostname() and os.name == "posix"
    if not here or not isinstance(pid, int) or pid < 1:
        return True
    try:
        os.kill(pid, 0)
        return not _has_ended(pid)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True


def _has_ended(pid: int) -> bool:
    """Whether a process has ended and only its number is left, since nobody has asked for its exit code yet."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()[0] == "Z"
    return False


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of `metrics.csv`; none where it is missing."""
    rows: list[dict[str, str]] = []
    with suppress(OSError, UnicodeDecodeError, csv.Error), path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
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
