"""A session: the open datasets, decoded samples, signals and terminal that the trainings of one process share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from shlex import quote

import torch

from segcore import data
from segcore.data.tags import read_image_list
from segcore.errors import ConfigError, DatasetError, number
from segcore.models import check_model, model_normalization, model_spec
from segcore.models.encoders import Normalization
from segcore.models.initial_weights import InitialWeights
from segcore.runs import RunRecord, RunWriter
from segcore.training.callbacks import OnEpoch
from segcore.training.checkpoint import Checkpoint
from segcore.training.class_check import check_classes
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter, TrainingTime
from segcore.training.distributed import World
from segcore.training.estimate import estimates
from segcore.training.fit import fit
from segcore.training.hardware import Hardware
from segcore.training.initialization import create_architecture, prepare_model, read_initial
from segcore.training.job import Job
from segcore.training.loggers import check_loggers
from segcore.training.losses.class_weights import named_weights
from segcore.training.losses.user_loss import check_loss
from segcore.training.registry import parse_loss
from segcore.training.signals import StopRequest
from segcore.training.train_dataset import SampleStore


class Session:
    """What the trainings of one process share: open datasets, decoded samples, stop signals, the terminal.

    Args:
        reporter: Prints progress; None prints to the terminal.
        world: The processes that train together; None reads them from the environment.
        origin: Commit and command from `provenance.origin`, when another process received the user's command.
        remote: Trainings are only checked here and run elsewhere, so this machine's hardware does not matter.
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
        self._checked_models: set[tuple[str, ...]] = set()
        self._initial: dict[tuple[str, str], tuple[InitialWeights, Normalization | None]] = {}
        self._counted: set[tuple[object, ...]] = set()
        self._datasets: dict[tuple[object, ...], data.Dataset] = {}
        self._stores: dict[tuple[object, ...], SampleStore] = {}
        self._job: Job | None = None  # the last one prepared

    def world(self, config: TrainConfig) -> World:
        """The processes that train together; looked up once."""
        if self._world is None:
            self._world = World.find(Hardware.choose(config).device)
        return self._world

    @property
    def reporter(self) -> Reporter:
        """Prints progress in the first process; the other processes print nothing."""
        if self._reporter is None:
            self._reporter = Reporter(silent=self._world is not None and not self._world.first)
        return self._reporter

    @contextmanager
    def working(self) -> Iterator[None]:
        """Inside the block, Ctrl-C ends the training after the current step, and progress bars are drawn."""
        with self.stop.listening(), self.reporter.drawing():
            yield

    def prepare(self, task: TrainConfig, *, resumed: bool = False) -> Job:
        """Check a task, open its data and split it.

        Preparing the same task again returns the same job. Tasks on the same data share the open dataset and the
        decoded samples.

        Args:
            task: One model, seed and fold, from `TrainConfig.tasks()`.
            resumed: A checkpoint has its weights, so that those it started from are not wanted again.

        Raises:
            SegcoreError: when it can't start: data, encoder, device, class weights, a logger's package.
        """
        if self._job is None or self._job.config != task:
            self._job = self._prepare(task, resumed)
        return self._job

    def prepare_all(self, tasks: Sequence[TrainConfig]) -> Job:
        """Prepare the first of several tasks, after every model and its start (`init`) are checked.

        Raises:
            SegcoreError: as `prepare`.
        """
        self.check_models([task for task in tasks if model_spec(task.models[0]).source != "segcore"])
        if tasks[0].init or tasks[0].freeze != "none":
            for task in {task.models: task for task in tasks}.values():
                self.prepare(task)
        return self.prepare(tasks[0])

    def _prepare(self, task: TrainConfig, resumed: bool) -> Job:
        hardware = Hardware.choose(task.model_copy(update={"device": "cpu"}) if self._remote else task)
        initial, norm = (None, None) if resumed or not task.init else self._read_initial(task.init, task.out)
        self.check_models([task], resumed=resumed)
        norm = norm or model_normalization(task.models[0], task.encoder, task.encoder_weights)
        check_loggers(task.loggers)
        torch.backends.cudnn.benchmark = hardware.device == "cuda"
        key = (task.data, task.open_options)
        if key not in self._datasets:
            self._datasets[key] = task.open_options.open(task.data)
        dataset = self._datasets[key]
        if not isinstance(task.class_weights, str):
            named_weights(task.class_weights, dataset.labels.names)
        plan = data.plan_split(
            dataset,
            method=task.split,
            val_fraction=task.val_fraction,
            copies=task.copies,
            seed=task.plan_seed,
            folds=task.folds,
            fold=task.fold,
        )
        only: tuple[str, ...] = ()
        if task.only:
            images = read_image_list(task.only, dataset.source)
            only = images.of_dataset(dataset)
            plan = plan.restricted(frozenset(only), images.title)
        store_key = (*key, task.image_size, task.cache_mb)
        if store_key not in self._stores:  # only one store is kept, so that its budget holds
            self._stores = {store_key: SampleStore(dataset, task.image_size, task.cache_mb * 1_000_000)}
        world = self.world(task)
        if task.batch_size < world.size:
            raise ConfigError(
                f"--batch-size {task.batch_size} is shared by all {world.size} processes, and each needs an image. "
                f"Give {world.size} or more, or start fewer processes."
            )
        check_same_data(world, dataset, plan)
        store = self._stores[store_key]
        if initial or task.freeze != "none":
            self._check_start(task, initial, dataset.labels.names)
        return Job(
            *(task, dataset, plan, store, hardware, world, self.reporter, self.stop, norm),
            origin=self._origin,
            initial=initial,
            resumed=resumed,
            only=only,
        )

    def _read_initial(self, source: str, runs: str) -> tuple[InitialWeights, Normalization | None]:
        """The weights that `init` names, read once."""
        if (source, runs) not in self._initial:
            self._initial[source, runs] = read_initial(source, runs)
        return self._initial[source, runs]

    def _check_start(self, task: TrainConfig, initial: InitialWeights | None, classes: tuple[str, ...]) -> None:
        """Refuse weights of another architecture, and what can't be frozen, before the training makes its folder."""
        frozen = str((task.freeze, task.unfreeze, task.epochs, task.cache_features))
        key = (*task.models, task.encoder, str(task.init), str(task.model_options), frozen, *classes)
        if key not in self._checked_models:
            prepare_model(create_architecture(task, len(classes)), task, initial, classes)
            self._checked_models.add(key)

    def check_models(self, tasks: Sequence[TrainConfig], *, resumed: bool = False) -> None:
        """Refuse models and weights that can't be used, before any data is read; each is checked once.

        Args:
            tasks: From `TrainConfig.tasks()`.
            resumed: Their weights are not wanted.

        Raises:
            SegcoreError: names what can't be had, doesn't fit, or breaks what every model promises.
        """
        for task in tasks:
            options = task.model_options.get(task.models[0], {})
            weights = "none" if task.init or resumed else task.encoder_weights
            key = (task.models[0], task.encoder, weights, repr(options), task.loss)
            if key not in self._checked_models:
                check_model(task.models[0], task.encoder, weights, options)
                for _, name in parse_loss(task.loss):
                    check_loss(name)
                self._checked_models.add(key)

    def check_classes(self, job: Job) -> None:
        """Print what the decoded masks don't show, once for each split.

        Raises:
            DatasetError: when no pixel of training or validation is scored.
        """
        key = (job.dataset.fingerprint, job.plan.fingerprint, job.config.image_size)
        if key not in self._counted:
            for note in check_classes(job):
                self.reporter.note(note)
            self._counted.add(key)

    def estimates(self, tasks: Sequence[TrainConfig], checkpoint: Checkpoint | None = None) -> list[TrainingTime]:
        """Time a few steps of each model of some tasks, which share their data and settings.

        Args:
            tasks: From `TrainConfig.tasks()`.
            checkpoint: Where the only one of them resumes; None starts from the beginning.

        Raises:
            SegcoreError: when the first of them can't start.
        """
        position = checkpoint.position if checkpoint else None
        return estimates(self.ready(tasks[0], resumed=checkpoint is not None), tasks, position)

    def ready(self, task: TrainConfig, *, resumed: bool = False) -> Job:
        """Prepare a task, and decode and check its samples.

        Raises:
            SegcoreError: when it can't start.
        """
        job = self.prepare(task, resumed=resumed)
        check_pipeline(task)
        decode(job)
        self.check_classes(job)
        return job

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
        """Train one task and write its run, or resume that run from a checkpoint.

        Args:
            task: One model, seed and fold, from `TrainConfig.tasks()`.
            writer: Writes the run's folder.
            on_epoch: Called with each epoch's row of metrics; returning False stops the training as `interrupted`.
            splits: The splits on which the kept epoch is scored at the end.
            checkpoint: Where to resume; None starts from the beginning.
            models_left: Models still to train, this one included; for the progress bar.

        Raises:
            SegcoreError: when it can't start. A training that fails later returns a run whose status says so.
        """
        job = self.ready(task, resumed=checkpoint is not None)
        return fit(job, writer, checkpoint=checkpoint, models_left=models_left, on_epoch=on_epoch, splits=splits)


