"""One training step and one validation step, in Lightning's words."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from segcore.errors import TrainingError
from segcore.labels import IGNORE_INDEX
from segcore.models import parameter_groups
from segcore.models.base import AnySize
from segcore.models.encoders import Normalization
from segcore.training.config import TrainConfig
from segcore.training.losses import SegmentationLoss
from segcore.training.optim import create_optimizer, learning_rate_factor

Batch = tuple[Tensor, Tensor]  # [N, H, W, 3] uint8 RGB, [N, H, W] uint8 ids


class SegmentationModule(pl.LightningModule):
    """A model, its loss, and confusion counts of the epoch so far.

    Both sets are scored at the size of the model, training as it goes (augmented, batch norm in training mode),
    validation after it; the final scores, at ground-truth size, come from `segcore.evaluation`.

    Args:
        model: From `create_model`.
        loss: Over logits and ids.
        normalization: Of the encoder.
        config: The settings.
        classes: Number of scored classes C.
        steps: Optimizer steps of the whole training.
    """

    mean: Tensor
    scale: Tensor
    train_counts: Tensor
    val_counts: Tensor

    def __init__(
        self,
        model: AnySize,
        loss: SegmentationLoss,
        normalization: Normalization,
        config: TrainConfig,
        *,
        classes: int,
        steps: int,
    ) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        self.settings, self.classes, self.steps = config, classes, steps
        # On 0..255, so that a uint8 batch is normalised in one subtraction and one product.
        self.register_buffer("mean", 255 * torch.tensor(normalization.mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(normalization.std).view(1, 3, 1, 1)))
        for part in ("train", "val"):
            self.register_buffer(f"{part}_counts", torch.zeros(classes, classes, dtype=torch.int64))
            self.start(part)

    def start(self, part: str) -> None:
        """Forget the losses and counts of `train` or `val`."""
        getattr(self, f"{part}_counts").zero_()
        setattr(self, f"{part}_losses", [])

    def mean_loss(self, part: str) -> float:
        """Mean loss over the batches of this epoch, weighted by their size."""
        pairs: list[tuple[float, int]] = getattr(self, f"{part}_losses")
        return sum(loss * count for loss, count in pairs) / max(1, sum(count for _, count in pairs))

    def training_step(self, batch: Batch, index: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Batch, index: int) -> None:
        self._step(batch, "val")

    def _step(self, batch: Batch, part: str) -> Tensor:
        images, masks = batch
        target = masks.long()
        # The permuted view of [N, H, W, 3] is channels_last already.
        logits = self.model((images.permute(0, 3, 1, 2) - self.mean) * self.scale)
        loss: Tensor = self.loss(logits, target)
        value = float(loss.detach())
        if value != value or value in (float("inf"), float("-inf")):
            raise TrainingError(
                f"The {'training' if part == 'train' else 'validation'} loss became {value} in epoch "
                f"{self.current_epoch + 1}. Lower the learning rate (--lr, now {self.settings.lr:g}), or try "
                "--precision fp32 or a longer --warmup."
            )
        getattr(self, f"{part}_losses").append((value, len(images)))
        getattr(self, f"{part}_counts").add_(_confusion(logits.detach(), target, self.classes))
        return loss

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning takes a mapping
        config = self.settings
        groups = parameter_groups(
            self.model, lr=config.lr, encoder_lr_factor=config.encoder_lr_factor, weight_decay=config.weight_decay
        )
        optimizer = create_optimizer(config, groups)
        factor = learning_rate_factor(config.schedule, steps=self.steps, warmup=config.warmup)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _confusion(logits: Tensor, target: Tensor, classes: int) -> Tensor:
    """`[C, C]` int64 counts of a batch, rows = truth; ignored pixels fall into a row that is cut off."""
    rows = logits.permute(0, 2, 3, 1).reshape(-1, classes)
    prediction = rows.argmax(dim=1)
    truth = target.reshape(-1).where(target.reshape(-1) != IGNORE_INDEX, classes)
    counts = torch.bincount(truth * classes + prediction, minlength=(classes + 1) * classes)
    return counts.reshape(classes + 1, classes)[:classes]
