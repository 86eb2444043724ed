"""The data loaders of a training, to look at what a model sees before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcore.training.config import TrainConfig
from segcore.training.session import Session
from segcore.training.train_dataset import ResumableBatchSampler, Sized, ValBatches, loader
from segcore.training.training_parts import split_dataset

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


def loaders(config: TrainConfig) -> dict[str, DataLoader[Sized]]:
    """Make the loaders of `train`, `val` and `test`, with the split, the copies and the batches of a training.

    Each batch is (images `[B, H, W, 3]` uint8 RGB, masks `[B, H, W]` uint8 ids, positions `[B]` in `dataset.items`).
    Training batches are augmented and shuffled by the seed; the others are in order.

    Raises:
        SegcoreError: when the training could not start: data, encoder, device.
    """
    job = Session().prepare(config.tasks()[0])
    sets = {split: split_dataset(job, items, training=split == "train") for split, items in job.plan.items.items()}
    train = ResumableBatchSampler(len(sets["train"]), config.batch_size, seed=config.seed, world=job.world)
    size = config.val_batch_size or 2 * config.batch_size
    return {
        split: loader(items, train if split == "train" else ValBatches(len(items), size), workers=0)
        for split, items in sets.items()
    }
