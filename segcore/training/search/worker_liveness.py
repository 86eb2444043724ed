"""Which process trains a trial, and whether it still lives."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from segcore.runs.file_locks import lock

FOLDER = ".workers"


class Worker:
    """A process of a search. It holds a lock on a file of its own for as long as it lives.

    A number of a process would not do: a container gives the same one again after a crash.

    Args:
        search: Folder of the search.
    """

    def __init__(self, search: Path) -> None:
        self.folder = search / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.id = uuid.uuid4().hex
        self._handle = (self.folder / self.id).open("w")
        lock(self._handle)

    @property
    def owner(self) -> dict[str, str | int]:
        """What a trial of this process is marked with."""
        return {"worker": self.id, "host": socket.gethostname(), "pid": os.getpid()}

    def close(self) -> None:
        """The process has no trial any more."""
        self._handle.close()
        (self.folder / self.id).unlink(missing_ok=True)

    def alive(self, owner: Mapping[str, object]) -> bool:
        """Whether the process that marked a trial still runs; one on a machine with another disk is taken to."""
        if owner.get("worker") == self.id:
            return True
        try:
            with (self.folder / str(owner.get("worker"))).open("r+") as handle:
                return not lock(handle, wait=False)
        except FileNotFoundError:
            return owner.get("host") != socket.gethostname()
