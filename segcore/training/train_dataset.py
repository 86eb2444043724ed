"""Training and validation samples: decoded and resized once, augmented on demand, ordered by the seed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from segcore import data
from segcore.arrays import U8
from segcore.augment import Pipeline
from segcore.augment.seed import draw_seed
from segcore.training.distributed import World

Pair = tuple[U8, U8]  # [H, W, 3] RGB and [H, W] ids, of one size
Key = tuple[int, int]  # (epoch, position of the item)
Sized = tuple[Tensor, Tensor, int]


class SampleStore:
    """Images and masks at the model's input size, kept in memory as uint8 within a budget.

    Args:
        dataset: The dataset to read from.
        size: (height, width).
        budget: Bytes; samples that do not fit are decoded again on each access.
    """

    def __init__(self, dataset: data.Dataset, size: tuple[int, int], budget: int) -> None:
        self.dataset, self.size, self.budget = dataset, size, budget
        self._kept: dict[str, Pair] = {}
        self._asked: set[str] = set()

    def __len__(self) -> int:
        """Number of samples in memory."""
        return len(self._kept)

    def __getitem__(self, sample_id: str) -> Pair:
        return self._kept.get(sample_id) or self._read(sample_id)

    def fill(self, ids: Sequence[str], progress: Callable[[int, int], None] | None = None) -> None:
        """Decode samples into memory, as many as fit the budget.

        Two threads decode; decoding releases the GIL.

        Args:
            ids: Sample ids, most important first.
            progress: Called with (done, total).
        """
        height, width = self.size
        room = max(0, self.budget // (4 * height * width) - len(self._kept))
        wanted = [sample_id for sample_id in dict.fromkeys(ids) if sample_id not in self._kept][:room]
        pool = ThreadPoolExecutor(2)
        try:
            for done, (sample_id, pair) in enumerate(zip(wanted, pool.map(self._read, wanted), strict=True), 1):
                self._kept[sample_id] = pair
                if progress:
                    progress(done, len(wanted))
        finally:
            pool.shutdown(cancel_futures=True)  # after a bad file or Ctrl-C, do not decode the rest

    def unread(self, ids: Iterable[str]) -> list[str]:
        """Those that are not in memory and were not asked for here before."""
        left = [sample_id for sample_id in ids if sample_id not in self._kept and sample_id not in self._asked]
        self._asked.update(left)
        return left

    def pixels(self, ids: Sequence[str], classes: int) -> npt.NDArray[np.int64]:
        """`[N, classes]` int64: scored pixels of each class in each mask, at the model's input size."""
        return np.stack([np.bincount(self[name][1].ravel(), minlength=256)[:classes] for name in ids]).astype(np.int64)

    def _read(self, sample_id: str) -> Pair:
        sample = self.dataset[sample_id]
        return data.resize_pair(sample.image, sample.mask, *self.size)


class TrainDataset(Dataset[Sized]):
    """Items of a split as tensors: `[H, W, 3]` uint8 RGB, `[H, W]` uint8 ids, and the item's position.

    All samples of an epoch have the same size: they are resized after a pipeline that changes the size (a crop).

    Without copies, every training sample is augmented with new random values each epoch. With copies, copy 0 is never
    augmented and the others always are: with new values each epoch in training, and with the same values every time
    in validation and where `fixed` is set (the `augmented` split, whose validation set contains copies).

    Args:
        items: Frames and their augmented copies.
        store: Images and masks of the frames.
        pipeline: The augmentation.
        seed: Seed of the training.
        copies: Augmented copies per frame.
        training: False for validation, where only copies are augmented.
        fixed: Copies are the same in every epoch.
        size_at: Returns the (height, width) of an epoch, at most the store's size; None uses the store's size.
        fixed_until: Epochs before this one repeat the augmentations of epoch 0.
    """

    def __init__(
        self,
        items: Sequence[data.Item],
        store: SampleStore,
        pipeline: Pipeline,
        *,
        seed: int,
        copies: int,
        training: bool,
        fixed: bool,
        size_at: Callable[[int], tuple[int, int]] | None = None,
        fixed_until: int = 0,
    ) -> None:
        self.items, self.store, self.pipeline, self.seed = tuple(items), store, pipeline, seed
        self.augment_all = training and copies == 0
        self.fixed, self.fixed_until = fixed or not training, fixed_until
        self.size_at = size_at

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: Key) -> Sized:
        epoch, position = key
        item = self.items[position]
        image, mask = self.store[item.id]
        size = self.size_at(epoch) if self.size_at else self.store.size
        image, mask = data.resize_pair(image, mask, *size)
        if self.augment_all or item.copy:
            seed_epoch = 0 if self.fixed or epoch < self.fixed_until else epoch
            image, mask = self.pipeline(image, mask, seed=draw_seed(self.seed, seed_epoch, item))
            image, mask = data.resize_pair(image, mask, *size)
        return torch.from_numpy(np.array(image)), torch.from_numpy(np.array(mask)), position


