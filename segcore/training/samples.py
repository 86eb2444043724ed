"""What a model is fed: decoded and resized once, augmented on demand, in an order that the seed decides."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from segcore import data
from segcore.augment import Pipeline
from segcore.evaluation import resize

U8 = npt.NDArray[np.uint8]
Pair = tuple[U8, U8]  # [H, W, 3] RGB and [H, W] ids, of one size
Key = tuple[int, int]  # (epoch, index of the item)


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
        """Decode ahead, as many as the budget holds; two threads, since decoding releases the interpreter.

        Args:
            ids: Samples, the most wanted first.
            progress: Called with (done, of how many).
        """
        height, width = self.size
        wanted = list(dict.fromkeys(ids))[: self.budget // (4 * height * width)]
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
        height, width = self.size
        # Nearest on the mask: anything else invents ids.
        mask = cv2.resize(sample.mask, (width, height), interpolation=cv2.INTER_NEAREST)
        return np.ascontiguousarray(resize(sample.image, height, width)), np.asarray(mask, np.uint8)


class Items(Dataset[tuple[Tensor, Tensor]]):
    """Items of a split as tensors: `[H, W, 3]` uint8 RGB and `[H, W]` uint8 ids.

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
    ) -> None:
        self.items, self.store, self.pipeline, self.seed = tuple(items), store, pipeline, seed
        self.every = training and copies == 0
        self.fixed = fixed or not training

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        epoch, index = key
        item = self.items[index]
        image, mask = self.store[item.id]
        if self.every or item.copy:
            image, mask = self.pipeline(image, mask, seed=draw_seed(self.seed, 0 if self.fixed else epoch, item))
        return torch.from_numpy(np.array(image)), torch.from_numpy(np.array(mask))


def draw_seed(seed: int, epoch: int, item: data.Item) -> int:
    """Seed of one augmentation: the same whichever worker makes it, and when."""
    return zlib.crc32(f"{seed}/{epoch}/{item.id}/{item.copy}".encode())


class EpochSampler(Sampler[Key]):
    """Hands out (epoch, index), so that a worker knows the epoch; shuffled by seed and epoch.

    Lightning calls `set_epoch` before each epoch.
    """

    def __init__(self, count: int, *, seed: int, shuffle: bool) -> None:
        self.count, self.seed, self.shuffle, self.epoch = count, seed, shuffle, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Key]:
        order = np.arange(self.count)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        return ((self.epoch, int(index)) for index in order)


def loader(
    items: Items, *, batch_size: int, seed: int, shuffle: bool, workers: int
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches of `items`; a last training batch of one is dropped, since batch norm can't learn from it."""
    lonely = shuffle and len(items) > 1 and len(items) % batch_size == 1
    sampler = EpochSampler(len(items), seed=seed, shuffle=shuffle)
    batches = BatchSampler(sampler, batch_size, drop_last=lonely)  # type: ignore[arg-type] # any key will do
    if workers:
        # The cores belong to the training step. Here and not in the worker: there it would wait for threads of
        # OpenCV's pool that the fork did not copy.
        cv2.setNumThreads(1)
    return DataLoader(
        items,
        batch_sampler=batches,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
