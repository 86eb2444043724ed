"""Which images of a table have what is looked for: a name, a class and its share, a size, a problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from segcore.arrays import F64, I64, Bool
from segcore.data.index.image_table import ImageTable

# Edges of shares of an image's scored pixels: small things need narrow bins. The key names a bin in links.
SHARES: Mapping[str, tuple[float, float]] = {
    "0-0.1": (0, 0.001),
    "0.1-1": (0.001, 0.01),
    "1-5": (0.01, 0.05),
    "5-10": (0.05, 0.1),
    "10-25": (0.1, 0.25),
    "25-50": (0.25, 0.5),
    "50-100": (0.5, 1.01),
}
HEALTH: Mapping[str, str] = {
    "unreadable": "can't be used",
    "unlabelled": "nothing labelled",
    "one-class": "one class only",
    "repeated": "same file as another",
}


@dataclass(frozen=True)
class Selection:
    """What is looked for; each None lets all images through.

    Args:
        class_id: A class that the mask holds.
        share: A key of `SHARES`: the share of the class among the scored pixels; only with a class.
        size: (height, width) of the image in px.
        health: A key of `HEALTH`.
    """

    class_id: int | None = None
    share: str | None = None
    size: tuple[int, int] | None = None
    health: str | None = None

    @property
    def reads_images(self) -> bool:
        """Whether images must have been read to tell which of them are meant."""
        return self != Selection()

    def mask(self, table: ImageTable) -> Bool:
        """`[N]` whether each image of the table is meant."""
        keep = np.ones(len(table), bool)
        if self.class_id is not None:
            keep &= table.class_pixels(self.class_id) > 0
            if self.share is not None:
                low, high = SHARES[self.share]
                share = shares(table, self.class_id)
                keep &= (share >= low) & (share < high)
        if self.size is not None:
            keep &= (table.sizes == self.size).all(axis=1)
        if self.health is not None:
            keep &= health(table, self.health)
        return keep


def shares(table: ImageTable, class_id: int) -> F64:
    """`[N]` share of a class among the scored pixels of each image; 0 where none are."""
    return table.class_pixels(class_id) / np.maximum(table.scored, 1)


def share_counts(table: ImageTable, class_id: int, rows: I64) -> dict[str, int]:
    """Key of `SHARES` -> number of those of some images that hold the class with such a share."""
    share = shares(table, class_id)[rows]
    share = share[share > 0]
    return {key: int(np.count_nonzero((share >= low) & (share < high))) for key, (low, high) in SHARES.items()}


def health(table: ImageTable, finding: str) -> Bool:
    """`[N]` whether each image is as a key of `HEALTH` says."""
    if finding == "unreadable":
        return np.array([problem != "" for problem in table.problems], bool)
    if finding == "unlabelled":
        return table.counted & (table.scored == 0)
    if finding == "one-class":
        return table.classes_scored == 1
    return table.repeated
