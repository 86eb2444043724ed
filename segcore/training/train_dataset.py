"""What a model is fed: decoded and resized once, augmented on demand, in an order that the seed decides."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
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
    """Images and masks at the size of the model, kept as uint8 within a memory budget.

    Args:
        dataset: Where they come from.
        size: (height, width).
        budget: Bytes; samples beyond it are decoded again each time.
    """

    def __init__(self, dataset: data.Dataset, size: tuple[int, int], budget: int) -> None:
        self.dataset, self.size, self.budget = dataset, size, budget
        self._kept: dict[str, Pair] = {}

    def __getitem__(self, sample_id: str) -> Pair:
        return self._kept.get(sample_id) or self._read(sample_id)

    def fill(self, ids: Sequence[str], progress: Callable[[int, int], None] | None = None) -> None:
        """Decode ahead what is not kept yet, as much as the budget holds.

        In two threads, since decoding releases the interpreter.

        Args:
            ids: Samples, the most wanted first.
            progress: Called with (done, of how many).
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
            pool.shutdown(cancel_futures=True)  # a bad file or Ctrl-C must not wait for the rest

    def pixels(self, ids: Sequence[str], classes: int) -> npt.NDArray[np.int64]:
        """`[N, classes]` scored pixels of each class in each mask, at the size of the model."""
        return np.stack([np.bincount(self[name][1].ravel(), minlength=256)[:classes] for name in ids]).astype(np.int64)

    def _read(self, sample_id: str) -> Pair:
        sample = self.dataset[sample_id]
        return data.resize_pair(sample.image, sample.mask, *self.size)


class TrainDataset(Dataset[Sized]):
    """Items of a split as tensors: `[H, W, 3]` uint8 RGB, `[H, W]` uint8 ids, and the item's position.

    All have the size of the epoch: a pipeline that changes it (a crop, say) is followed by a resize.

    Which are augmented: without copies, every training sample, afresh each epoch. With copies, copy 0 never and the
    others always: afresh each epoch in training, the same each time where `fixed` (the `augmented` protocol, whose
    validation set holds copies, and validation itself).

    Args:
        items: Frames and copies.
        store: Their pictures.
        pipeline: What is done to them.
        seed: Of the whole training.
        copies: Augmented copies a frame.
        training: Validation samples are not augmented, except copies.
        fixed: Copies are the same in every epoch.
        size_at: (height, width) of an epoch, at most the store's; None is the store's.
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
        self.every = training and copies == 0
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
        if self.every or item.copy:
            drawn = 0 if self.fixed or epoch < self.fixed_until else epoch
            image, mask = self.pipeline(image, mask, seed=draw_seed(self.seed, drawn, item))
            image, mask = data.resize_pair(image, mask, *size)
        return torch.from_numpy(np.array(image)), torch.from_numpy(np.array(mask)), position


class ResumableBatchSampler(Sampler[list[Key]]):
    """Batches of (epoch, position), so that a worker knows the epoch; shuffled by seed and epoch.

    Lightning calls `set_epoch` before each epoch. What is left over and can't be a batch of every process, or is a
    single sample, from which batch norm can't learn, is dropped.

    Args:
        count: Items.
        batch_size: Of all processes together.
        seed: Of the training.
        world: Each process gets its share of every batch.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, world: World) -> None:
        self.count, self.batch_size, self.seed, self.world = count, batch_size, seed, world
        self.epoch, self._resumed = 0, (-1, 0)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def resume(self, epoch: int, batches: int) -> None:
        """Begin in this epoch, after so many batches of it."""
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
            yield [(epoch, position) for position in self.world.share(chosen)]


class ValBatches(Sampler[list[Key]]):
    """Whole batches in order; each process gets its share of the batches, so that they are the same for any number."""

    def __init__(self, count: int, batch_size: int, *, world: World | None = None) -> None:
        batches = [
            [(0, position) for position in range(start, min(start + batch_size, count))]
            for start in range(0, count, batch_size)
        ]
        self.batches = list(world.share(batches)) if world else batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)


def loader(items: TrainDataset, batches: ResumableBatchSampler | ValBatches, *, workers: int) -> DataLoader[Sized]:
    """`items`, batch by batch; nothing it does depends on how many processes help."""
    if workers:
        # The cores belong to the training step. Here and not in the worker: there it would wait for threads of
        # OpenCV's pool that the fork did not copy.
        cv2.setNumThreads(1)
    return DataLoader(
        items,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
        # Forked workers read the decoded pictures where they are; others would each copy them.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own: torch's would move on with every epoch
        worker_init_fn=_outlive,
    )


def _outlive(worker: int) -> None:
    """Let a worker end when its training says so, and not when torchrun, SLURM or systemd tell all processes to.

    The training ends after its step, which wants its batch.
    """
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_for, args=(os.getppid(),), daemon=True).start()


def _end_for(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