def check_same_data(world: World, dataset: data.Dataset, plan: data.SplitPlan) -> None:
    """Check that every process has the same images in the same order; each takes its shard of every batch.

    Raises:
        DatasetError: in each process whose data differs from the first process's.
    """
    mine = (dataset.fingerprint, plan.fingerprint)
    firsts = world.broadcast(mine)
    if mine != firsts:
        raise DatasetError(
            f"{dataset.source} is not the same for every process: {dataset.name} has fingerprint {mine[0]}, split "
            f"{mine[1]} in process {world.rank + 1}, and {firsts[0]}, split {firsts[1]} in the first. Copy the same "
            "images and masks to every machine, or put them where all can read them."
        )


def interruptible_bar(job: Job, what: str) -> Callable[[int, int], None]:
    """A progress callback of (done, total) that raises `KeyboardInterrupt` when the user asks to stop."""
    bar = job.reporter.counting(what)

    def update(done: int, total: int) -> None:
        bar(done, total)
        if job.stop.requested:
            raise KeyboardInterrupt

    return update


def decode(job: Job) -> None:
    """Decode the training and validation samples that are not decoded yet, within the memory budget.

    What does not fit is read once all the same, unless the training resumes.

    Raises:
        DatasetError: when one can't be used; all are then read, and the message counts those that can't.
    """
    ids = list(dict.fromkeys(item.id for item in (*job.plan.train, *job.plan.val)))
    try:
        job.store.fill(ids, interruptible_bar(job, "reading"))
    except DatasetError:
        _check(job, ids, "training and validation")
        raise
    unread = [] if job.resumed else job.store.unread(ids)
    if unread:
        job.reporter.note(
            f"{len(unread)} of {number(len(ids), 'image')} don't fit --cache-mb {job.config.cache_mb} and are decoded "
            "again in each epoch."
        )
        _check(job, unread, "training and validation")


