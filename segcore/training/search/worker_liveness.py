"""Finding out whether the process that trains a trial still runs."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = ".workers"


class Worker:
    """A process of a search, which locks a file of its own; the system frees the lock however the process ends.

    A process id would not do: a container assigns the same ids again after a crash.

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
        """The mark of this process on its trials."""
        return {"worker": self.id, "host": socket.gethostname(), "pid": os.getpid()}

    def close(self) -> None:
        """Declare that this process trains no trial any more."""
        self._lock.release()
        (self.folder / self.id).unlink(missing_ok=True)

    def alive(self, owner: Mapping[str, object]) -> bool:
        """Whether the process that marked a trial still runs; a process on a machine with another disk counts as such.

        Args:
            owner: The mark on the trial.
        """
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
