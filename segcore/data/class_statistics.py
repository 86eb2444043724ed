"""How often each class occurs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.data.dataset import Dataset
from segcore.labels import IGNORE_INDEX

Progress = Callable[[int, int], None]  # (done, total)
THREADS = 4  # decoding releases the interpreter lock


@dataclass(frozen=True, eq=False)
class ClassBalance:
    """Counts over some samples.

    Args:
        pixels: `[C]` int64 pixels of each class.
        images: `[C]` int64 images in which it occurs.
        ignored: Pixels that are never scored.
        total: Number of images counted.
        copies: How many of them are augmented copies on disk.
    """

    pixels: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    ignored: int
    total: int
    copies: int = 0

    @property
    def frequency(self) -> npt.NDArray[np.float64]:
        """`[C]` share of the scored pixels; zeros when there are none."""
        return self.pixels / max(1, int(self.pixels.sum()))


def class_balance(dataset: Dataset, ids: Sequence[str], progress: Progress | None = None) -> ClassBalance:
    """Count pixels and images by class.

    Args:
        dataset: Where the masks are.
        ids: Samples to count.
        progress: Called with (done, total) after every mask.

    Raises:
        DatasetError: when a mask can't be read.
    """
    counts = np.zeros(256, np.int64)
    images = np.zeros(256, np.int64)

    def count(sample_id: str) -> npt.NDArray[np.int64]:
        return np.bincount(dataset.mask(sample_id).ravel(), minlength=256)

    with ThreadPoolExecutor(THREADS) as pool:
        for done, found in enumerate(pool.map(count, ids), 1):
            counts += found
            images += found > 0
            if progress:
                progress(done, len(ids))
    classes = dataset.labels.classes
    copies = sum(dataset.record(sample_id).copy > 0 for sample_id in ids)
    return ClassBalance(counts[:classes], images[:classes], int(counts[IGNORE_INDEX]), len(ids), copies)
