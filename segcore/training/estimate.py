"""Estimates how long trainings will take: times a few steps of each model before the first training begins."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from statistics import fmean
from typing import Any, TypeVar

import torch
from torch.utils.data import default_collate

from segcore.errors import typed_line
from segcore.models import model_title
from segcore.training.checkpoint import Position
from segcore.training.config import TrainConfig
from segcore.training.console import Reporter, TrainingTime
from segcore.training.distributed import World
from segcore.training.freed_memory import freed_memory_kept
from segcore.training.job import Job
from segcore.training.lightning_module import Batch
from segcore.training.train_dataset import Key, ResumableBatchSampler, TrainDataset
from segcore.training.training_parts import create_start_model, training_parts

T = TypeVar("T")

QUICK_PIXELS = 5e6  # trainings of fewer pixels in all take under half a minute on a slow CPU too: not worth timing
FEWEST_IMAGES = 2  # in a step: batch norm can't learn from one
LONGEST_STEP = 0.6  # seconds; a step that would take longer is timed on fewer images, on the CPU alone
SECONDS = 0.5  # of timed steps for each phase of a training
MOST_STEPS = 10


@freed_memory_kept()
def estimates(job: Job, tasks: Sequence[TrainConfig], start: Position | None = None) -> list[TrainingTime]:
    """Time a few steps of each model of `tasks`, on models and optimizers that are thrown away.

    The trainings that follow are the same, bit by bit, as without: each seeds its own random numbers.

    Args:
        job: A prepared training on the data of all tasks, whose samples are decoded.
        tasks: The trainings to come, from `TrainConfig.tasks()`.
        start: Where the only training resumes; None starts from the beginning.

    Returns:
        The time of each model, in the order of the tasks. Empty when the trainings are short, when this process
        prints nothing, or after Ctrl-C. A model that can't be timed is left out, and a note says why.
    """
    height, width = job.config.image_size
    pixels = len(tasks) * job.config.epochs * len(job.plan.train) * height * width
    if job.reporter.console.quiet or pixels < QUICK_PIXELS:
        return []
    trainings = Counter(task.models for task in tasks)
    bar = job.reporter.counting("timing")
    times = []
    for done, task in enumerate({task.models: task for task in tasks}.values()):
        if job.stop.requested:
            return []
        bar(done, len(trainings))
        copy = replace(job, config=task, world=World(), reporter=Reporter(silent=True), initial=None)
        try:
            seconds, epochs = _training_seconds(copy, start or Position(), job.world)
            times.append(TrainingTime(copy.model, seconds, epochs, trainings[task.models]))
        except Exception as error:  # of a user's model, or of too little memory; the training may still succeed
            job.reporter.note(f"{model_title(copy.model)} can't be timed before it is trained. {typed_line(error)}")
    bar(len(trainings), len(trainings))
    return times


def _training_seconds(job: Job, start: Position, world: World) -> tuple[float, float]:
    """(seconds that are left of a training, epochs that are left), scoring aside.

    Args:
        job: A copy for timing, of a single process.
        start: How far the training has come.
        world: The processes that will train it.
    """
    timer = _StepTimer(job, world)
    epochs = {epoch: 1.0 for epoch in range(start.epoch, job.config.epochs)}
    if start.batches:
        epochs[start.epoch] = 1 - start.batches / timer.steps
    phases: dict[tuple[object, ...], list[int]] = {}
    for epoch in epochs:
        phases.setdefault((job.config.size_at(epoch), job.config.frozen_at(epoch)), []).append(epoch)
    seconds = 0.0
    for numbers in phases.values():
        seconds += sum(epochs[number] for number in numbers) * timer.steps * timer.step_seconds(numbers[0])
    validation = sum(epochs.values()) * timer.validation_seconds()
    return seconds + validation + timer.encoding_seconds(start.epoch), sum(epochs.values())


@dataclass(frozen=True)
class _Step:
    """Seconds of the parts of one step.

    Args:
        images: Images of the step.
        data: Reading and augmenting them.
        gradient: Forward and backward pass.
        update: The optimizer.
    """

    images: int
    data: float
    gradient: float
    update: float

    def seconds(self, images: int, workers: int, cores: int) -> float:
        """Seconds of a step of this many images, of which all but the update takes as many times longer.

        Data workers augment beside the training. On the CPU they take time from its `cores`; 0 stands for a GPU.
        """
        scale = images / self.images
        data, work = scale * self.data, scale * self.gradient + self.update
        if not workers:
            return data + work
        return max(work + (data / cores if cores else 0.0), data / workers)


class _StepTimer:
    """Trains a model for a few steps, and measures what they take.

    Args:
        job: A copy for timing, of a single process.
        world: The processes that will train it.
    """

    def __init__(self, job: Job, world: World) -> None:
        self.job, config = job, job.config
        self.parts = training_parts(job, create_start_model(job)[0])
        self.module = self.parts.module
        self.module.setup("fit")
        self.module.to(job.hardware.device)
        self.optimizer = self.module.configure_optimizers()["optimizer"]
        count = len(self.parts.train_set)
        self.steps = len(ResumableBatchSampler(count, config.batch_size, seed=config.seed, world=world))
        self.images = min(count, -(-config.batch_size // world.size))  # of a step, in one process
        self.validated = len(self.parts.val_set) / world.size  # images, in one process
        self._positions = cycle(range(count))

    def step_seconds(self, epoch: int) -> float:
        """Seconds of a training step in this epoch, data included."""
        few = min(self.images, self.images if self._on_gpu else FEWEST_IMAGES)
        self._step(epoch, few)  # pays for what is made once
        steps = [self._step(epoch, few)]
        if few < self.images and self._whole(steps[0]) < LONGEST_STEP:
            self._step(epoch, self.images)
            steps = [self._step(epoch, self.images)]
        end = time.perf_counter() + SECONDS - self._whole(steps[0])
        while len(steps) < MOST_STEPS and time.perf_counter() < end:
            steps.append(self._step(epoch, steps[0].images))
        return fmean(map(self._whole, steps))

    def validation_seconds(self) -> float:
        """Seconds of the validation after an epoch."""
        if not self.validated:
            return 0.0
        images = min(FEWEST_IMAGES, len(self.parts.val_set))
        batch = self._batch(self.parts.val_set, [(0, position) for position in range(images)])
        self.module.eval()
        with torch.no_grad():
            self._forward(self.module.validation_step, batch)  # pays for what is made once
            seconds = self._timed(lambda: self._forward(self.module.validation_step, batch))[0]
        return seconds * self.validated / images

    def encoding_seconds(self, epoch: int) -> float:
        """Seconds in which the features of all training images are cached before this epoch."""
        if not self._caches_features(epoch):
            return 0.0
        data, batch = self._timed(lambda: self._train_batch(epoch, FEWEST_IMAGES))
        encoding = self._timed(lambda: self._encode(batch))[0]
        return (data + encoding) * len(self.parts.train_set) / len(batch[2])

    def _whole(self, step: _Step) -> float:
        cores = 0 if self._on_gpu else torch.get_num_threads()
        return step.seconds(self.images, self.job.config.workers, cores)

    def _step(self, epoch: int, images: int) -> _Step:
        """Train on one batch, and measure it."""
        self.module.freeze_for(epoch)
        self.module.train()
        data, batch = self._timed(lambda: self._train_batch(epoch, images))
        self.module.features.drop()
        if self._caches_features(epoch):
            self._encode(batch)
        gradient = self._timed(lambda: self._forward(self.module.training_step, batch).backward())[0]
        return _Step(len(batch[2]), data, gradient, self._timed(self._update)[0])

    def _train_batch(self, epoch: int, images: int) -> Batch:
        return self._batch(self.parts.train_set, [(epoch, position) for position in islice(self._positions, images)])

    def _batch(self, items: TrainDataset, keys: list[Key]) -> Batch:
        images, masks, positions = default_collate([items[key] for key in keys])
        return images.to(self.module.device), masks.to(self.module.device), positions

    def _forward(self, step: Callable[[Batch, int], Any], batch: Batch) -> Any:  # noqa: ANN401 - a loss, or None
        with torch.autocast(self.module.device.type, torch.bfloat16, enabled=self.job.hardware.precision == "bf16"):
            return step(batch, 0)

    def _encode(self, batch: Batch) -> None:
        """Cache the features of a batch."""
        images = [(self.module.normalize(batch[0]), batch[2])]
        self._forward(lambda *_: self.module.features.fill(self.module.model, images, lambda _: None), batch)

    def _update(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.module.average is not None:
            self.module.average.update_parameters(self.module.model)

    def _caches_features(self, epoch: int) -> bool:
        return self.job.config.cache_features and epoch < self.parts.unfrozen

    @property
    def _on_gpu(self) -> bool:
        return self.job.hardware.device == "cuda"

    def _timed(self, work: Callable[[], T]) -> tuple[float, T]:
        """(seconds, result) of some work, with what it started on the GPU."""
        start = time.perf_counter()
        result = work()
        if self._on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start, result
