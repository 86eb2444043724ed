"""Trains one model and writes its run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from shlex import quote
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from rich.markup import escape

from segcore.errors import ConfigError, RunError, TrainingError, typed_line
from segcore.evaluation import evaluate
from segcore.extensions.code_file import CodeName
from segcore.log_level import log_level
from segcore.models import count_parameters, weights_digest
from segcore.models.base import AnySize, Wrapped
from segcore.runs import RunRecord, RunWriter, ScoreInfo, Status, Summary
from segcore.runs.cli_hints import evaluate_command, go_on, train_again
from segcore.runs.run_files import CHECKPOINT
from segcore.runs.run_lock import writing
from segcore.text_console import TextConsole
from segcore.training.callbacks import Interrupted, OnEpoch, Progress, Recorder
from segcore.training.checkpoint import Checkpoint, Position, set_position
from segcore.training.config import TrainConfig
from segcore.training.distributed import LOST, cluster, keep_waiting, wait_for_scores
from segcore.training.error_messages import cause
from segcore.training.freed_memory import freed_memory_kept
from segcore.training.job import Job
from segcore.training.lightning_module import SegmentationModule
from segcore.training.live_recorder import LiveRecorder
from segcore.training.loggers import create_loggers, log_end, log_epoch
from segcore.training.registry import parse_loss
from segcore.training.run_summaries import ended, first_summary, frozen_text, peak_memory_mb
from segcore.training.train_dataset import TrainDataset, ValBatches, loader
from segcore.training.training_parts import create_start_model, loss_weights, training_parts
from segcore.visual.contact_sheet import contact_sheet


def fit(
    job: Job,
    writer: RunWriter,
    *,
    checkpoint: Checkpoint | None = None,
    models_left: int = 1,
    on_epoch: OnEpoch | None = None,
    splits: Sequence[str] = ("val", "test"),
) -> RunRecord:
    """Train one architecture, or resume it. However the training ends, the run's summary says how.

    Args:
        job: The prepared training.
        writer: Writes the run's folder.
        checkpoint: Where to resume; None starts from the beginning.
        models_left: Models still to train, this one included; for the progress bar.
        on_epoch: Called with each epoch's row of metrics; returning False stops the training.
        splits: The splits on which the kept epoch is scored at the end.

    Returns:
        The run. It is finished with scores, or interrupted with the kept epoch (also scored, unless a second
        signal came), or failed with the reason. After a failure, several processes may be at different points and
        can't train another model together.
    """
    with writing(writer.path, "trains it") if job.world.first else nullcontext():
        summary = _fit(job, writer, checkpoint, models_left, on_epoch, splits)
        with suppress(RunError):  # its folder was removed meanwhile
            return writer.record() if job.world.first else RunRecord(writer.path, summary, 0)
    return RunRecord(writer.path, summary, 0)


def _fit(
    job: Job,
    writer: RunWriter,
    checkpoint: Checkpoint | None,
    models_left: int,
    on_epoch: OnEpoch | None,
    splits: Sequence[str],
) -> Summary:
    """Do what `fit` does; returns the summary as it is in every process."""
    progress = Progress(**checkpoint.progress) if checkpoint else Progress()
    summary = first_summary(job, writer, checkpoint)  # before any file: it may take long
    if job.world.first:
        if checkpoint:
            writer.write_metrics(progress.rows)  # drops rows after the checkpoint, which are trained again
        else:
            writer.keep_code(code for _, name in parse_loss(job.config.loss) if (code := CodeName.parse(name)))
            if job.only:
                writer.keep_image_list(job.only)
            writer.write_config(job.config.values())
    _write(job, writer, summary)
    trackers: list[Logger] = []
    status: Status = "finished"
    error: str | None = None
    try:
        model, init = create_start_model(job)
        summary = summary.model_copy(
            update={
                **init,
                "parameters": count_parameters(model),
                "trainable_parameters": count_parameters(model, trainable=True),
                "frozen": job.config.freeze,
            }
        )
        _write(job, writer, summary)
        job.reporter.model(summary, frozen_text(job.config))
        if job.world.first and not checkpoint and job.config.fold is None:  # a search would draw it for every fold
            writer.write_sheet(contact_sheet(job.dataset, "JPEG"))
        if job.world.first:
            step = checkpoint.position.step if checkpoint else 0
            trackers += create_loggers(job.config.loggers, writer.path, job.config.values(), summary, step=step)
        _train(job, writer, model, progress, checkpoint, models_left, partial(_on_epoch, job, trackers, on_epoch))
        if progress.best_epoch is None:
            raise TrainingError(
                "No pixel of the validation masks is scored, so no epoch is the best. Check the masks, --void and "
                "--split."
            )
    except Interrupted:
        status = "interrupted"
        if job.stop.requested and splits:
            job.reporter.say(f"{job.model}: stopped; the kept epoch is scored now, Ctrl-C again leaves that out.")
    except Exception as exception:  # stored and shown; the other models are still trained
        status, error = "failed", _show_failure(job, writer, exception)
    except (KeyboardInterrupt, SystemExit):  # a second Ctrl-C, which Lightning turns into an exit
        _write(job, writer, ended(summary, "interrupted", None, progress))
        raise KeyboardInterrupt from None
    summary = ended(summary, status, error, progress)
    if job.world.first:
        summary = _finish(job, writer, summary, progress, splits)
        log_end(trackers, summary, job.reporter.say, step=progress.rows[-1]["step"] if progress.rows else 0)
    return wait_for_scores(job.world, summary) if error is None else summary


def _write(job: Job, writer: RunWriter, summary: Summary) -> None:
    """Write `summary.json`, in the first process only."""
    if job.world.first:
        writer.write_summary(summary)


def _on_epoch(job: Job, trackers: list[Logger], on_epoch: OnEpoch | None, row: Mapping[str, Any]) -> bool:
    log_epoch(trackers, row, job.reporter.say)
    return on_epoch is None or on_epoch(row)


def _finish(job: Job, writer: RunWriter, summary: Summary, progress: Progress, splits: Sequence[str]) -> Summary:
    """Score the kept epoch, write how the training ended, and print the costs; in the first process only."""
    status = summary.status
    try:
        # It is finished once it is scored: a process that is killed before that leaves a training to go on with.
        kept = weights_digest(writer.path) if progress.best_epoch is not None else None
        summary = summary.model_copy(
            update={"status": "training" if status == "finished" else status, "weights_sha256": kept}
        )
        writer.write_summary(summary)
        if progress.best_epoch is not None and summary.error is None:
            summary = _evaluate(job, writer, summary, splits)
        summary = summary.model_copy(update={"status": status})
        writer.write_summary(summary)
        if status == "finished":
            (writer.path / CHECKPOINT).unlink(missing_ok=True)
    except KeyboardInterrupt:  # a second Ctrl-C
        writer.write_summary(summary.model_copy(update={"status": "interrupted"}))
        job.reporter.say(escape(f"{job.model}: trained, but not scored.{_how_to_score(job, writer, splits)}"))
        raise
    except Exception as exception:  # a bad test image, a full disk
        error = summary.error or _not_scored(job, writer, exception, splits)
        summary = summary.model_copy(update={"status": "failed", "error": error})
        try:
            writer.write_summary(summary)
        except (OSError, RunError) as disk_error:
            job.reporter.say(f"[red]{escape(str(writer.path))} keeps its earlier summary[/]: {escape(str(disk_error))}")
    if progress.epochs:
        whole = sum(row["seconds"] for row in progress.rows)  # without the epoch that a signal ended
        job.reporter.say(
            f"[dim]{job.model}: {progress.seconds:.1f} s of training, {whole / progress.epochs:.1f} s an epoch, "
            f"{100 * progress.wait_share:.1f} % of it waiting for data, peak memory {peak_memory_mb() / 1000:.2f} GB; "
            f"kept epoch {(progress.best_epoch or 0) + 1}[/]"
        )
    changed = train_again(writer.path) in (summary.error or "")  # going on would fail again
    if summary.status in ("interrupted", "failed") and not changed and (writer.path / CHECKPOINT).is_file():
        how = "" if job.world.size == 1 else " (under torchrun or srun, as before)"
        job.reporter.say(f"{escape(go_on(writer.path))}{how}")
    return summary


def _not_scored(job: Job, writer: RunWriter, exception: Exception, splits: Sequence[str]) -> str:
    """Print and return why a trained model has no scores, and the commands that score it."""
    how = _how_to_score(job, writer, splits)
    text = f"Trained, but not scored. {_show_failure(job, writer, exception)}{how}"
    job.reporter.say(escape(how.strip()))
    return text


def _how_to_score(job: Job, writer: RunWriter, splits: Sequence[str]) -> str:
    """The commands that score a trained model, as a sentence after a space; empty where nothing is scored."""
    left = [split for split in splits if job.plan.scored(split)]
    commands = "; ".join(f"{evaluate_command(writer.path, split)} --data {quote(job.config.data)}" for split in left)
    return f" Score it: {commands}" if commands else ""


def _show_failure(job: Job, writer: RunWriter, exception: Exception) -> str:
    """Print why a model failed, with a traceback if the error is not a known one; returns the text for the run."""
    known = cause(exception, writer.path)
    console, who = job.reporter.console, job.model
    if not job.world.first:
        if known == LOST or isinstance(exception, (TrainingError, ConfigError)):
            return known or typed_line(exception)  # every process has this error; the first one prints it
        console, who = TextConsole(stderr=True, soft_wrap=True, highlight=False), f"process {job.world.rank + 1}"
    if known is None:
        console.print_exception()
        return typed_line(exception)
    console.print(f"[red]{who} failed[/]: {escape(known)}")
    return known


def _train(
    job: Job,
    writer: RunWriter,
    model: AnySize,
    progress: Progress,
    checkpoint: Checkpoint | None,
    models_left: int,
    on_epoch: OnEpoch,
) -> None:
    config = job.config
    start = checkpoint.position if checkpoint else Position()
    parts = training_parts(job, model, weights=loss_weights(job), checkpoint=checkpoint)
    module, train_set, val_set, batches = parts.module, parts.train_set, parts.val_set, parts.batches
    batches.resume(start.epoch, start.batches)
    if progress.ended:
        return
    val_size = config.val_batch_size or 2 * config.batch_size
    loaders = [
        loader(train_set, batches, workers=config.workers),
        loader(val_set, ValBatches(len(val_set), val_size, world=job.world), workers=config.workers),
    ]
    with _quiet():
        # A network of others may have parameters that no logit depends on.
        unused = config.freeze == "schedule" or isinstance(model, Wrapped)
        validates = job.plan.validates
        recorder = Recorder(writer, job.reporter, job.stop, progress, batches, start, on_epoch, validates=validates)
        callbacks: list[pl.Callback] = [recorder]
        if job.world.first:
            done = start.epoch * len(batches) + start.batches
            callbacks.append(LiveRecorder(writer.path, job.dataset.labels, done))
        trainer = _trainer(job, unused, callbacks)
    set_position(trainer, start)
    if config.cache_features and start.epoch < parts.unfrozen:
        _fill_features(job, module, trainer, train_set)
    done = start.epoch * len(batches) + start.batches
    with (
        _quiet(),
        freed_memory_kept(),
        job.reporter.training(
            job.model, _part(config), epochs=config.epochs, steps=len(batches), done=done, models_left=models_left
        ),
    ):
        trainer.fit(module, train_dataloaders=loaders[0], val_dataloaders=loaders[1] if validates else None)


def _trainer(job: Job, unused: bool, callbacks: list[pl.Callback]) -> pl.Trainer:
    config, world = job.config, job.world
    return pl.Trainer(
        accelerator="gpu" if job.hardware.device == "cuda" else "cpu",
        devices=world.local,
        num_nodes=world.size // world.local,
        # Batch norm shares its statistics itself, and each process keeps its own counts.
        strategy=DDPStrategy(broadcast_buffers=False, find_unused_parameters=unused) if world.size > 1 else "auto",
        precision="bf16-mixed" if job.hardware.precision == "bf16" else "32-true",
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


def _fill_features(job: Job, module: SegmentationModule, trainer: pl.Trainer, items: TrainDataset) -> None:
    """Run the frozen encoder once on every training item and cache the features."""
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


def _evaluate(job: Job, writer: RunWriter, summary: Summary, splits: Sequence[str]) -> Summary:
    """Score the stored weights at ground-truth size, and store the predictions."""
    for split in splits:
        ids = job.plan.scored(split)
        if ids and not _is_scored(writer, summary, split):
            bar = keep_waiting(job.world, job.reporter.counting(f"scoring {split}"))
            record = writer.record()
            evaluation = evaluate(record, job.dataset, ids, split=split, device=job.hardware.device, progress=bar)
            summary = summary.model_copy(update={split: ScoreInfo.from_counts(evaluation.total, job.dataset.labels)})
            writer.write_summary(summary)
    return summary


def _is_scored(writer: RunWriter, summary: Summary, split: str) -> bool:
    """Whether a training that was killed while it was scored had scored a split before."""
    with suppress(RunError):
        return getattr(summary, split) is not None and writer.record().evaluation(split) is not None
    return False


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's and torch's advice to programmers (more workers, no logger, tips)."""
    with log_level(logging.ERROR, "lightning.pytorch"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch")
        yield


def _part(config: TrainConfig) -> str:
    """Which training of its recipe it is: `fold 2/3 seed 1`; empty for one without folds, of seed 0."""
    fold = f"fold {config.fold + 1}/{config.folds}" if config.folds and config.fold is not None else ""
    seed = f"seed {config.seed}" if config.seed else ""
    return f"{fold} {seed}".strip()
