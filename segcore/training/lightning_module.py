"""The LightningModule: training step, validation step, optimizer and moving average."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any, cast

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from segcore.errors import TrainingError
from segcore.labels import IGNORE_INDEX
from segcore.models import parameter_groups, set_trainable
from segcore.models.base import AnySize
from segcore.models.encoders import Normalization
from segcore.training.checkpoint import Checkpoint
from segcore.training.config import TrainConfig
from segcore.training.distributed import World
from segcore.training.feature_cache import FeatureCache
from segcore.training.losses import SegmentationLoss
from segcore.training.optimizers import create_optimizer, learning_rate_factor

Batch = tuple[Tensor, Tensor, Tensor]  # [N, H, W, 3] uint8 RGB, [N, H, W] uint8 ids, [N] int64 positions of the items

_CHECK_EVERY = 20  # steps between checks of the loss on a GPU, where each check waits for the GPU
_DIVERGED = 5.0  # times the first loss


class SegmentationModule(pl.LightningModule):
    """A model, its loss, and the confusion counts of the current epoch.

    Training and validation are scored at the model's input size: training on the augmented batches with batch norm in
    training mode, validation after each epoch. `segcore.evaluation` computes the final scores at ground-truth size.

    Randomness within a step (dropout) is seeded by the step's number, so a training resumed from `last.ckpt` draws the
    same random numbers.

    Args:
        model: A model from `create_model`.
        loss: The loss over logits and ids.
        normalization: Mean and standard deviation that the encoder expects.
        config: The settings of one model.
        classes: Number of scored classes C.
        steps: Optimizer steps of the whole training.
        world: The processes that train it together.
        features: Cached features of the frozen encoder, by item; empty when features are not cached.
        checkpoint: Where to resume; None starts from the beginning.
    """

    mean: Tensor
    scale: Tensor
    train_counts: Tensor
    val_counts: Tensor
    train_loss: Tensor
    val_loss: Tensor
    first_loss: Tensor
    recent_loss: Tensor

    def __init__(
        self,
        model: AnySize,
        loss: SegmentationLoss,
        normalization: Normalization,
        config: TrainConfig,
        *,
        classes: int,
        steps: int,
        world: World | None = None,
        features: FeatureCache | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        super().__init__()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # with more processes than validation batches
        self.model, self.loss = model, loss
        self.average = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True) if config.ema else None
        if self.average is not None:
            self.average.requires_grad_(False)  # DDP would wait for their gradients
        self.settings, self.classes, self.steps = config, classes, steps
        self.world, self.features = world or World(), features or FeatureCache(0)
        # Scaled to 0..255, so that a uint8 batch is normalised by one subtraction and one product.
        self.register_buffer("mean", 255 * torch.tensor(normalization.mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(normalization.std).view(1, 3, 1, 1)))
        for part in ("train", "val"):
            self.register_buffer(f"{part}_counts", torch.zeros(classes, classes, dtype=torch.int64))
            self.register_buffer(f"{part}_loss", torch.zeros(2, dtype=torch.float64))  # sum over images, images
        self.register_buffer("first_loss", torch.tensor(torch.nan))
        self.register_buffer("recent_loss", torch.tensor(torch.nan))
        self._checkpoint = checkpoint
        if checkpoint:
            self.load_state_dict(checkpoint.module)

    @property
    def scored(self) -> AnySize:
        """The model that is validated and saved: the averaged one with `ema`, else the trained one."""
        return self.model if self.average is None else cast(AnySize, self.average.module)

    def start(self, part: str) -> None:
        """Reset the losses and counts of `train` or `val`."""
        getattr(self, f"{part}_counts").zero_()
        getattr(self, f"{part}_loss").zero_()

    def gather(self) -> None:
        """Sum the losses and counts of the epoch over the processes."""
        self.world.sum_(self.train_counts, self.val_counts, self.train_loss, self.val_loss)

    def mean_loss(self, part: str) -> float:
        """Mean loss over the batches of this epoch, weighted by their size."""
        total, images = getattr(self, f"{part}_loss").tolist()
        return total / max(1.0, images)

    def setup(self, stage: str) -> None:
        """Enable every parameter that will ever be unfrozen: DDP and the optimizer read requires_grad only once."""
        config = self.settings
        set_trainable(self.model, config.freeze if config.freeze != "schedule" else "none")

    def freeze_for(self, epoch: int) -> None:
        """Freeze the stages that the settings freeze in this epoch, and unfreeze the rest."""
        set_trainable(self.model, self.settings.frozen_at(epoch))

    def normalize(self, images: Tensor) -> Tensor:
        """`[N, H, W, 3]` uint8 -> `[N, 3, H, W]` float32 in channels_last layout."""
        return (images.permute(0, 3, 1, 2) - self.mean) * self.scale

    def training_step(self, batch: Batch, index: int) -> Tensor:
        torch.manual_seed(zlib.crc32(f"{self.settings.seed}/{self.current_epoch}/{index}/{self.world.rank}".encode()))
        images, masks, positions = batch
        features = self.features.get(positions)
        if features is None:
            logits = self.model(self.normalize(images))
        else:
            logits = self.model.decode(features, images.shape[1:3])
        target = masks.long()
        # The loss sums over the processes itself, so each process has the gradient of the whole batch.
        loss: Tensor = self.loss(logits, target)
        self.check_divergence(loss.detach(), index)
        self._count("train", logits.detach(), target, loss.detach())
        return loss

    def validation_step(self, batch: Batch, index: int) -> Tensor:
        """Count a batch; returns its logits `[N, C, H, W]`, for callbacks."""
        images, masks, _ = batch
        logits, target = self.scored(self.normalize(images)), masks.long()
        self._count("val", logits, target, self.loss(logits, target))
        return logits

    def optimizer_step(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - Lightning's own
        super().optimizer_step(*arguments, **keywords)
        if self.average is not None:
            self.average.update_parameters(self.model)

    def _average(self, averaged: Sequence[Tensor], current: Sequence[Tensor], done: Tensor | int) -> None:
        """Exponential moving average; its decay starts small, so that the initial weights are forgotten quickly."""
        if not averaged[0].is_floating_point():  # batch norm's step counters
            torch._foreach_copy_(list(averaged), list(current))
            return
        steps = int(done)
        torch._foreach_lerp_(list(averaged), list(current), 1 - min(self.settings.ema, (1 + steps) / (10 + steps)))

    def _count(self, part: str, logits: Tensor, target: Tensor, loss: Tensor) -> None:
        count = len(target)
        getattr(self, f"{part}_loss").add_(torch.stack([loss.double() * count, loss.new_tensor(count).double()]))
        getattr(self, f"{part}_counts").add_(_confusion(logits, target, self.classes))

    def check_divergence(self, loss: Tensor, index: int) -> None:
        """Stop a training that diverges.

        Raises:
            TrainingError: when the loss is not finite, or its average is far above the first loss.
        """
        # A batch without a scored pixel has no loss, and what is compared with it would always diverge.
        self.first_loss.copy_(torch.where(self.first_loss.isnan() | (self.first_loss == 0), loss, self.first_loss))
        before = torch.where(self.recent_loss.isnan(), loss, self.recent_loss)
        self.recent_loss.copy_(0.9 * before + 0.1 * loss)
        if loss.is_cuda and index % _CHECK_EVERY:
            return
        first, recent, now = float(self.first_loss), float(self.recent_loss), float(loss)
        advice = (
            f"Lower the learning rate (--lr, now {self.settings.lr:g}), or try --gradient-clip 1, a longer --warmup or "
            "--precision fp32."
        )
        where = f"in epoch {self.current_epoch + 1}, step {self.global_step + 1} of {self.steps}"
        if not recent - recent == 0:  # neither NaN nor infinite
            raise TrainingError(f"The training loss became {now if now - now else recent} {where}. {advice}")
        if recent > max(_DIVERGED * first, math.log(self.classes), 0.5):  # a blind guess costs the logarithm
            raise TrainingError(
                f"The training diverges: its loss rose from {first:.3g} to {recent:.3g} {where}. {advice}"
            )

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning takes a mapping
        config = self.settings
        groups = parameter_groups(
            self.model,
            lr=config.lr,
            encoder_lr_factor=config.encoder_lr_factor,
            head_lr_factor=config.head_lr_factor,
            weight_decay=config.weight_decay,
        )
        optimizer = create_optimizer(config, groups)
        factor = learning_rate_factor(
            config.schedule,
            steps=self.steps,
            warmup=config.warmup,
            steps_per_epoch=self.steps / config.epochs,
            power=config.poly_power,
            decay=config.decay,
            decay_epochs=config.decay_epochs,
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        if self._checkpoint:
            optimizer.load_state_dict(self._checkpoint.optimizer)
            scheduler.load_state_dict(self._checkpoint.scheduler)
            self._checkpoint = None  # free its tensors
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _confusion(logits: Tensor, target: Tensor, classes: int) -> Tensor:
    """`[C, C]` int64 counts of a batch, rows = truth; ignored pixels are counted in an extra row that is removed."""
    rows = logits.permute(0, 2, 3, 1).reshape(-1, classes)
    prediction = rows.argmax(dim=1)
    truth = target.reshape(-1).where(target.reshape(-1) != IGNORE_INDEX, classes)
    counts = torch.bincount(truth * classes + prediction, minlength=(classes + 1) * classes)
    return counts.reshape(classes + 1, classes)[:classes]
