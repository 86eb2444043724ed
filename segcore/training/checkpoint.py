"""`last.ckpt`: the state of a training, complete enough that resuming it gives bit-identical results.

Everything random is a function of the seed and the position (`ResumableBatchSampler`, `draw_seed`, the seed of each
step), so the position replaces the state of every random generator, those of the data workers included.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from segcore.errors import RunError, first_line
from segcore.runs import RunWriter
from segcore.runs.cli_hints import train_again
from segcore.runs.run_files import CHECKPOINT

VERSION = 1


@dataclass(frozen=True)
class Position:
    """How far a training has come.

    Args:
        epoch: Complete epochs.
        batches: Training batches done in the next epoch.
        step: Optimizer steps done in total.
    """

    epoch: int = 0
    batches: int = 0
    step: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The content of `last.ckpt`.

    Args:
        position: How far the training has come.
        module: State dict of the module: weights, their average, losses and counts of the epoch so far.
        optimizer: State dict of the optimizer.
        scheduler: State dict of the learning-rate scheduler.
        progress: Values of the fields of `Progress`.
    """

    position: Position
    module: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    progress: dict[str, Any]

    def write(self, writer: RunWriter) -> None:
        """Replace the run's `last.ckpt` atomically."""
        content = {name: getattr(self, name) for name in ("module", "optimizer", "scheduler", "progress")}
        with writer.replacing(CHECKPOINT) as path, path.open("wb") as handle:
            torch.save({"version": VERSION, "position": asdict(self.position), **content}, handle)

    @classmethod
    def read(cls, run: Path) -> Checkpoint:
        """Read the run's `last.ckpt` as plain data; no pickled code is executed.

        Raises:
            RunError: when it is missing, damaged, or written by another version of Segcore.
        """
        path, again = run / CHECKPOINT, f"Train it again: {train_again(run)}"
        if not path.is_file():
            raise RunError(
                f"Run {run.name!r} has no {CHECKPOINT}: it is finished, or was stopped before its first checkpoint. "
                f"{again}"
            )
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            version = content.pop("version")
            position = Position(**content.pop("position"))
        except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError, KeyError, ...
            raise RunError(f"{path} can't be read ({first_line(error)}). {again}") from error
        if version != VERSION:
            raise RunError(f"{path} has version {version!r}; this Segcore reads version {VERSION}.")
        return cls(position, **content)


def set_position(trainer: pl.Trainer, position: Position) -> None:
    """Set the counters of Lightning's loops, so that `trainer.fit` starts at a position."""
    loops = trainer.fit_loop.state_dict()
    counters = ("ready", "started", "processed", "completed")
    started = position.epoch + (1 if position.batches else 0)
    epochs = dict(zip(counters, (started, started, position.epoch, position.epoch), strict=True))
    batches = dict.fromkeys(counters, position.batches)
    loops["epoch_progress"] = {"total": epochs, "current": dict(epochs)}
    loops["epoch_loop.batch_progress"] = {"total": batches, "current": dict(batches), "is_last_batch": False}
    steps = loops["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    steps["total"] = {"ready": position.step, "completed": position.step}
    trainer.fit_loop.load_state_dict(loops)
