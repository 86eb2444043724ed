"""Lightning callback that writes metrics, best weights and checkpoints, and stops a training cleanly."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import lightning.pytorch as pl

from segcore.metrics import scores
from segcore.models import save_model
from segcore.runs import RunWriter
from segcore.runs.run_lock import writing
from segcore.training.checkpoint import Checkpoint, Position
from segcore.training.console import Reporter
from segcore.training.lightning_module import Batch, SegmentationModule
from segcore.training.signals import StopRequest
from segcore.training.train_dataset import ResumableBatchSampler


class Interrupted(Exception):
    """Ends a training between two steps after Ctrl-C or SIGTERM."""


@dataclass
class Progress:
    """How far a training has come, and what it has cost."""

    epochs: int = 0
    best_epoch: int | None = None
    best_miou: float = -1.0
    seconds: float = 0.0
    waited: float = 0.0
    images: int = 0
    ended: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def wait_share(self) -> float:
        """Share of the training time spent waiting for data, 0..1."""
        return self.waited / self.seconds if self.seconds else 0.0


OnEpoch = Callable[[Mapping[str, Any]], bool]  # called with an epoch's row of metrics; False stops the training


class Recorder(pl.Callback):
    """Writes each epoch's metrics, the weights when validation mIoU is the best so far, and `last.ckpt`.

    Where nothing validates, the last epoch's weights are kept.

    Args:
        writer: Writes the run's folder.
        reporter: Prints progress.
        stop: Whether Ctrl-C or SIGTERM was received.
        progress: Updated during training.
        batches: The training batches; their epoch is set here.
        start: Where the training begins.
        on_epoch: Called with each epoch's row of metrics; returning False stops the training.
        validates: Whether there is validation.
    """

    def __init__(
        self,
        writer: RunWriter,
        reporter: Reporter,
        stop: StopRequest,
        progress: Progress,
        batches: ResumableBatchSampler,
        start: Position,
        on_epoch: OnEpoch,
        *,
        validates: bool = True,
    ) -> None:
        self.writer, self.reporter, self.stop, self.progress = writer, reporter, stop, progress
        self.batches, self.start, self.on_epoch, self.validates = batches, start, on_epoch, validates
        self._epoch_started = self._step_ended = self._lr = 0.0
        self._saved = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module = _module(pl_module)
        module.freeze_for(trainer.current_epoch)
        if not module.world.first:  # DDP copied the first process's losses and counts into every process
            module.start("train")
            module.start("val")
        self.stop.listen()  # Lightning installs a SIGTERM handler that ends a training of several processes
        self._epoch_started = self._step_ended = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Runs before the epoch's first batch is loaded; not when a training resumes in the middle of an epoch."""
        module, epoch = _module(pl_module), trainer.current_epoch
        module.start("train")
        module.start("val")  # also here, for a process that has no validation batch
        module.freeze_for(epoch)
        if module.settings.frozen_at(epoch) != "encoder":
            module.features.drop()
        self.batches.set_epoch(epoch)
        if epoch > self.start.epoch:
            self._save(trainer, module, Position(epoch, 0, trainer.global_step))
        self._epoch_started = self._step_ended = time.perf_counter()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        _module(pl_module).start("val")

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self.progress.waited += time.perf_counter() - self._step_ended
        self._lr = trainer.optimizers[0].param_groups[-1]["lr"]  # the head's rate; after the step it is the next step's

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        module, done = _module(pl_module), batch_idx + 1
        self._step_ended = time.perf_counter()
        self.progress.images += len(batch[0]) * module.world.size
        self.reporter.step(self.progress.images, self._elapsed(), self.progress.waited)
        if done % trainer.accumulate_grad_batches or done == trainer.num_training_batches:
            return  # gradients are pending, or validation comes next
        due = time.monotonic() - self._saved > 60 * module.settings.checkpoint_minutes
        stop, due = module.world.any_rank(self.stop.requested, due)
        if stop or due:
            self._save(trainer, module, Position(trainer.current_epoch, done, trainer.global_step))
        if stop:
            self.stop.requested = True  # in every process, whichever received the signal
            raise Interrupted

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Runs after the epoch's validation."""
        module, progress, epoch = _module(pl_module), self.progress, trainer.current_epoch
        module.gather()
        train, val = (scores(counts.cpu().numpy()) for counts in (module.train_counts, module.val_counts))
        progress.seconds = self._elapsed()
        before = sum(row["seconds"] for row in progress.rows)
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "train_loss": module.mean_loss("train"),
            "val_loss": module.mean_loss("val") if self.validates else None,
            "train_miou": float(train.miou),
            "train_pixel_accuracy": float(train.pixel_accuracy),
            "val_miou": float(val.miou) if self.validates else None,
            "val_pixel_accuracy": float(val.pixel_accuracy) if self.validates else None,
            "lr": self._lr,
            "seconds": round(progress.seconds - before, 3),
        }
        self._epoch_started = time.perf_counter()
        progress.rows.append(row)
        progress.epochs += 1
        best = not self.validates or bool(val.miou > progress.best_miou)
        if module.world.first:
            if best:
                with writing(self.writer.path, "writes it"):
                    save_model(module.scored, self.writer.path, half=True)
            self.writer.write_metrics(progress.rows)
        if best:  # its weights are there now
            progress.best_epoch = epoch
            if self.validates:
                progress.best_miou = float(val.miou)
        self.reporter.epoch(row, best=best, seconds=progress.seconds)
        patience = module.settings.early_stopping
        stalled = bool(patience) and epoch - (epoch if progress.best_epoch is None else progress.best_epoch) >= patience
        progress.ended = stalled or epoch + 1 == module.settings.epochs
        proceed = self.on_epoch(row)
        stop, refused = module.world.any_rank(self.stop.requested, not proceed)
        if stop:
            self.stop.requested = True
        if progress.ended or stop or refused:
            self._save(trainer, module, Position(epoch + 1, 0, trainer.global_step))
        if stalled:
            self.reporter.say(f"Stopped early: no better epoch in {patience}.")
            trainer.should_stop = True
        elif (stop or refused) and not progress.ended:
            raise Interrupted

    def _elapsed(self) -> float:
        """Seconds of training so far, including those before it was resumed."""
        return self.progress.seconds + time.perf_counter() - self._epoch_started

    def _save(self, trainer: pl.Trainer, module: SegmentationModule, position: Position) -> None:
        """Write `last.ckpt`; must be called in every process."""
        state = module.state_dict()
        for name in ("train_counts", "train_loss"):  # each process has counted only its own batches
            state[name] = state[name].clone()
            module.world.sum_(state[name])
        self.progress.seconds, self._epoch_started = self._elapsed(), time.perf_counter()
        if module.world.first:
            Checkpoint(
                position,
                state,
                trainer.optimizers[0].state_dict(),
                trainer.lr_scheduler_configs[0].scheduler.state_dict(),
                asdict(self.progress),
            ).write(self.writer)
        self._saved = time.monotonic()


def _module(module: pl.LightningModule) -> SegmentationModule:
    assert isinstance(module, SegmentationModule)
    return module
