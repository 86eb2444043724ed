"""Dividing a dataset into training, validation and test items, with copies for augmentation."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from segcore.data.dataset import Dataset
from segcore.errors import DatasetError, unknown

METHODS: dict[str, str] = {
    "auto": "given if the dataset has a val split, else block for a video, else frame",
    "given": "the dataset's own val split",
    "block": "stretches of time, with a gap of frames left out on each side",
    "frame": "single frames at random",
    "augmented": "augment first, then split frames and copies at random (the assignment's own protocol)",
}
GAP = 3  # frames left out on each side of a validation block: neighbours look alike


class Item(NamedTuple):
    """A frame (`copy` 0) or an augmented copy of it (`copy` 1, 2, ...)."""

    id: str
    copy: int = 0


@dataclass(frozen=True)
class SplitPlan:
    """Which items are trained on, validated on and tested on.

    Args:
        method: `given`, `block`, `frame` or `augmented`.
        train: Items to train on, copies included.
        val: Items to validate on.
        test: Items to test on.
        warnings: What is wrong with trusting scores under this split.
    """

    method: str
    train: tuple[Item, ...]
    val: tuple[Item, ...]
    test: tuple[Item, ...]
    warnings: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """16 hex digits over every item of every split."""
        digest = hashlib.sha256()
        for name, items in (("train", self.train), ("val", self.val), ("test", self.test)):
            digest.update("".join(f"{name}\t{item.id}\t{item.copy}\n" for item in sorted(items)).encode())
        return digest.hexdigest()[:16]

    def counts(self) -> dict[str, int]:
        """Samples by split; `train` counts frames before augmentation, `train_augmented` items after it."""
        return {
            "train": len({item.id for item in self.train}),
            "train_augmented": len(self.train),
            "val": len(self.val),
            "test": len(self.test),
        }


def plan_split(
    dataset: Dataset, *, method: str = "auto", val_fraction: float = 0.1, copies: int = 0, seed: int = 0
) -> SplitPlan:
    """Keep the dataset's train and test; take validation from train, or as given.

    Args:
        dataset: What to split.
        method: One of `METHODS`.
        val_fraction: Share of the training frames (`augmented`: of frames and copies) to validate on, in (0, 1).
        copies: Augmented copies of every training frame. Except under `augmented`, copies stay on the side of their
            frame, and only frames themselves are validated on.
        seed: Which frames or blocks are taken.

    Raises:
        DatasetError: on an unknown method, a fraction out of range, or a split that would be empty.
    """
    if method not in METHODS:
        raise DatasetError(unknown("split method", method, METHODS))
    if not 0 < val_fraction < 1:
        raise DatasetError(f"val_fraction is {val_fraction}; expected a share between 0 and 1, 0.1 say.")
    if copies < 0:
        raise DatasetError(f"copies is {copies}; expected 0 or more.")
    frames = dataset.splits.get("train", ())
    if not frames:
        raise DatasetError(f"{dataset.name} has no train split; it has {', '.join(dataset.splits)}.")
    if method == "auto":
        method = "given" if "val" in dataset.splits else "block" if dataset.video else "frame"
    rng = random.Random(seed)
    warnings: list[str] = []
    if method == "given":
        train, val = _given(dataset, frames, copies)
    elif method == "augmented":
        train, val, warnings = _augmented(frames, val_fraction, copies, rng)
    else:
        chosen, gap = (_blocks if method == "block" else _frames)(dataset, frames, val_fraction, rng)
        train = _with_copies([frame for frame in frames if frame not in chosen and frame not in gap], copies)
        val = [Item(frame) for frame in frames if frame in chosen]
    for name, items in (("train", train), ("val", val)):
        if not items:
            raise DatasetError(
                f"val_fraction {val_fraction} of {len(frames)} frames ({method}) leaves no {name} samples. "
                "Choose another fraction, or --split frame."
            )
    if method == "frame" and dataset.video:
        warnings.append(
            "Split 'frame' on a video: most validation frames have a training frame beside them in time; the "
            "validation score is optimistic. --split block takes a stretch with a gap."
        )
    if method != "given" and "val" in dataset.splits:
        warnings.append(
            f"{dataset.name} has a val split of its own ({len(dataset.splits['val'])} frames); it is not used."
        )
    test = [Item(frame) for frame in dataset.splits.get("test", ())]
    warnings += _test_warnings(dataset, train, test)
    return SplitPlan(method, tuple(train), tuple(val), tuple(test), tuple(warnings))


def _with_copies(frames: Iterable[str], copies: int) -> list[Item]:
    return [Item(frame, copy) for frame in frames for copy in range(copies + 1)]


def _given(dataset: Dataset, frames: Sequence[str], copies: int) -> tuple[list[Item], list[Item]]:
    if "val" not in dataset.splits:
        raise DatasetError(
            f"{dataset.name} has no val split of its own; it has {', '.join(dataset.splits)}. "
            "Choose --split block or frame."
        )
    return _with_copies(frames, copies), [Item(frame) for frame in dataset.splits["val"]]


def _augmented(
    frames: Sequence[str], val_fraction: float, copies: int, rng: random.Random
) -> tuple[list[Item], list[Item], list[str]]:
    items = _with_copies(frames, copies)
    rng.shuffle(items)
    cut = round(val_fraction * len(items))
    val, train = items[:cut], items[cut:]
    trained = {item.id for item in train}
    shared = sum(item.id in trained for item in val)
    warning = (
        f"Split 'augmented': {shared} of {len(val)} validation samples are copies of frames that are also trained on; "
        "the validation score measures memory, not skill. Trust the test score only."
    )
    return sorted(train), sorted(val), [warning] if shared else []


def _frames(
    dataset: Dataset, frames: Sequence[str], val_fraction: float, rng: random.Random
) -> tuple[set[str], set[str]]:
    return set(rng.sample(list(frames), round(val_fraction * len(frames)))), set()


def _blocks(
    dataset: Dataset, frames: Sequence[str], val_fraction: float, rng: random.Random
) -> tuple[set[str], set[str]]:
    """One contiguous block in each sequence, in proportion to its length, and the gaps around the blocks."""
    sequences: dict[str, list[str]] = defaultdict(list)
    for frame in frames:
        sequences[dataset.record(frame).group].append(frame)
    wanted = round(val_fraction * len(frames))
    sizes = {name: int(val_fraction * len(sequence)) for name, sequence in sequences.items()}
    by_remainder = sorted(sequences, key=lambda name: sizes[name] - val_fraction * len(sequences[name]))
    for name in by_remainder[: wanted - sum(sizes.values())]:
        sizes[name] += 1
    chosen: set[str] = set()
    gaps: set[str] = set()
    for name, sequence in sequences.items():
        if not sizes[name]:
            continue
        start = rng.randint(0, len(sequence) - sizes[name])
        stop = start + sizes[name]
        chosen.update(sequence[start:stop])
        gaps.update(sequence[max(0, start - GAP) : start], sequence[stop : stop + GAP])
    return chosen, gaps


def _test_warnings(dataset: Dataset, train: Iterable[Item], test: Sequence[Item]) -> list[str]:
    if not test:
        return [f"{dataset.name} has no test split; models are compared on validation only."]
    if not dataset.video:
        return []
    trained = {item.id for item in train}
    order: dict[str, list[str]] = defaultdict(list)
    for record in dataset.records:
        order[record.group].append(record.id)
    beside = {
        frame
        for sequence in order.values()
        for before, after in pairwise(sequence)
        for frame, other in ((before, after), (after, before))
        if other in trained
    }
    near = sum(item.id in beside for item in test)
    if near * 2 < len(test):  # one frame beside the border of a stretch is no flaw
        return []
    return [
        f"{near} of {len(test)} test frames are direct neighbours in time of training frames; "
        "the test score is optimistic for new streets."
    ]
