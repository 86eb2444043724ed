"""Names inside a run folder, and writing so that a reader never sees half a file."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

SUMMARY = "summary.json"
CONFIG = "config.yaml"
METRICS = "metrics.csv"
MODEL = "config.json"
WEIGHTS = "model.safetensors"
CHECKPOINT = "last.ckpt"
EVALUATION = "evaluation"
IMAGES = "images.parquet"
CONFUSION = "confusion.parquet"
BOUNDARY = "boundary.parquet"
CALIBRATION = "calibration.parquet"
PREDICTIONS = "predictions"
CONFIDENCE = "confidence"
MARKS = (SUMMARY, CONFIG, METRICS, MODEL, WEIGHTS)  # a folder with any of these is meant to be a run

_UNSAFE = re.compile(r'[%/\\:*?"<>|\x00-\x1f]|^\.')  # refused or special in a file name somewhere


def file_name(sample_id: str, suffix: str = ".png") -> str:
    """A sample id as a file name; `sample_id` reads it back.

    >>> file_name("seq/0016E5_07961")
    'seq%2F0016E5_07961.png'
    """
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", sample_id) + suffix


def sample_id(name: str, suffix: str = ".png") -> str:
    """The sample id that `file_name` made a file name of.

    >>> sample_id("seq%2F0016E5_07961.png")
    'seq/0016E5_07961'
    """
    return unquote(name.removesuffix(suffix))


def folder_name(text: str) -> str:
    """Text as the name of a folder: characters that don't belong in one become dashes; empty when nothing is left.

    >>> folder_name("my street, U-Net")
    'my-street-U-Net'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")


def cell(value: object) -> object:
    """A value of a CSV table; `None` and NaN are left empty."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as handle:
        temporary = Path(handle.name)
    try:
        yield temporary
        temporary.chmod(0o644)  # a temporary file is private; a run may be read by colleagues
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """The same for a whole folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    fresh, old = work / "new", work / "old"
    fresh.mkdir()
    try:
        yield fresh
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