class ResumableBatchSampler(Sampler[list[Key]]):
    """Batches of (epoch, position), shuffled by seed and epoch, that can start in the middle of an epoch.

    The key holds the epoch so that a data worker knows it. The last batch is dropped when it has fewer samples than
    there are processes, or a single sample, from which batch norm can't learn.

    Args:
        count: Number of items.
        batch_size: Samples in a batch, over all processes together.
        seed: Seed of the training.
        world: The processes; each gets its shard of every batch.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, world: World) -> None:
        self.count, self.batch_size, self.seed, self.world = count, batch_size, seed, world
        self.epoch, self._resumed = 0, (-1, 0)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order `__iter__` yields."""
        self.epoch = epoch

    def resume(self, epoch: int, batches: int) -> None:
        """Start in this epoch, after this number of its batches."""
        self.epoch, self._resumed = epoch, (epoch, batches)

    def __len__(self) -> int:
        whole, rest = divmod(self.count, self.batch_size)
        usable = rest >= max(self.world.size, 2) or (self.count == 1 and self.world.size == 1)
        return whole + (1 if rest and usable else 0)

    def __iter__(self) -> Iterator[list[Key]]:
        epoch = self.epoch
        order = np.arange(self.count)
        np.random.default_rng((self.seed, epoch)).shuffle(order)
        first = self._resumed[1] if epoch == self._resumed[0] else 0
        for start in range(first * self.batch_size, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size].tolist()
            yield [(epoch, position) for position in self.world.shard(chosen)]


class ValBatches(Sampler[list[Key]]):
    """Batches in order; each process gets a shard of whole batches, so their content does not depend on `world`."""

    def __init__(self, count: int, batch_size: int, *, world: World | None = None) -> None:
        batches = [
            [(0, position) for position in range(start, min(start + batch_size, count))]
            for start in range(0, count, batch_size)
        ]
        self.batches = list(world.shard(batches)) if world else batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)


def loader(items: TrainDataset, batches: ResumableBatchSampler | ValBatches, *, workers: int) -> DataLoader[Sized]:
    """A data loader; its batches do not depend on the number of workers.

    Args:
        items: The samples.
        batches: Which samples form which batch.
        workers: Data worker processes; 0 loads in this process.
    """
    if workers:
        # The training step needs the cores. Set before the fork: a worker would wait for threads of OpenCV's pool
        # that the fork did not copy.
        cv2.setNumThreads(1)
    return DataLoader(
        items,
        batch_sampler=batches,
        num_workers=workers,
        # Workers of validation end after each: they would keep a copy of the training step's memory.
        persistent_workers=workers > 0 and isinstance(batches, ResumableBatchSampler),
        # Forked workers share the decoded images; spawned workers would each copy them.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # a generator of its own: the global one would advance with every epoch
        worker_init_fn=_ignore_foreign_sigterm,
    )


def _ignore_foreign_sigterm(worker: int) -> None:
    """Make a data worker obey SIGTERM only from its training process, and not from torchrun, SLURM or systemd.

    Those send SIGTERM to every process. The training then still finishes its step, which needs the next batch.
    """
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_exit_on_sigterm_from, args=(os.getppid(),), daemon=True).start()


def _exit_on_sigterm_from(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
