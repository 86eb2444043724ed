"""Checks whether the process that trains a trial still runs."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = ".workers"


class Worker:
    """A process of a search. It locks a file; the system frees the lock however the process ends.

    A process id would not work, because a restarted container assigns the same ids again.

    Args:
        search: The search's folder.
    """

    def __init__(self, search: Path) -> None:
        self.folder = search / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid.uuid4().hex
        self._lock = FileLock(self.folder / self.id, thread_local=False)
        self._lock.acquire()

    @property
    def owner(self) -> dict[str, str | int]:
        """The attributes that mark a trial as owned by this process."""
        return {"worker": self.id, "host": socket.gethostname(), "pid": os.getpid()}

    def close(self) -> None:
        """Release the lock: this process trains no more trials."""
        self._lock.release()
        (self.folder / self.id).unlink(missing_ok=True)

    def alive(self, owner: Mapping[str, object]) -> bool:
        """Whether the owner stored in a trial still runs; one on a machine with another disk is assumed to run."""
        if owner.get("worker") == self.id:
            return True
        path = self.folder / str(owner.get("worker"))
        if not path.exists():
            return owner.get("host") != socket.gethostname()
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
