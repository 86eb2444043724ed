"""Counts how often each class occurs: pixels and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segcore.arrays import F64, I64
from segcore.data.dataset import Dataset
from segcore.data.index.known_facts import KnownFacts, Progress
from segcore.errors import DatasetError
from segcore.labels import IGNORE_INDEX


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
    """Count pixels and images by class; what the dataset's index knows is not read again.

    Args:
        dataset: The dataset with the masks.
        ids: Samples to count.
        progress: Called with (done, total) as masks are known.

    Raises:
        DatasetError: when a mask can't be read.
    """
    known = KnownFacts(dataset)
    known.check_files()
    known.read(ids, progress)
    return balance(known, ids)


def balance(known: KnownFacts, ids: Sequence[str]) -> ClassBalance:
    """Sum up what is known of some images, after those that are not known were read.

    Raises:
        DatasetError: when a mask can't be read.
    """
    table, dataset = known.of(ids), known.dataset
    rows = table.rows(ids)
    unread = rows[~table.counted[rows]]
    if len(unread):
        raise DatasetError(table.problems[int(unread[0])])
    pixels, images = table.totals(rows)
    classes = dataset.labels.classes
    copies = int((table.copies[rows] > 0).sum())
    return ClassBalance(pixels[:classes], images[:classes], int(pixels[IGNORE_INDEX]), len(ids), copies)
