"""Builds the parts of a training from its job: the model, the samples, the loss and the Lightning module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import lightning.pytorch as pl
import torch
from rich.markup import escape
from torch import Tensor

from segcore import data
from segcore.errors import TrainingError
from segcore.models.base import AnySize
from segcore.runs.summary import InitInfo
from segcore.training.checkpoint import Checkpoint
from segcore.training.distributed import share_batch_statistics
from segcore.training.feature_cache import FeatureCache
from segcore.training.hardware import depthwise_in_float32
from segcore.training.initialization import create_architecture, init_info, prepare_model
from segcore.training.job import Job
from segcore.training.lightning_module import SegmentationModule
from segcore.training.losses import LossOptions, SegmentationLoss, class_weights
from segcore.training.registry import parse_loss
from segcore.training.train_dataset import ResumableBatchSampler, TrainDataset


def create_start_model(job: Job) -> tuple[AnySize, dict[str, InitInfo]]:
    """The model of a job with its first weights, and what the summary says of them.

    Seeds every source of random numbers.

    Raises:
        SegcoreError: when it can't be built, started from `init`, frozen, or its features can't be cached.
    """
    config, init = job.config, {}
    pl.seed_everything(config.seed, verbose=False)
    weights = "none" if config.init or job.resumed else config.encoder_weights
    model = create_architecture(config, job.dataset.labels.classes, weights)
    transfer = prepare_model(model, config, job.initial, job.dataset.labels.names)
    if job.initial and transfer:
        init["init"] = init_info(job.initial, transfer)
        job.reporter.say(escape(f"{job.model} starts from {job.initial.source}: {transfer}."))
    elif not config.init and model.origin:
        job.reporter.say(escape(model.origin))
    if (job.hardware.device, job.hardware.precision) == ("cpu", "bf16"):
        depthwise_in_float32(model)
    if job.world.size > 1:
        share_batch_statistics(model, job.world)
    return model.to(memory_format=torch.channels_last) if config.channels_last else model, init


def split_dataset(job: Job, items: Sequence[data.Item], *, training: bool, fixed_until: int = 0) -> TrainDataset:
    """The samples of a job's split as tensors, augmented as in its training."""
    config = job.config
    return TrainDataset(
        items,
        job.store,
        config.pipeline,
        seed=config.seed,
        copies=config.copies,
        training=training,
        fixed=job.plan.method == "augmented",
        size_at=config.size_at if training else None,
        fixed_until=fixed_until,
    )


@dataclass(frozen=True)
class TrainingParts:
    """What a training consists of beside Lightning's loop.

    Args:
        module: The model with its loss and optimizer.
        train_set: The training samples, augmented.
        val_set: The validation samples.
        batches: The order of the training samples.
        unfrozen: The first epoch in which a part of the encoder is trained.
    """

    module: SegmentationModule
    train_set: TrainDataset
    val_set: TrainDataset
    batches: ResumableBatchSampler
    unfrozen: int


def training_parts(
    job: Job, model: AnySize, *, weights: Tensor | None = None, checkpoint: Checkpoint | None = None
) -> TrainingParts:
    """Build the parts of a training.

    Args:
        job: The prepared training.
        model: From `create_start_model`.
        weights: `[C]` float32 of the loss `weighted_ce`, from `loss_weights`.
        checkpoint: Where to resume; None starts from the beginning.

    Raises:
        TrainingError: when there are fewer images than processes.
    """
    config = job.config
    epochs = range(config.epochs)
    unfrozen = next((epoch for epoch in epochs if config.frozen_at(epoch) != "encoder"), config.epochs)
    train_set = split_dataset(job, job.plan.train, training=True, fixed_until=unfrozen if config.cache_features else 0)
    val_set = split_dataset(job, job.plan.val, training=False, fixed_until=0)
    batches = ResumableBatchSampler(len(train_set), config.batch_size, seed=config.seed, world=job.world)
    if not len(batches):
        raise TrainingError(
            f"{len(train_set)} training images leave no batch for {job.world.size} processes. Use fewer."
        )
    options = {
        field.name: getattr(config, field.name) for field in fields(LossOptions) if field.name != "class_weights"
    }
    module = SegmentationModule(
        model,
        SegmentationLoss(parse_loss(config.loss), class_weights=weights, total=job.world.total, **options),
        job.norm,
        config,
        classes=job.dataset.labels.classes,
        steps=config.epochs * -(-len(batches) // config.accumulate),
        world=job.world,
        features=FeatureCache(config.cache_mb * 1_000_000) if config.cache_features else None,
        checkpoint=checkpoint,
    )
    return TrainingParts(module, train_set, val_set, batches, unfrozen)


def loss_weights(job: Job) -> Tensor | None:
    """`[C]` float32 weights of the classes, counted on the training masks; None where the loss has none."""
    config, labels = job.config, job.dataset.labels
    if all(term != "weighted_ce" for _, term in parse_loss(config.loss)):
        return None
    pixels = job.store.pixels([item.id for item in job.plan.train if item.copy == 0], labels.classes)
    return torch.from_numpy(
        class_weights(config.class_weights, pixels, limit=config.class_weight_limit, names=labels.names)
    )
