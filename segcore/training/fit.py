"""Train one model into one run."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from rich.console import Console
from rich.markup import escape

from segcore import data
from segcore.errors import ConfigError, TrainingError, typed_line
from segcore.evaluation import evaluate
from segcore.models import count_parameters, create_model, normalization, set_trainable
from segcore.models.base import AnySize
from segcore.runs import RunRecord, ScoreInfo, Status, Summary
from segcore.runs.run_files import CHECKPOINT
from segcore.training.callbacks import (
    Interrupted,
    OnEpoch,
    Progress,
    Recorder,
)
from segcore.training.checkpoint import Checkpoint, Position, place
from segcore.training.distributed import LOST, World, cluster, share_batch_statistics
from segcore.training.error_messages import cause
from segcore.training.feature_cache import FeatureCache
from segcore.training.hardware import depthwise_in_float32
from segcore.training.job import Job
from segcore.training.lightning_module import SegmentationModule
from segcore.training.loggers import create_loggers, log_end, log_epoch
from segcore.training.losses import SegmentationLoss, class_weights
from segcore.training.registry import parse_loss
from segcore.training.run_summaries import (
    ended,
    first_summary,
    frozen_text,
    peak_memory_mb,
)
from segcore.training.train_dataset import (
    ResumableBatchSampler,
    TrainDataset,
    ValBatches,
    loader,
)

_BEAT = 60.0  # seconds


def fit(
    job: Job,
    *,
    checkpoint: Checkpoint | None = None,
    models_left: int = 1,
    on_epoch: OnEpoch | None = None,
    splits: Sequence[str] = ("val", "test"),
) -> RunRecord:
    """Train one architecture, or go on with it; the run says how it ended, whatever happens.

    Args:
        job: What to train on what.
        checkpoint: Where to go on.
        models_left: For the progress bar, this one included.
        on_epoch: Sees the row of each epoch; False stops the training, as the user may.
        splits: What the best epoch is scored on at the end.

    Returns:
        The run: finished with scores, interrupted with the best epoch so far (scored too, unless the user asked
        twice), or failed with the reason. Of several processes, which may then stand at different points, none can go
        on with another training after a failed one.
    """
    name, progress = job.model, Progress(**checkpoint.progress) if checkpoint else Progress()
    if job.world.first:
        if checkpoint:
            job.writer.rewrite_metrics(progress.rows)  # rows after the checkpoint come again
        else:
            job.writer.write_config(job.config.values())
    summary = first_summary(job, checkpoint)
    job.write(summary)
    trackers: list[Logger] = []
    status: Status = "finished"
    error: str | None = None
    try:
        model = _create(job)
        summary = summary.model_copy(
            update={
                "parameters": count_parameters(model),
                "trainable_parameters": count_parameters(model, trainable=True),
                "frozen": job.config.freeze,
            }
        )
        job.write(summary)
        job.reporter.model(summary, frozen_text(job.config))
        if job.world.first:
            step = checkpoint.position.step if checkpoint else 0
            trackers += create_loggers(job.config.loggers, job.writer.path, job.config.values(), summary, step=step)
        _train(job, model, progress, checkpoint, models_left, partial(_on_epoch, job, trackers, on_epoch))
        if progress.best_epoch is None:
            raise TrainingError(
                "No pixel of the validation masks is scored, so no epoch is the best. Check the masks, --void and "
                "--split."
            )
    except Interrupted:
        status = "interrupted"
        if job.stop.asked and splits:
            job.reporter.say(f"{name}: stopped; the best epoch so far is scored now, Ctrl-C again leaves that out.")
    except Exception as caught:  # one model must not lose the others: whatever it is, it is stored and shown
        status, error = "failed", _tell(job, caught)
    except (KeyboardInterrupt, SystemExit):  # a second Ctrl-C, which Lightning turns into an exit
        job.write(ended(summary, "interrupted", None, progress))
        raise KeyboardInterrupt from None
    summary = ended(summary, status, error, progress)
    if job.world.first:
        summary = _finish(job, summary, progress, splits)
        log_end(trackers, summary, job.reporter.say, step=progress.rows[-1]["step"] if progress.rows else 0)
    if error is None:
        summary = _wait_for_scores(job.world, summary)
    return job.writer.record() if job.world.first else RunRecord(job.writer.path, summary, 0)


def _wait_for_scores(world: World, summary: Summary) -> Summary:
    """The first process's summary, in all of them; it comes when that one has scored, and tells that it still does."""
    (done,) = world.any(world.first)
    while not done:
        (done,) = world.any(False)
    return world.agree(summary)


