"""What is read of one image and its mask, once: sizes, pixels of each class, and where in the frame they lie."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from segcore.arrays import I64, U8Mask
from segcore.data.byte_values import value_counts
from segcore.data.dataset import Record, Stamp
from segcore.errors import SegcoreError

CELLS = 16  # rows, and columns, of the grid at which a mask is sampled
UNKNOWN: Stamp = (-1, -1, -1, -1)  # of files that can't be found


class ImageFacts(NamedTuple):
    """What is known of one image.

    Args:
        stamp: That of its files when it was read.
        checksum: As of `Record.checksum`; empty where a file can't be read.
        height: Of the image in px; 0 where that can't be read.
        width: The same.
        classes: Class ids in its mask as bytes, rising, 255 for pixels that are never scored.
        pixels: Pixels of each of `classes`.
        cells: Class ids at `CELLS` by `CELLS` points of the mask; empty where that can't be read, or not asked for.
        problem: Why the sample can't be used; empty where it can.
    """

    stamp: Stamp
    checksum: str
    height: int
    width: int
    classes: bytes
    pixels: tuple[int, ...]
    cells: bytes
    problem: str = ""

    @property
    def counted(self) -> bool:
        """Whether the mask could be read."""
        return bool(self.classes)

    @property
    def by_class(self) -> dict[int, int]:
        """Class id -> pixels."""
        return dict(zip(self.classes, self.pixels, strict=True))


def read_facts(record: Record) -> ImageFacts:
    """Read a sample's mask and the header of its image; what can't be read is its `problem`."""
    try:
        stamp, checksum = record.stamp(), record.checksum()
        size, mask = record.size_and_mask()
    except SegcoreError as error:
        return _of_damaged(record, str(error))
    return _facts(record, stamp, checksum, size, mask, "")


def _of_damaged(record: Record, problem: str) -> ImageFacts:
    """What is known of a sample one of whose files can't be read."""
    checksum, size, mask = "", (0, 0), None
    with suppress(SegcoreError):
        checksum = record.checksum()
    with suppress(SegcoreError):
        size = record.size()
    with suppress(SegcoreError):
        mask = record.mask()
    return _facts(record, stamp_of(record), checksum, size, mask, problem)


def _facts(
    record: Record, stamp: Stamp, checksum: str, size: tuple[int, int], mask: U8Mask | None, problem: str
) -> ImageFacts:
    if mask is None:
        return ImageFacts(stamp, checksum, *size, b"", (), b"", problem)
    counts = value_counts(mask)
    present = np.flatnonzero(counts)
    rows, columns = (_points(side) for side in mask.shape)
    if not problem and mask.shape != size:
        problem = (
            f"{record.id}: mask is {mask.shape[0]}x{mask.shape[1]}, image is {size[0]}x{size[1]}; they must match."
        )
    return ImageFacts(
        stamp,
        checksum,
        *size,
        present.astype(np.uint8).tobytes(),
        tuple(counts[present].tolist()),
        mask[rows[:, None], columns].tobytes(),
        problem,
    )


def read_many(records: Iterable[Record]) -> list[ImageFacts]:
    """`read_facts` of each: what a worker process does."""
    return [read_facts(record) for record in records]


def stamp_of(record: Record) -> Stamp:
    """The stamp of a sample's files as they are now; `UNKNOWN` where one is missing."""
    try:
        return record.stamp()
    except SegcoreError:
        return UNKNOWN


@lru_cache(maxsize=256)
def _points(side: int) -> I64:
    """The middles of `CELLS` equal parts of a side."""
    return (2 * np.arange(CELLS) + 1) * side // (2 * CELLS)
