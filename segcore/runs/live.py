"""What a training tells while it goes on: how far it is, and what it predicts for a few validation images.

The files lie in a folder of their own, so that a new one is no change of the run (`run_record.version`).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from segcore.atomic_files import write_bytes
from segcore.durations import duration
from segcore.reading import SHAPE_ERRORS, parse_json, read_bytes, read_text

FOLDER = "live"
PROGRESS = "progress.json"
PICTURES = "validation.jpg"


@dataclass(frozen=True)
class LiveProgress:
    """How far a training is.

    Args:
        epoch: The current epoch, from 0.
        epochs: Epochs in all.
        step: Batches of this epoch that are done.
        steps: Batches of an epoch.
        left: Seconds until it ends, as it went so far; None before the first step.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    left: float | None = None

    @property
    def share(self) -> float:
        """The part of the training that is done, 0..1."""
        return min(1.0, (self.epoch + self.step / max(1, self.steps)) / max(1, self.epochs))

    def sentence(self) -> str:
        """It in words.

        >>> LiveProgress(2, 20, 12, 46, 310).sentence()
        'epoch 3 of 20, step 12 of 46, about 5 min 10 s left'
        >>> LiveProgress(2, 20, 46, 46).sentence()
        'epoch 3 of 20, validating'
        """
        step = "validating" if self.step >= self.steps else f"step {self.step} of {self.steps}"
        left = "" if self.left is None else f", about {duration(self.left)} left"
        return f"epoch {self.epoch + 1} of {self.epochs}, {step}{left}"


def write_progress(run: Path, progress: LiveProgress) -> None:
    """Write how far the training in the folder `run` is."""
    _write(run, PROGRESS, json.dumps(asdict(progress)).encode())


def read_progress(run: Path) -> LiveProgress | None:
    """How far the training in the folder `run` is; None where it has not told, as one of an older version."""
    try:
        progress = LiveProgress(**parse_json(read_text(run / FOLDER / PROGRESS)))
        progress.sentence(), progress.share
        return progress
    except (OSError, *SHAPE_ERRORS):
        return None


def write_pictures(run: Path, picture: bytes) -> None:
    """Write the JPEG of the last validation."""
    _write(run, PICTURES, picture)


def read_pictures(run: Path) -> bytes | None:
    """The JPEG of the last validation; None before the first one has ended."""
    try:
        return read_bytes(run / FOLDER / PICTURES)
    except OSError:
        return None


def _write(run: Path, name: str, content: bytes) -> None:
    if run.is_dir():  # a folder that was removed is not made again
        write_bytes(run / FOLDER / name, content)


def clear(run: Path) -> None:
    """Remove what a training told, once it has ended."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)
