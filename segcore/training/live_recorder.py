"""Lightning callback that tells the app how far a training is, and shows a few validation images."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
from torch import Tensor

from segcore.arrays import U8
from segcore.labels import LabelMap
from segcore.runs import live
from segcore.training.lightning_module import Batch
from segcore.visual.contact_sheet import validation_sheet

EVERY = 2.0  # seconds between two notes of the step
IMAGES = 3  # validation images that are shown, spread over the split


class LiveRecorder(pl.Callback):
    """Writes `live/progress.json` every `EVERY` seconds and `live/validation.jpg` after each epoch.

    Only the first process has one. A disk that fails does not stop the training: nothing that counts is written here.

    Args:
        run: The run's folder.
        labels: The classes, for their colours.
        done: Batches that were done before, of a training that is resumed.
    """

    def __init__(self, run: Path, labels: LabelMap, done: int) -> None:
        self.run, self.labels, self.done_before = run, labels, done
        self._began = self._noted = 0.0
        self._shown: list[tuple[U8, U8, U8]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        now = time.monotonic()
        step, steps = batch_idx + 1, int(trainer.num_training_batches)
        if now - self._noted < EVERY and step < steps:
            return
        self._noted = now
        done, epochs = trainer.current_epoch * steps + step, int(trainer.max_epochs or 1)
        pace = (now - self._began) / max(1, done - self.done_before)
        progress = live.LiveProgress(
            trainer.current_epoch, epochs, step, steps, round(pace * (epochs * steps - done), 1)
        )
        with suppress(OSError):
            live.write_progress(self.run, progress)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        batches, images = int(trainer.num_val_batches[0]), len(batch[0])
        if batches >= IMAGES:
            places = [0] if batch_idx in _spread(batches) else []
        else:
            places = _spread(images)[: IMAGES - len(self._shown)]
        assert isinstance(outputs, Tensor)
        for place in places:
            prediction = outputs[place].argmax(0).to("cpu").numpy().astype(np.uint8)
            self._shown.append((batch[0][place].cpu().numpy(), batch[1][place].cpu().numpy(), prediction))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with suppress(OSError):
            live.write_pictures(self.run, validation_sheet(self._shown, self.labels))
        self._shown = []

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        live.clear(self.run)  # Lightning calls no `teardown` then

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        live.clear(self.run)


def _spread(count: int) -> list[int]:
    """At most `IMAGES` of the numbers below `count`, evenly spread.

    >>> _spread(9), _spread(2)
    ([0, 4, 8], [0, 1])
    """
    return sorted({round(place * (count - 1) / (IMAGES - 1)) for place in range(IMAGES)})
