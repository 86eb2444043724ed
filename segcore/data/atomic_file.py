"""Writes a file as a whole or not at all: a reader never sees half of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file beside `path`, which replaces it where the block ends without an error.

    Raises:
        OSError: when the folder can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # a temporary file is private; the data may be read by colleagues
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
