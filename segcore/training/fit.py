"""Train one model into one run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import lightning.pytorch as pl
import torch
from rich.markup import escape

from segcore import data
from segcore.errors import SegcoreError, TrainingError
from segcore.evaluation import evaluate
from segcore.models import count_parameters, create_model, normalization, set_trainable
from segcore.models.base import AnySize
from segcore.runs import DatasetInfo, InputInfo, RunRecord, RunWriter, ScoreInfo, Status, Summary
from segcore.training.choices import parse_loss
from segcore.training.config import TrainConfig
from segcore.training.hardware import Hardware, depthwise_in_float32, versions
from segcore.training.losses import SegmentationLoss, median_frequency_weights
from segcore.training.module import SegmentationModule
from segcore.training.recorder import Interrupted, Progress, Recorder, StopRequest
from segcore.training.report import Reporter
from segcore.training.samples import Items, SampleStore, loader


@dataclass(frozen=True)
class Job:
    """What all models of one command share.

    Args:
        config: The settings.
        dataset: Open.
        plan: Its split.
        store: Its training and validation samples at the size of the model.
        hardware: Where it runs.
        reporter: Tells the user.
        stop: Whether the user asked to stop.
    """

    config: TrainConfig
    dataset: data.Dataset
    plan: data.SplitPlan
    store: SampleStore
    hardware: Hardware
    reporter: Reporter
    stop: StopRequest

    def split_ids(self, split: str) -> tuple[str, ...]:
        """Frames of `val` or `test`, each once."""
        return tuple(dict.fromkeys(item.id for item in getattr(self.plan, split)))


def fit(job: Job, name: str, writer: RunWriter, *, models_left: int) -> RunRecord:
    """Train one architecture; the run says how it ended, whatever happens.

    Returns:
        The run: finished with scores on validation and test, interrupted with the best epoch so far (scored too,
        unless the user asked twice), or failed with the reason.
    """
    writer.write_config(job.config.for_run(name).values())
    summary = _first_summary(job, name, writer.id)
    writer.write_summary(summary)
    progress = Progress()
    status: Status = "finished"
    error: str | None = None
    try:
        model = _create(job, name)
        summary = summary.model_copy(update={"parameters": count_parameters(model)})
        writer.write_summary(summary)
        _train(job, name, model, writer, progress, models_left)
        if progress.best_epoch is None:
            raise TrainingError(
                "No pixel of the validation masks is scored, so no epoch is the best. Check the masks, --void and "
                "--split."
            )
    except Interrupted:
        status = "interrupted"
        job.reporter.say(f"{name}: stopped; the best epoch so far is scored now, Ctrl-C again leaves that out.")
    except Exception as caught:  # one model must not lose the others: whatever it is, it is stored and shown
        status, error = "failed", _tell(job, name, caught)
    except (KeyboardInterrupt, SystemExit):  # a second Ctrl-C, which Lightning turns into an exit
        writer.write_summary(_ended(summary, "interrupted", None, progress))
        raise KeyboardInterrupt from None
    summary = _ended(summary, status, error, progress)
    writer.write_summary(summary)
    if progress.best_epoch is not None and error is None:
        try:
            _evaluate(job, writer, summary)
        except Exception as caught:  # as above: a bad test image, a full disk
            error = f"Trained, but not scored. {_tell(job, name, caught)}"
            summary = writer.record().summary.model_copy(update={"status": "failed", "error": error})
            writer.write_summary(summary)
    if progress.epochs:
        job.reporter.say(
            f"[dim]{name}: {progress.seconds:.1f} s of training, {progress.seconds / progress.epochs:.1f} s an epoch, "
            f"{100 * progress.wait_share:.1f} % of it waiting for data; best epoch {(progress.best_epoch or 0) + 1}[/]"
        )
    return writer.record()


def _ended(summary: Summary, status: Status, error: str | None, progress: Progress) -> Summary:
    return summary.model_copy(
        update={
            "status": status,
            "error": error,
            "best_epoch": progress.best_epoch,
            "epochs": progress.epochs,
            "train_seconds": round(progress.seconds, 3),
        }
    )


def _tell(job: Job, name: str, caught: Exception) -> str:
    """Show why a model failed; returns it for the run. What is no error of ours is shown with its traceback."""
    if isinstance(caught, SegcoreError):
        job.reporter.say(f"[red]{name} failed[/]: {escape(str(caught))}")
        return str(caught)
    job.reporter.console.print_exception()
    return f"{type(caught).__name__}: {str(caught).splitlines()[0] if str(caught) else ''}"


def _first_summary(job: Job, name: str, run_id: str) -> Summary:
    config, dataset = job.config, job.dataset
    height, width = config.image_size
    fed = normalization(config.encoder, config.encoder_weights)
    return Summary(
        run_id=run_id,
        status="training",
        created=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
        model=name,
        encoder=config.encoder,
        encoder_weights=config.encoder_weights,
        parameters=0,
        labels=dataset.labels.to_dict(),
        dataset=DatasetInfo(
            name=dataset.name,
            source=dataset.source,
            fingerprint=dataset.fingerprint,
            classes=dataset.labels.classes,
            split=job.plan.method,
            split_fingerprint=job.plan.fingerprint,
            void=config.void,
            **job.plan.counts(),
        ),
        input=InputInfo(height=height, width=width, mean=fed.mean, std=fed.std),
        device=job.hardware.device,
        precision=job.hardware.precision,
        seed=config.seed,
        versions=versions(),
    )


def _create(job: Job, name: str) -> AnySize:
    config = job.config
    pl.seed_everything(config.seed, verbose=False)
    model = create_model(
        name,
        encoder=config.encoder,
        encoder_weights=config.encoder_weights,
        classes=job.dataset.labels.classes,
        **config.model_options.get(name, {}),
    )
    set_trainable(model, config.freeze)
    if (job.hardware.device, job.hardware.precision) == ("cpu", "bf16"):
        depthwise_in_float32(model)
    return model.to(memory_format=torch.channels_last) if config.channels_last else model


def _train(job: Job, name: str, model: AnySize, writer: RunWriter, progress: Progress, models_left: int) -> None:
    config, classes = job.config, job.dataset.labels.classes
    batches = [
        loader(
            Items(
                items,
                job.store,
                config.pipeline,
                seed=config.seed,
                copies=config.copies,
                training=training,
                fixed=job.plan.method == "augmented",
            ),
            batch_size=config.batch_size,
            seed=config.seed,
            shuffle=training,
            workers=config.workers,
        )
        for items, training in ((job.plan.train, True), (job.plan.val, False))
    ]
    terms = parse_loss(config.loss)
    weights = None
    if any(term == "weighted_ce" for _, term in terms):
        pixels = job.store.pixels([item.id for item in job.plan.train if item.copy == 0], classes)
        weights = torch.from_numpy(median_frequency_weights(pixels, limit=config.class_weight_limit))
    module = SegmentationModule(
        model,
        SegmentationLoss(terms, class_weights=weights, label_smoothing=config.label_smoothing),
        normalization(config.encoder, config.encoder_weights),
        config,
        classes=classes,
        steps=config.epochs * len(batches[0]),
    )
    with _quiet(), job.reporter.training(name, epochs=config.epochs, steps=len(batches[0]), models_left=models_left):
        pl.Trainer(
            accelerator="gpu" if job.hardware.device == "cuda" else "cpu",
            devices=1,
            precision=job.hardware.lightning_precision,
            max_epochs=config.epochs,
            gradient_clip_val=config.gradient_clip or None,
            callbacks=[Recorder(writer, job.reporter, job.stop, progress)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        ).fit(module, train_dataloaders=batches[0], val_dataloaders=batches[1])


def _evaluate(job: Job, writer: RunWriter, summary: Summary) -> None:
    """Score the stored weights at ground-truth size on validation and test; predictions are stored."""
    for split in ("val", "test"):
        ids = job.split_ids(split)
        if ids:
            bar = job.reporter.counting(f"scoring {split}")
            found = evaluate(writer.record(), job.dataset, ids, split=split, device=job.hardware.device, progress=bar)
            summary = summary.model_copy(update={split: ScoreInfo.from_counts(found.total, job.dataset.labels)})
            writer.write_summary(summary)


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
