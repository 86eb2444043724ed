"""Reads files and texts that may be anything.

What such a reader raises is decided here: `OSError` where there is no file that can be read, `ValueError` where its
content is no such text. Callers turn these into errors of their own, with a way out. SECURITY.md states the limits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import lzma
import os
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

LARGEST_FILE = 1 << 30  # bytes of one file of a dataset or run; larger ones are no pictures and no tables
LARGEST_TEXT = 256 << 20  # bytes; COCO's annotations of 118,000 images have 470 MB in all, 20 MB without polygons
LARGEST_RECIPE = 1 << 18  # bytes of a recipe, a search space, the config of a run
MOST_NODES = 1_000_000  # of a YAML document, each alias counted as what it stands for
DEEPEST = 100  # levels of a YAML document

# What decoders of pictures, arrays and archives raise on damaged bytes; MemoryError where a header claims too much.
DECODER_ERRORS = (
    *(OSError, EOFError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, AssertionError),
    *(RuntimeError, MemoryError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tokenize.TokenError),
)

# What values of a document raise where they are taken apart and have another shape; OverflowError is int(1e999).
SHAPE_ERRORS = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)

_KINDS = {stat.S_IFIFO: "pipe", stat.S_IFCHR: "device", stat.S_IFBLK: "device", stat.S_IFSOCK: "socket"}


def open_file(path: str | Path) -> IO[bytes]:
    """Open a file for reading its bytes; does not wait for the writer of a pipe.

    Raises:
        OSError: when it is missing, can't be read, or is a folder, pipe, device or socket.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        check_kind(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_kind(status: os.stat_result, path: str | Path) -> None:
    """Raise `OSError` where the status is not that of a file."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "thing of another kind")
        raise OSError(errno.EINVAL, f"it is a {kind} and no file", str(path))


def read_bytes(path: str | Path, most: int = LARGEST_FILE) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: as `open_file`, and when there are more than `most`.
    """
    with open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size:,} bytes; at most {most:,} are read", str(path))
        return stream.read()


def read_text(path: str | Path, most: int = LARGEST_TEXT) -> str:
    """The text of a file in UTF-8.

    Raises:
        OSError: as `read_bytes`.
        ValueError: when it is not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8")


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex, computed once as long as its size and time of change stay.

    Raises:
        OSError: when it can't be read.
    """
    status = path.stat()
    return _digest_at(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _digest_at(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_json(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:  # noqa: ANN401
    """The value of a JSON document; `pairs` makes an object of its keys and values.

    Raises:
        ValueError: when it is no JSON, has a number of more than 4,300 digits, or is nested too deep.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def parse_yaml(text: str, loader: Any = None) -> Any:  # noqa: ANN401
    """The value of a YAML document.

    Args:
        text: The document.
        loader: PyYAML's safe loader, or one in Python that is as safe.

    Raises:
        YamlError: when it is no YAML, holds a value that is none, or has more than `MOST_NODES` values or `DEEPEST`
            levels, aliases and merged keys counted as what they stand for.
    """
    import yaml

    root = compose_yaml(text, loader)
    try:
        return None if root is None else (loader or yaml.SafeLoader)("").construct_document(root)
    except (yaml.YAMLError, *SHAPE_ERRORS, RecursionError) as error:
        raise YamlError(error) from None


def compose_yaml(text: str, loader: Any = None) -> Any:  # noqa: ANN401
    """The root node of a YAML document; None of an empty one.

    Args:
        text: The document.
        loader: As in `parse_yaml`.

    Raises:
        YamlError: as `parse_yaml`.
    """
    import yaml

    try:
        root = yaml.compose(text, loader or _safe_loader(text))
    except (yaml.YAMLError, *SHAPE_ERRORS, RecursionError) as error:
        raise YamlError(error) from None
    _count(root)
    return root


class YamlError(ValueError):
    """A text is no YAML.

    Args:
        error: What PyYAML raised.

    Attributes:
        line: Number of the line, from 1; None where it isn't known.
        problem: What is wrong, one line.
    """

    def __init__(self, error: Exception) -> None:
        mark = getattr(error, "problem_mark", None)
        self.line: int | None = mark.line + 1 if mark else None
        problem = (
            "it is nested too deep" if isinstance(error, RecursionError) else getattr(error, "problem", None) or error
        )
        self.problem = " ".join(str(problem).split())[:200]
        super().__init__(self.problem + (f", line {self.line}" if self.line else ""))


def _safe_loader(text: str) -> Any:  # noqa: ANN401
    """The loader of a YAML document; refuses one of more than `DEEPEST` levels.

    libyaml's where it is built in: ten times as fast, and as safe, but that deep nesting ends the process. So levels
    are counted first, by events, which are read without recursion.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(text, loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} levels")
    return loader


def _count(root: object) -> None:
    """Refuse a document, given by its root node, that its aliases make endless or huge."""
    left: list[tuple[object, int]] = [(root, 0)]
    nodes = 0
    while left:
        value, depth = left.pop()
        nodes += 1
        if depth > DEEPEST or nodes > MOST_NODES:
            what = f"{MOST_NODES:,} values" if nodes > MOST_NODES else f"{DEEPEST} levels"
            raise YamlError(ValueError(f"it has more than {what}; aliases count as what they stand for"))
        parts = value if isinstance(value, tuple) else getattr(value, "value", ())  # a pair, a node, or no node at all
        if not isinstance(parts, str):
            left += [(part, depth + 1) for part in parts]
