"""A split plan: which samples and augmented copies are trained on, validated on and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from segcore.data.dataset import SPLITS, Dataset
from segcore.errors import DatasetError, number

FOLDS = "folds"  # what a plan's method is when one of several folds validates
ALL = "all"  # what a plan's method is when validation is trained on too
OWN = "own"  # what a plan's method is when it is the dataset's own splits


class Item(NamedTuple):
    """A sample as it is stored (`copy` 0), or an augmented copy to be made of it (`copy` 1, 2, ...).

    >>> Item("0016E5_07961", 2).frame, Item("0016E5_07961_aug1", origin="0016E5_07961").frame
    ('0016E5_07961', '0016E5_07961')
    """

    id: str
    copy: int = 0
    origin: str = ""  # of a sample that is stored as an augmented copy: the frame it was made from

    @property
    def frame(self) -> str:
        """Id of the frame it shows."""
        return self.origin or self.id


@dataclass(frozen=True)
class SplitPlan:
    """Which items are trained on, validated on and tested on.

    Args:
        method: `given`, `block`, `frame`, `augmented`, `folds`, `all`, or `own` for the dataset's own splits.
        train: Items to train on, copies included.
        val: Items to validate on; none where they are trained on.
        test: Items to test on.
        warnings: Reasons not to trust scores under this split.
    """

    method: str
    train: tuple[Item, ...]
    val: tuple[Item, ...]
    test: tuple[Item, ...]
    warnings: tuple[str, ...] = ()

    @property
    def items(self) -> dict[str, tuple[Item, ...]]:
        """Items by split."""
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def validates(self) -> bool:
        """Whether anything validates; otherwise the last epoch of a training is kept."""
        return self.method != ALL

    @property
    def fingerprint(self) -> str:
        """16 hex digits over every item of every split."""
        digest = hashlib.sha256()
        for split, items in self.items.items():
            digest.update("".join(f"{split}\t{item.id}\t{item.copy}\n" for item in sorted(items)).encode())
        return digest.hexdigest()[:16]

    def restricted(self, frames: Collection[str], what: str) -> SplitPlan:
        """The plan with the training items of some frames alone; what validates and tests stays, and is comparable.

        Args:
            frames: Ids of frames, or of copies on disk.
            what: What names them, for the error: `tag night`.

        Raises:
            DatasetError: when none of them is trained on.
        """
        train = tuple(item for item in self.train if item.frame in frames or item.id in frames)
        if not train:
            held = {split: sum(item.frame in frames for item in items) for split, items in self.items.items()}
            where = ", ".join(f"{count} in {split}" for split, count in held.items() if count) or "all left out"
            raise DatasetError(f"{what} has {number(len(frames), 'image')}, none of them to train on ({where}).")
        return replace(self, train=train)

    def scored(self, split: str) -> tuple[str, ...]:
        """Ids of the samples that a score on `train`, `val` or `test` is computed from, as `scored_ids`."""
        return scored_ids(self.items[split])

    def counts(self) -> dict[str, int]:
        """Samples by split; `train` counts different frames, `train_augmented` items: frames and copies."""
        return {
            "train": len({item.frame for item in self.train}),
            "train_augmented": len(self.train),
            "val": len(self.val),
            "test": len(self.test),
        }


def scored_ids(items: Iterable[Item]) -> tuple[str, ...]:
    """Ids of the samples that a score on `items` is computed from: each frame once.

    A copy on disk counts only where its frame is missing.

    >>> scored_ids([Item("a"), Item("a", 1), Item("b_aug1", origin="b")])
    ('a', 'b_aug1')
    """
    chosen: dict[str, str] = {}
    for item in items:
        if item.frame not in chosen or not item.origin:
            chosen[item.frame] = item.id
    return tuple(chosen.values())


def own_plan(dataset: Dataset) -> SplitPlan:
    """The dataset's own splits as a plan. Unlike a plan to train by, it may lack validation."""
    items: dict[str, list[Item]] = {split: [] for split in SPLITS}
    for record in dataset.records:
        items[record.split].append(Item(record.id, 0, record.origin if record.copy else ""))
    return SplitPlan(OWN, tuple(items["train"]), tuple(items["val"]), tuple(items["test"]))