def _on_epoch(job: Job, trackers: list[Logger], on_epoch: OnEpoch | None, row: Mapping[str, Any]) -> bool:
    log_epoch(trackers, row, job.reporter.say)
    return on_epoch is None or on_epoch(row)


def _finish(job: Job, summary: Summary, progress: Progress, splits: Sequence[str]) -> Summary:
    """Store how it ended, score the best epoch, and tell; only the first process does."""
    try:
        job.writer.write_summary(summary)
        if progress.best_epoch is not None and summary.error is None:
            summary = _evaluate(job, summary, splits)
        if summary.status == "finished":
            (job.writer.path / CHECKPOINT).unlink(missing_ok=True)
    except Exception as caught:  # a bad test image, a full disk
        error = f"Trained, but not scored. {_tell(job, caught)}" if not summary.error else summary.error
        summary = summary.model_copy(update={"status": "failed", "error": error})
        try:
            job.writer.write_summary(summary)
        except OSError as full:
            job.reporter.say(f"[red]{escape(str(job.writer.path))} keeps its earlier summary[/]: {escape(str(full))}")
    if progress.epochs:
        job.reporter.say(
            f"[dim]{job.model}: {progress.seconds:.1f} s of training, {progress.seconds / progress.epochs:.1f} s an "
            f"epoch, {100 * progress.wait_share:.1f} % of it waiting for data, peak memory "
            f"{peak_memory_mb() / 1000:.2f} GB; best epoch {(progress.best_epoch or 0) + 1}[/]"
        )
    if summary.status in ("interrupted", "failed") and (job.writer.path / CHECKPOINT).is_file():
        how = "" if job.world.size == 1 else " (under torchrun or srun, as before)"
        job.reporter.say(f"Go on with it: python train.py --resume {job.writer.path}{how}")
    return summary


def _tell(job: Job, caught: Exception) -> str:
    """Show why a model failed; returns it for the run. What is nothing known is shown with its traceback."""
    known = cause(caught, job.writer.path)
    console, who = job.reporter.console, job.model
    if not job.world.first:
        if known == LOST or isinstance(caught, (TrainingError, ConfigError)):
            return known or typed_line(caught)  # all processes find it, and the first one tells
        console, who = Console(stderr=True, soft_wrap=True, highlight=False), f"process {job.world.rank + 1}"
    if known is None:
        console.print_exception()
        return typed_line(caught)
    console.print(f"[red]{who} failed[/]: {escape(known)}")
    return known


def _create(job: Job) -> AnySize:
    config = job.config
    pl.seed_everything(config.seed, verbose=False)
    model = create_model(
        job.model,
        encoder=config.encoder,
        encoder_weights=config.encoder_weights,
        classes=job.dataset.labels.classes,
        **config.model_options.get(job.model, {}),
    )
    set_trainable(model, config.frozen_at(0))
    if (job.hardware.device, job.hardware.precision) == ("cpu", "bf16"):
        depthwise_in_float32(model)
    if job.world.size > 1:
        share_batch_statistics(model, job.world)
    return model.to(memory_format=torch.channels_last) if config.channels_last else model


def _items(job: Job, items: Sequence[data.Item], *, training: bool, thaws: int) -> TrainDataset:
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
        fixed_until=thaws,
    )


