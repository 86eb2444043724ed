"""Train several models on the same data, one after another, and go on with one that was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from segcore import data
from segcore.errors import ConfigError, DatasetError, RunError
from segcore.models.encoder_weights import encoder_state
from segcore.models.encoders import normalization
from segcore.runs import RunRecord, RunStore, RunWriter, find_run
from segcore.training.callbacks import OnEpoch
from segcore.training.checkpoint import Checkpoint
from segcore.training.config import TrainConfig, build, flag
from segcore.training.console import Reporter
from segcore.training.distributed import World
from segcore.training.fit import fit
from segcore.training.hardware import Hardware
from segcore.training.job import Job
from segcore.training.loggers import check_loggers
from segcore.training.signals import StopRequest
from segcore.training.train_dataset import SampleStore

# What a training may change when it goes on: where things are and how fast they come, nothing that decides a number.
CHANGEABLE = ("data", "workers", "cache_mb", "checkpoint_minutes", "loggers", "out", "name", "skip_incomplete")


class Session:
    """What the trainings of one process share: open datasets, decoded samples, signals, the terminal.

    Args:
        reporter: Where progress is told; the terminal by default.
        world: The processes that train together; None looks for them.
        origin: Of `provenance`, where another process got the user's command.
        remote: Trainings are only checked here, and run elsewhere: what this machine has does not matter.
    """

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        world: World | None = None,
        origin: Mapping[str, str | None] | None = None,
        remote: bool = False,
    ) -> None:
        self.stop = StopRequest()
        self._reporter = reporter
        self._world = World() if remote else world
        self._origin = origin
        self._remote = remote
        self._weights: set[tuple[str, str]] = set()  # that can be had
        self._datasets: dict[tuple[object, ...], data.Dataset] = {}
        self._stores: dict[tuple[object, ...], SampleStore] = {}

    def world(self, config: TrainConfig) -> World:
        """The processes that train together; found once."""
        if self._world is None:
            self._world = World.find(Hardware.choose(config).device)
        return self._world

    @property
    def reporter(self) -> Reporter:
        """Of the first process; the others keep silent."""
        if self._reporter is None:
            self._reporter = Reporter(silent=self._world is not None and not self._world.first)
        return self._reporter

    @contextmanager
    def working(self) -> Iterator[None]:
        """Ctrl-C ends the training after the current step, and bars are drawn, inside the block."""
        with self.stop.listening(), self.reporter.drawing():
            yield

    def job(self, task: TrainConfig, writer: RunWriter) -> Job:
        """What a task stands on; opened and decoded at most once for tasks on the same data.

        Raises:
            SegcoreError: when it can't start: data, encoder, device, a logger's package.
        """
        hardware = Hardware.choose(task.model_copy(update={"device": "cpu"}) if self._remote else task)
        weights = (task.encoder, task.encoder_weights)
        if weights not in self._weights:
            normalization(*weights)  # refuses an unknown encoder before any data is read
            encoder_state(*weights)  # the same for weights that can't be had
            self._weights.add(weights)
        check_loggers(task.loggers)
        torch.backends.cudnn.benchmark = hardware.device == "cuda"
        key = (task.data, task.open_options)
        if key not in self._datasets:
            self._datasets[key] = task.open_options.open(task.data)
        dataset = self._datasets[key]
        plan = data.plan_split(
            dataset,
            method=task.split,
            val_fraction=task.val_fraction,
            copies=task.copies,
            seed=task.seed,
            folds=task.folds,
            fold=task.fold,
        )
        stored = (*key, task.image_size, task.cache_mb)
        if stored not in self._stores:
            self._stores = {stored: SampleStore(dataset, task.image_size, task.cache_mb * 1_000_000)}  # one fits
        store = self._stores[stored]
        world = self.world(task)
        if task.batch_size < world.size:
            raise ConfigError(
                f"--batch-size {task.batch_size} is shared by all {world.size} processes, and each needs an image. "
                f"Give {world.size} or more, or start fewer processes."
            )
        _check_same(world, dataset, plan)
        return Job(task, dataset, plan, store, hardware, world, self.reporter, self.stop, writer, self._origin)

    def run(
        self,
        task: TrainConfig,
        writer: RunWriter,
        *,
        on_epoch: OnEpoch | None = None,
        splits: Sequence[str] = ("val", "test"),
        checkpoint: Checkpoint | None = None,
        models_left: int = 1,
    ) -> RunRecord:
        """Train one task into one run, or go on with it.

        Args:
            task: Of `TrainConfig.tasks()`: one model, one seed, one fold.
            writer: Of the run.
            on_epoch: Gets the row of metrics of each epoch; False stops the training (the run is then `interrupted`).
            splits: What the best epoch is scored on at the end.
            checkpoint: Where to go on.
            models_left: For the progress bar, this one included.

        Raises:
            SegcoreError: when it can't start. A training that fails later is a run that says so.
        """
        job = self.job(task, writer)
        check_pipeline(task)
        decode(job)
        return fit(job, checkpoint=checkpoint, models_left=models_left, on_epoch=on_epoch, splits=splits)


def train(config: TrainConfig, reporter: Reporter | None = None) -> list[RunRecord]:
    """Train every model of the config, seed by seed and fold by fold, score the best epoch of each, and store it all.

    A model that fails does not lose the others: its run says why. Ctrl-C ends the training after the current step;
    the best epoch so far is kept and scored.

    Args:
        config: The settings.
        reporter: Where progress is told; the terminal by default.

    Returns:
        A run for every training that was begun.

    Raises:
        SegcoreError: when nothing could start: data, encoder, device.
        KeyboardInterrupt: on Ctrl-C before the first model, and on a second one.
    """
    if config.launcher == "ray":
        from segcore.training.ray.launcher import train_on_ray

        return train_on_ray(config, reporter)
    session, tasks = Session(reporter), config.tasks()
    world = session.world(config)
    store = RunStore(config.out)
    job = session.job(tasks[0], RunWriter(store.root))
    session.reporter.opening(opening(job, config), (*job.dataset.notes, *job.plan.warnings))
    runs: list[RunRecord] = []
    with session.working():
        check_pipeline(config)
        decode(job)
        check_samples(job, "test")
        for index, task in enumerate(tasks):
            (asked,) = world.any(session.stop.asked)
            if asked:
                session.stop.asked = True  # whichever process was
                break
            name = task.run_name(job.dataset.name)
            writer = RunWriter(Path(world.agree(str(store.create(name).path) if world.first else "")))
            runs.append(session.run(task, writer, models_left=len(tasks) - index))
            if world.size > 1 and runs[-1].summary.status == "failed":
                break
    if runs:
        session.reporter.closing(runs)
    left = ", ".join(task.run_name(job.dataset.name) for task in tasks[len(runs) :])
    if left or session.stop.asked:
        begun = (
            "Interrupted." if session.stop.asked else "Stopped: the processes may not be at the same point any more."
        )
        session.reporter.say(f"{begun}{' Not trained: ' + left + '.' if left else ''}")
    return runs


def resume(run: str, changes: Mapping[str, Any], reporter: Reporter | None = None) -> RunRecord:
    """Go on with a run from its `last.ckpt`, to the numbers it would have had without the stop.

    Args:
        run: Its folder, or its id in the folder of runs.
        changes: Settings given beside; only those in `CHANGEABLE` may differ from the run's own.
        reporter: Where progress is told; the terminal by default.

    Raises:
        ConfigError: when a setting would make it another training.
        DatasetError: when the data is not what it was trained on.
        RunError: when there is nothing to go on from.
    """
    record = find_run(run, changes.get("out", TrainConfig.model_fields["out"].default))
    stored = record.config
    config = build({name: value for name, value in stored.items() if name in TrainConfig.model_fields})
    _check_changes(record, config, changes)
    config = build({**config.values(), **changes, "out": config.out, "name": config.name})
    checkpoint = Checkpoint.read(record.path)
    session = Session(reporter)
    session.world(config)
    writer = RunWriter(record.path)
    job = session.job(config, writer)
    trained = record.summary.dataset
    if (job.dataset.fingerprint, job.plan.fingerprint) != (trained.fingerprint, trained.split_fingerprint):
        raise DatasetError(
            f"Run {record.id!r} was trained on {trained.name} ({trained.source}, fingerprint {trained.fingerprint}, "
            f"split {trained.split_fingerprint}); {job.dataset.source} is {job.dataset.name} with fingerprint "
            f"{job.dataset.fingerprint}, split {job.plan.fingerprint}. Give --data the same images and masks."
        )
    position = checkpoint.position
    session.reporter.opening(opening(job, config), ())
    session.reporter.say(
        f"Going on with {record.id} after {position.epoch} of {config.epochs} epochs"
        + (f" and {position.batches} batches." if position.batches else ".")
    )
    with session.working():
        found = session.run(config, writer, checkpoint=checkpoint)
    session.reporter.closing([found])
    return found


def _check_same(world: World, dataset: data.Dataset, plan: data.SplitPlan) -> None:
    """Every process must have the same images in the same order: each takes its share of every batch.

    Raises:
        DatasetError: in the processes whose data is not the first one's.
    """
    mine = (dataset.fingerprint, plan.fingerprint)
    firsts = world.agree(mine)
    if mine != firsts:
        raise DatasetError(
            f"{dataset.source} is not the same for every process: {dataset.name} has fingerprint {mine[0]}, split "
            f"{mine[1]} in process {world.rank + 1}, and {firsts[0]}, split {firsts[1]} in the first. Copy the same "
            "images and masks to every machine, or put them where all can read them."
        )


def _check_changes(record: RunRecord, config: TrainConfig, changes: Mapping[str, Any]) -> None:
    wanted = build({**config.values(), **changes})
    for name in changes:
        before, now = config.values()[name], wanted.values()[name]
        if name not in CHANGEABLE and before != now:
            raise ConfigError(
                f"{flag(name)} is {now!r} and run {record.id!r} was trained with {before!r}: going on with it would be "
                f"another training. Leave it out, or begin anew without --resume."
            )
    if record.summary.status == "finished":
        raise RunError(
            f"Run {record.id!r} is finished after {record.summary.epochs} epochs; there is nothing to go on with. To "
            f"train longer, begin anew: python train.py --config {record.path / 'config.yaml'} --epochs MORE"
        )


def counting(job: Job, what: str) -> Callable[[int, int], None]:
    """A bar that ends with `KeyboardInterrupt` when the user asks to stop."""
    bar = job.reporter.counting(what)

    def update(done: int, total: int) -> None:
        bar(done, total)
        if job.stop.asked:
            raise KeyboardInterrupt

    return update


def decode(job: Job) -> None:
    """Decode what it trains and validates on, as far as the memory for it goes and it is not decoded yet."""
    job.store.fill([item.id for item in (*job.plan.train, *job.plan.val)], counting(job, "reading"))


def check_pipeline(config: TrainConfig) -> None:
    """Try the augmentation at every size it will meet: a crop that is too large must not wait for its image.

    Raises:
        AugmentError: naming the transform that can't be applied.
    """
    for height, width in sorted({config.size_at(epoch) for epoch in range(config.epochs)}):
        config.pipeline.check(height, width)


def check_samples(job: Job, split: str) -> None:
    """Decode every sample of a split once: a bad file must not be found after hours of training.

    Raises:
        DatasetError: naming the first that can't be used.
    """
    ids = job.split_ids(split)
    problems = data.find_problems(job.dataset, ids, counting(job, f"checking {split}"))
    if problems:
        raise DatasetError(
            f"{len(problems)} of {len(ids)} {split} samples can't be used. {problems[0]} "
            f"List them all: segcore data info {job.dataset.source} --check"
        )


def opening(job: Job, config: TrainConfig) -> dict[str, str]:
    """What will be trained on what, line by line."""
    dataset, counts = job.dataset, job.plan.counts()
    afresh = "" if config.copies or not config.pipeline.active else ", augmented afresh each epoch"
    copied = counts["train_augmented"] > counts["train"]  # by this training, or on disk already
    grown = (f" -> {counts['train_augmented']} with augmented copies" if copied else "") + afresh
    used = {item.frame for item in (*job.plan.train, *job.plan.val)}
    beside = sum(frame not in used for frame in dataset.frames("train"))
    gap = f"; {beside} of training beside it left out" if beside else ""
    ignored = ", ".join(name for name, _ in dataset.labels.ignored)
    left_out = f", {ignored} ignored" if ignored else ""
    height, width = config.image_size
    sizes = "".join(
        f", {size[0]}x{size[1]} from epoch {epoch + 1}" for epoch, size in sorted(config.progressive.items())
    )
    images = f"{config.batch_size * config.accumulate}" + (
        f" ({config.accumulate} batches of {config.batch_size})" if config.accumulate > 1 else ""
    )
    tasks = len(config.tasks())
    several = f"; {tasks} trainings" if tasks > len(config.models) else ""
    together = f", {job.world.size} processes" if job.world.size > 1 else ""
    averaged = f", weights averaged with {config.ema:g}" if config.ema else ""
    return {
        "data": f"{dataset.name} ({dataset.source}), {dataset.labels.classes} classes{left_out}",
        "training": f"{counts['train']} images{grown}",
        "validation": f"{counts['val']} images, split by {job.plan.method}{gap}",
        "test": f"{counts['test']} images",
        "augment": "; ".join(step.sentence() for step in config.pipeline.active) or "none",
        "models": f"{', '.join(config.models)} on {config.encoder} ({config.encoder_weights} weights){several}",
        "recipe": f"{config.epochs} epochs, {height}x{width}{sizes}, {images} images a step, {config.loss}, "
        f"{config.optimizer} at {config.lr:g}, {config.schedule}{averaged}",
        "device": f"{job.hardware.name}, {job.hardware.precision}{together}",
        "validated at": f"{height}x{width} each epoch; the scores at the end are at the ground truth's own size",
    }