def check_pipeline(config: TrainConfig) -> None:
    """Check that the augmentation can be applied at every training size, before training starts.

    Raises:
        AugmentError: names the transform that can't be applied.
    """
    for height, width in sorted({config.size_at(epoch) for epoch in range(config.epochs)}):
        config.pipeline.check(height, width)


def check_samples(job: Job, split: str) -> None:
    """Decode every sample of a split once, so that a bad file ends the command before training starts.

    Raises:
        DatasetError: counts those that can't be used, and names the first.
    """
    _check(job, job.plan.scored(split), split)


def _check(job: Job, ids: Sequence[str], what: str) -> None:
    problems = data.find_problems(job.dataset, ids, interruptible_bar(job, f"checking {what}"))
    if problems:
        raise DatasetError(
            f"{len(problems)} of {len(ids)} {what} samples can't be used. {problems[0]} "
            f"List them all: segcore data info {quote(str(job.dataset.source))} --check"
        )


def opening_lines(job: Job, config: TrainConfig) -> dict[str, str]:
    """The lines printed before the trainings of a config, of which `job` is the first: data, models, recipe, device."""
    dataset, counts = job.dataset, job.plan.counts()
    fresh = "" if config.copies or not config.pipeline.active else ", augmented afresh each epoch"
    copied = counts["train_augmented"] > counts["train"]  # made by this training, or stored with the dataset
    augmented = (f" -> {counts['train_augmented']} with augmented copies" if copied else "") + fresh
    used = {item.frame for item in (*job.plan.train, *job.plan.val)}
    unused = sum(frame not in used for frame in dataset.frames("train"))
    gap = f"; {unused} of training beside it left out" if unused else ""
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
        "training": f"{counts['train']} images{augmented}",
        "validation": f"{counts['val']} images, split by {job.plan.method}{gap}"
        if job.plan.validates
        else "none: its images are trained on, and the last epoch is kept",
        "test": f"{counts['test']} images",
        "augment": "; ".join(step.sentence() for step in config.pipeline.active) or "none",
        "models": f"{_models(config)}{several}",
        "recipe": f"{config.epochs} epochs, {height}x{width}{sizes}, {images} images a step, {config.loss}, "
        f"{config.optimizer} at {config.lr:g}, {config.schedule}{averaged}",
        "device": f"{job.hardware.name}, {job.hardware.precision}{together}",
        "validated at": f"{height}x{width} each epoch; the scores at the end are at the ground truth's own size"
        if job.plan.validates
        else "no epoch; the scores at the end are at the ground truth's own size",
    }


def _models(config: TrainConfig) -> str:
    """The models by encoder, as `fcn8s, unet on resnet34 (imagenet weights); my_net.py:MyNet (own weights)`."""
    by_encoder: dict[str, list[str]] = {}
    for name in config.models:
        spec = model_spec(name)
        encoder = "" if spec.encoder == "own" else f" on {spec.encoder or config.encoder}"
        weights = (
            f" (starting from {config.init})"
            if config.init
            else f" ({spec.weights_of(config.encoder_weights)} weights)"
        )
        by_encoder.setdefault(encoder + weights, []).append(name)
    return "; ".join(f"{', '.join(names)}{encoder}" for encoder, names in by_encoder.items())
