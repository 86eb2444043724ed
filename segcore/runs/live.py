"""What a training tells while it goes on: how far it is, and what it predicts for a few validation images.

The files lie in a folder of their own, so that a new one is no change of the run (`run_record.version`).
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from segcore.durations import duration
from segcore.runs import run_files

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
        'epoch 3 of 20, step 12 of 46, about 5 min left'
        >>> LiveProgress(2, 20, 46, 46).sentence()
        'epoch 3 of 20, validating'
        """
        step = "validating" if self.step >= self.steps else f"step {self.step} of {self.steps}"
        left = "" if self.left is None else f", about {duration(self.left)} left"
        return f"epoch {self.epoch + 1} of {self.epochs}, {step}{left}"


def write_progress(run: Path, progress: LiveProgress) -> None:
    """Write how far the training in the folder `run` is."""
    run_files.write_text(run / FOLDER / PROGRESS, json.dumps(asdict(progress)))


def read_progress(run: Path) -> LiveProgress | None:
    """How far the training in the folder `run` is; None where it has not told, as one of an older version."""
    try:
        return LiveProgress(**json.loads((run / FOLDER / PROGRESS).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_pictures(run: Path, picture: bytes) -> None:
    """Write the JPEG of the last validation."""
    with run_files.replacing(run / FOLDER / PICTURES) as path:
        path.write_bytes(picture)


def read_pictures(run: Path) -> bytes | None:
    """The JPEG of the last validation; None before the first one has ended."""
    try:
        return (run / FOLDER / PICTURES).read_bytes()
    except OSError:
        return None


def clear(run: Path) -> None:
    """Remove what a training told, once it has ended."""
    shutil.rmtree(run / FOLDER, ignore_errors=True)
