"""Counts how often each class occurs: pixels and images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from segcore.arrays import F64, I64
from segcore.data.dataset import Dataset
from segcore.labels import IGNORE_INDEX

Progress = Callable[[int, int], None]  # (done, total)
THREADS = 4  # decoding releases the interpreter lock


@dataclass(frozen=True, eq=False)
class ClassBalance:
    """Class frequencies of some samples.

    Args:
        pixels: `[C]` int64 pixels of each class.
        images: `[C]` int64 images in which the class occurs.
        ignored: Pixels that are never scored.
        total: Number of images counted.
        copies: Number of those images that are augmented copies on disk.
    """

    pixels: I64
    images: I64
    ignored: int
    total: int
    copies: int = 0

    @property
    def frequency(self) -> F64:
        """`[C]` float64 share of the scored pixels; zeros when there are none."""
        return self.pixels / max(1, int(self.pixels.sum()))


def class_balance(dataset: Dataset, ids: Sequence[str], progress: Progress | None = None) -> ClassBalance:
    """Count pixels and images by class.

    Args:
        dataset: The dataset with the masks.
        ids: Samples to count.
        progress: Called with (done, total) after every mask.

    Raises:
        DatasetError: when a mask can't be read.
    """
    counts = np.zeros(256, np.int64)
    images = np.zeros(256, np.int64)

    def count(sample_id: str) -> I64:
        return np.bincount(dataset.mask(sample_id).ravel(), minlength=256)

    with ThreadPoolExecutor(THREADS) as pool:
        for done, pixels in enumerate(pool.map(count, ids), 1):
            counts += pixels
            images += pixels > 0
            if progress:
                progress(done, len(ids))
    classes = dataset.labels.classes
    copies = sum(dataset.record(sample_id).copy > 0 for sample_id in ids)
    return ClassBalance(counts[:classes], images[:classes], int(counts[IGNORE_INDEX]), len(ids), copies)
