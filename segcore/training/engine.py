"""Train several models on the same data, one after another."""

from __future__ import annotations

from collections.abc import Callable

import torch

from segcore import data
from segcore.errors import DatasetError
from segcore.models.encoders import normalization
from segcore.models.weights import encoder_state
from segcore.runs import RunRecord, RunStore
from segcore.training.config import TrainConfig
from segcore.training.fit import Job, fit
from segcore.training.hardware import Hardware
from segcore.training.recorder import StopRequest
from segcore.training.report import Reporter
from segcore.training.samples import SampleStore


def train(config: TrainConfig, reporter: Reporter | None = None) -> list[RunRecord]:
    """Train every model of the config, score the best epoch of each, and store it all in runs.

    A model that fails does not lose the others: its run says why. Ctrl-C ends the training after the current step;
    the best epoch so far is kept and scored.

    Args:
        config: The settings.
        reporter: Where progress is told; the terminal by default.

    Returns:
        A run for every model that was begun.

    Raises:
        SegcoreError: when nothing could start: data, encoder, device.
        KeyboardInterrupt: on Ctrl-C before the first model, and on a second one.
    """
    reporter = reporter or Reporter()
    hardware = Hardware.choose(config)
    normalization(config.encoder, config.encoder_weights)  # refuses an unknown encoder before any data is read
    encoder_state(config.encoder, config.encoder_weights)  # the same for weights that can't be had
    torch.backends.cudnn.benchmark = hardware.device == "cuda"
    dataset = data.open_dataset(
        config.data,
        labels=config.labels,
        void=config.void,
        skip_incomplete=config.skip_incomplete,
        color_tolerance=config.color_tolerance,
    )
    plan = data.plan_split(
        dataset, method=config.split, val_fraction=config.val_fraction, copies=config.copies, seed=config.seed
    )
    store = SampleStore(dataset, config.image_size, config.cache_mb * 1_000_000)
    stop = StopRequest()
    job = Job(config, dataset, plan, store, hardware, reporter, stop)
    reporter.opening(_opening(job), (*dataset.notes, *plan.warnings))
    runs: list[RunRecord] = []
    with stop.listening(), reporter.drawing():
        store.fill([item.id for item in (*plan.train, *plan.val)], _counting(job, "reading"))
        _check_test(job)
        for index, name in enumerate(config.models):
            if stop.asked:
                break
            writer = RunStore(config.out).create(f"{config.name or dataset.name}-{name}")
            runs.append(fit(job, name, writer, models_left=len(config.models) - index))
    if runs:
        reporter.closing(runs)
    if stop.asked:
        left = [name for name in config.models[len(runs) :]]
        reporter.say(f"Interrupted.{' Not trained: ' + ', '.join(left) + '.' if left else ''}")
    return runs


def _counting(job: Job, what: str) -> Callable[[int, int], None]:
    """A bar that ends with `KeyboardInterrupt` when the user asks to stop."""
    bar = job.reporter.counting(what)

    def update(done: int, total: int) -> None:
        bar(done, total)
        if job.stop.asked:
            raise KeyboardInterrupt

    return update


def _check_test(job: Job) -> None:
    """Decode every test sample once: a bad file must not be found after hours of training.

    Raises:
        DatasetError: naming the first that can't be used.
    """
    ids = job.split_ids("test")
    problems = data.find_problems(job.dataset, ids, _counting(job, "checking test"))
    if problems:
        raise DatasetError(
            f"{len(problems)} of {len(ids)} test samples can't be used. {problems[0]} "
            f"List them all: segcore data info {job.dataset.source} --check"
        )


def _opening(job: Job) -> dict[str, str]:
    config, dataset, counts = job.config, job.dataset, job.plan.counts()
    afresh = "" if config.copies or not config.pipeline.steps else ", augmented afresh each epoch"
    grown = f" -> {counts['train_augmented']} with augmented copies" if config.copies else afresh
    used = {item.id for item in (*job.plan.train, *job.plan.val)}
    beside = sum(frame not in used for frame in dataset.splits["train"])
    gap = f"; {beside} of training beside it left out" if beside else ""
    ignored = ", ".join(name for name, _ in dataset.labels.ignored)
    left_out = f", {ignored} ignored" if ignored else ""
    height, width = config.image_size
    frozen = {"none": "nothing frozen", "encoder": "encoder frozen"}.get(
        config.freeze, f"first {config.freeze} stages frozen"
    )
    return {
        "data": f"{dataset.name} ({dataset.source}), {dataset.labels.classes} classes{left_out}",
        "training": f"{counts['train']} images{grown}",
        "validation": f"{counts['val']} images, split by {job.plan.method}{gap}",
        "test": f"{counts['test']} images",
        "augment": "; ".join(step.sentence() for step in config.pipeline.steps) or "none",
        "models": f"{', '.join(config.models)} on {config.encoder} ({config.encoder_weights} weights), {frozen}",
        "recipe": f"{config.epochs} epochs, {height}x{width}, batch {config.batch_size}, {config.loss}, "
        f"{config.optimizer} at {config.lr:g}, {config.schedule}",
        "device": f"{job.hardware.name}, {job.hardware.precision}",
        "validated at": f"{height}x{width} each epoch; the scores at the end are at the ground truth's own size",
    }
