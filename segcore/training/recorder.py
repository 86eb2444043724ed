"""What happens around the steps of a training: rows, best weights, the epoch's line, a clean stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import lightning.pytorch as pl

from segcore.metrics import scores
from segcore.models import save_model
from segcore.runs import RunWriter
from segcore.training.module import SegmentationModule
from segcore.training.report import Reporter


class Interrupted(Exception):
    """The user asked to stop; raised between two steps."""


@dataclass
class StopRequest:
    """Whether Ctrl-C (or SIGTERM) came; a second Ctrl-C ends the program at once."""

    asked: bool = False

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Note the signals instead of dying of them, inside the block; in the main thread only."""

        def note(number: int, frame: FrameType | None) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True

        try:
            before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread, which alone gets signals
            before = {}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass
class Progress:
    """How far a training came, and what it cost."""

    epochs: int = 0
    best_epoch: int | None = None
    best_miou: float = -1.0
    seconds: float = 0.0
    waited: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def wait_share(self) -> float:
        """Share of the time in which a step waited for data."""
        return self.waited / self.seconds if self.seconds else 0.0


class Recorder(pl.Callback):
    """Writes a row of metrics an epoch, and the weights whenever validation mIoU is the best so far."""

    def __init__(self, writer: RunWriter, reporter: Reporter, stop: StopRequest, progress: Progress) -> None:
        self.writer, self.reporter, self.stop, self.progress = writer, reporter, stop, progress
        self._epoch_started = self._step_ended = self._lr = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._epoch_started = self._step_ended = time.perf_counter()
        _module(pl_module).start("train")

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        _module(pl_module).start("val")

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self.progress.waited += time.perf_counter() - self._step_ended
        self._lr = trainer.optimizers[0].param_groups[-1]["lr"]  # of the head; after the step it is the next one's

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self._step_ended = time.perf_counter()
        self.reporter.step()
        self._look_for_stop()

    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self._look_for_stop()

    def _look_for_stop(self) -> None:
        if self.stop.asked:
            raise Interrupted

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Runs after the epoch's validation."""
        module, progress = _module(pl_module), self.progress
        train, val = (scores(counts.cpu().numpy()) for counts in (module.train_counts, module.val_counts))
        seconds = time.perf_counter() - self._epoch_started
        progress.seconds += seconds
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "train_loss": module.mean_loss("train"),
            "val_loss": module.mean_loss("val"),
            "train_miou": train.miou,
            "train_pixel_accuracy": train.pixel_accuracy,
            "val_miou": val.miou,
            "val_pixel_accuracy": val.pixel_accuracy,
            "lr": self._lr,
            "seconds": round(seconds, 3),
        }
        progress.rows.append(row)
        progress.epochs += 1
        self.writer.append_metrics(row)
        best = val.miou > progress.best_miou
        if best:
            progress.best_miou, progress.best_epoch = val.miou, trainer.current_epoch
            save_model(module.model, self.writer.path, half=True)
        self.reporter.epoch(row, best=best)


def _module(module: pl.LightningModule) -> SegmentationModule:
    assert isinstance(module, SegmentationModule)
    return module