def _train(
    job: Job,
    model: AnySize,
    progress: Progress,
    checkpoint: Checkpoint | None,
    models_left: int,
    on_epoch: OnEpoch,
) -> None:
    config, classes = job.config, job.dataset.labels.classes
    start = checkpoint.position if checkpoint else Position()
    thaws = next((epoch for epoch in range(config.epochs) if config.frozen_at(epoch) != "encoder"), config.epochs)
    train_items = _items(job, job.plan.train, training=True, thaws=thaws if config.cache_features else 0)
    val_items = _items(job, job.plan.val, training=False, thaws=0)
    batches = ResumableBatchSampler(len(train_items), config.batch_size, seed=config.seed, world=job.world)
    batches.resume(start.epoch, start.batches)
    if not len(batches):
        raise TrainingError(
            f"{len(train_items)} training images leave no batch for {job.world.size} processes. Use fewer."
        )
    module = SegmentationModule(
        model,
        _loss(job),
        normalization(config.encoder, config.encoder_weights),
        config,
        classes=classes,
        steps=config.epochs * -(-len(batches) // config.accumulate),
        world=job.world,
        features=FeatureCache(config.cache_mb * 1_000_000) if config.cache_features else None,
        checkpoint=checkpoint,
    )
    if progress.ended:
        return
    val_size = config.val_batch_size or 2 * config.batch_size
    loaders = [
        loader(train_items, batches, workers=config.workers),
        loader(val_items, ValBatches(len(val_items), val_size, world=job.world), workers=config.workers),
    ]
    with _quiet():
        trainer = _trainer(job, [Recorder(job.writer, job.reporter, job.stop, progress, batches, start, on_epoch)])
    place(trainer, start)
    if config.cache_features and start.epoch < thaws:
        _fill_features(job, module, trainer, train_items)
    done = start.epoch * len(batches) + start.batches
    with (
        _quiet(),
        job.reporter.training(job.model, epochs=config.epochs, steps=len(batches), done=done, models_left=models_left),
    ):
        trainer.fit(module, train_dataloaders=loaders[0], val_dataloaders=loaders[1])


def _trainer(job: Job, callbacks: list[pl.Callback]) -> pl.Trainer:
    config, world = job.config, job.world
    return pl.Trainer(
        accelerator="gpu" if job.hardware.device == "cuda" else "cpu",
        devices=world.local,
        num_nodes=world.size // world.local,
        # Statistics are shared where they are computed; counts are each process's own.
        strategy=DDPStrategy(broadcast_buffers=False, find_unused_parameters=config.freeze == "schedule")
        if world.size > 1
        else "auto",
        precision=job.hardware.lightning_precision,
        max_epochs=config.epochs,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.gradient_clip or None,
        callbacks=callbacks,
        plugins=[cluster()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def _loss(job: Job) -> SegmentationLoss:
    config, labels = job.config, job.dataset.labels
    terms = parse_loss(config.loss)
    weights = None
    if any(term == "weighted_ce" for _, term in terms):
        pixels = job.store.pixels([item.id for item in job.plan.train if item.copy == 0], labels.classes)
        weights = torch.from_numpy(
            class_weights(config.class_weights, pixels, limit=config.class_weight_limit, names=labels.names)
        )
    return SegmentationLoss(
        terms,
        class_weights=weights,
        label_smoothing=config.label_smoothing,
        focal_gamma=config.focal_gamma,
        ohem_threshold=config.ohem_threshold,
        ohem_keep=config.ohem_keep,
        boundary_width=config.boundary_width,
        boundary_weight=config.boundary_weight,
        total=job.world.total,
    )


def _fill_features(job: Job, module: SegmentationModule, trainer: pl.Trainer, items: TrainDataset) -> None:
    """Run the frozen encoder over every training item once."""
    module.to(trainer.strategy.root_device)
    bar = job.reporter.counting("encoding")
    batches = ValBatches(len(items), 2 * job.config.batch_size)
    with trainer.precision_plugin.forward_context():
        module.features.fill(
            module.model,
            (
                (module.normalize(images.to(module.device)), positions)
                for images, _, positions in loader(items, batches, workers=job.config.workers)
            ),
            lambda done: bar(done, len(items)),
        )


def _evaluate(job: Job, summary: Summary, splits: Sequence[str]) -> Summary:
    """Score the stored weights at ground-truth size; predictions are stored."""
    for split in splits:
        ids = job.split_ids(split)
        if ids:
            bar = _beating(job.world, job.reporter.counting(f"scoring {split}"))
            record = job.writer.record()
            found = evaluate(record, job.dataset, ids, split=split, device=job.hardware.device, progress=bar)
            summary = summary.model_copy(update={split: ScoreInfo.from_counts(found.total, job.dataset.labels)})
            job.writer.write_summary(summary)
    return summary


def _beating(world: World, bar: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """A bar that also lets the waiting processes know of this one: after half an hour of silence they would give up."""
    told = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal told
        bar(done, total)
        if time.monotonic() - told > _BEAT:
            told = time.monotonic()
            with suppress(TrainingError):  # they are gone; the scores are still wanted
                world.any(False)

    return update


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice (more workers, no logger, tips) is not for the users of this program."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch")
        try:
            yield
        finally:
            logger.setLevel(level)
