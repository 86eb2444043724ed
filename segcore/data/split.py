"""Splits a dataset into training, validation and test items, with copies for augmentation."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain

from segcore.data.dataset import Dataset
from segcore.data.leaks.neighbours import plan_findings
from segcore.data.plan import ALL, FOLDS, Item, SplitPlan
from segcore.errors import DatasetError, number, unknown

METHODS: dict[str, str] = {
    "auto": "given if the dataset has a val split, else block for a video, else frame",
    "given": "the dataset's own val split",
    "block": "stretches of time, with a gap of frames left out on each side",
    "frame": "single frames at random",
    "augmented": "augment first, then split frames and copies at random (the assignment's own protocol)",
    ALL: "train and the dataset's own val together: nothing validates, so the last epoch is kept",
}
GAP = 3  # frames left out on each side of a validation block: neighbours look alike
_FOLDABLE = ("auto", "block", "frame")
_SNAP = 8  # a border between blocks moves to a border between sequences if that is at most 1/8 of a block away


def plan_split(
    dataset: Dataset,
    *,
    method: str = "auto",
    val_fraction: float = 0.1,
    copies: int = 0,
    seed: int = 0,
    folds: int = 0,
    fold: int | None = None,
) -> SplitPlan:
    """Plan a split: train and test are the dataset's own, validation is its own or taken from train.

    Augmented copies on disk are trained on and, except under `augmented`, never validated on. They go where their frame
    goes, and are left out where it is validated on, tested on or in a gap. Shares, blocks, folds, gaps and neighbours
    in time are counted in frames. Where a frame is missing and only copies of it are on disk, its first copy stands for
    it, also in validation, and a warning says so.

    With `folds`, train is divided into that many parts, and part `fold` validates. The parts of a video are blocks of
    time of equal length over its sequences in order, each of `GAP` + 1 frames or more; a border near the end of a
    sequence (1/8 of a block) moves there. `GAP` frames on each side of the validating block, in its own sequence, are
    left out. Blocks are the same for every seed. Other data is shuffled by the seed and divided into parts. Every frame
    of train is in exactly one fold.

    Args:
        dataset: The dataset to split.
        method: One of `METHODS`.
        val_fraction: Share of the training frames (`augmented`: of frames and copies) to validate on, in (0, 1).
        copies: Augmented copies to make of every training frame; none are made of copies on disk. Except under
            `augmented`, copies stay on the side of their frame, and only frames themselves are validated on.
        seed: Seed that chooses frames or blocks.
        folds: Parts for cross-validation, 2 or more; 0 is one split. `method` is then `auto`, `block` or `frame`
            (shuffled), and `val_fraction` is not used.
        fold: Which of the folds validates, from 0.

    Raises:
        DatasetError: on an unknown method, a fraction out of range, more folds than there are blocks, or a split that
            would be empty.

    >>> from segcore.data import open_dataset
    >>> plan_split(open_dataset("drive"), method="block").counts()
    {'train': 75, 'train_augmented': 75, 'val': 9, 'test': 11}
    """
    if method not in METHODS:
        raise DatasetError(unknown("split method", method, METHODS))
    if not 0 < val_fraction < 1:
        raise DatasetError(f"val_fraction is {val_fraction}; expected a share between 0 and 1, 0.1 say.")
    if copies < 0:
        raise DatasetError(f"copies is {copies}; expected 0 or more.")
    stored = _stored(dataset)
    if not stored:
        raise DatasetError(f"{dataset.name} has no train split; it has {', '.join(dataset.splits)}.")
    if folds or fold is not None:
        return _fold_plan(dataset, stored, method, copies, seed, folds, fold)
    if method == "auto":
        method = "given" if "val" in dataset.splits else "block" if dataset.video else "frame"
    rng, frames = random.Random(seed), tuple(stored)
    if method == ALL:
        own = {frame: (Item(frame),) for frame in dataset.splits.get("val", ())}
        return _plan(dataset, method, method, _with_copies({**stored, **own}, copies), [], copies)
    if method == "given":
        train, val = _given(dataset, stored, copies)
    elif method == "augmented":
        train, val = _augmented(stored, val_fraction, copies, rng)
    else:
        chosen, gap = (_blocks if method == "block" else _frames)(dataset, frames, val_fraction, rng)
        train, val = _sides(stored, chosen, gap, copies)
    for name, items in (("train", train), ("val", val)):
        if not items:
            raise DatasetError(_empty_side(name, method, val_fraction, len(frames)))
    return _plan(dataset, method, method, train, val, copies)


def _empty_side(name: str, method: str, val_fraction: float, frames: int) -> str:
    """The message for a split that leaves nothing to train or to validate on."""
    text = f"val_fraction {val_fraction} of {number(frames, 'frame')} ({method}) leaves no {name} samples. "
    if frames < 2:
        return (
            text + "One image learns and another validates: add images, or train on all without validation (--split "
            "all)."
        )
    return text + "Choose another fraction, or --split frame."


def _plan(dataset: Dataset, method: str, val_method: str, train: list[Item], val: list[Item], copies: int) -> SplitPlan:
    """The plan with its warnings; `method` is its name, `val_method` how validation was taken."""
    test = [Item(frame) for frame in dataset.splits.get("test", ())]
    leaks = _leak_warnings(dataset, {"train": train, "val": val, "test": test}, block=val_method in ("block", "given"))
    warnings = [*leaks, *_own_val(dataset, method), *_copy_warnings(dataset, method, val, copies)]
    if not test:
        left = "models are compared on validation only" if val else "where nothing validates either, no score is left"
        warnings.append(f"{dataset.name} has no test split; {left}.")
    return SplitPlan(method, tuple(train), tuple(val), tuple(test), tuple(warnings))


def _stored(dataset: Dataset) -> dict[str, tuple[Item, ...]]:
    """The files of each training frame, itself and its copies, by the id of the first of them.

    The first is the frame itself, or a copy where the frame is missing. Copies of frames in other splits are left out.
    """
    elsewhere = _elsewhere(dataset)
    by_frame: dict[str, list[Item]] = defaultdict(list)
    for record in dataset.records:  # a frame comes before its copies
        if record.split == "train" and not (record.copy and record.origin in elsewhere):
            by_frame[record.origin].append(Item(record.id, 0, record.origin if record.copy else ""))
    return {items[0].id: tuple(items) for items in by_frame.values()}


def _elsewhere(dataset: Dataset) -> set[str]:
    """Ids of the samples that are not in train."""
    return {record.id for record in dataset.records if record.split != "train"}


def _sides(
    stored: Mapping[str, Sequence[Item]], chosen: set[str], gap: set[str], copies: int
) -> tuple[list[Item], list[Item]]:
    """(train, val): every item of frames that are neither chosen nor in the gap; the chosen frames without copies."""
    left = {frame: items for frame, items in stored.items() if frame not in chosen and frame not in gap}
    return _with_copies(left, copies), [items[0] for frame, items in stored.items() if frame in chosen]


def _copy_warnings(dataset: Dataset, method: str, val: Sequence[Item], copies: int) -> list[str]:
    """Warnings on augmented copies on disk."""
    if not dataset.copies:
        return []
    warnings = []
    if copies:
        frames = sum(record.split == "train" and not record.copy for record in dataset.records)
        warnings.append(
            f"{dataset.name} holds {sum(map(len, dataset.copies.values()))} augmented copies on disk already; copies "
            f"{copies} makes {copies} more of each of its {frames} training frames. With copies 0, what is on disk is "
            "trained on alone."
        )
    standing = sum(bool(item.origin) for item in val)
    if standing and method != "augmented":
        warnings.append(
            f"{standing} of {len(val)} validation samples are augmented copies, one of each frame that is held back: "
            f"{dataset.name} does not hold the frames themselves. The validation score tells little about real frames."
        )
    elsewhere = _elsewhere(dataset)
    left_out = sum(len(names) for frame, names in dataset.copies.items() if frame in elsewhere)
    if left_out:
        warnings.append(f"{left_out} augmented copies of frames that are in val or test are left out of training.")
    return warnings


def _leak_warnings(dataset: Dataset, items: Mapping[str, Sequence[Item]], *, block: bool) -> list[str]:
    """Sentences of the leak check, made without reading images, each with a way out where there is one."""
    warnings = []
    for finding in plan_findings(dataset, items):
        if finding.severity == "note" or finding.other != "train":
            continue
        way_out = ""
        if finding.split == "val" and finding.kind == "copies":
            way_out = " Trust the test score only."
        elif finding.split == "val" and not block:
            way_out = " --split block takes a stretch with a gap."
        warnings.append(finding.sentence + way_out)
    return warnings


def _own_val(dataset: Dataset, method: str) -> list[str]:
    """A warning where the dataset's own val split is not used."""
    if method in ("given", ALL) or "val" not in dataset.splits:
        return []
    return [f"{dataset.name} has a val split of its own ({len(dataset.splits['val'])} frames); it is not used."]


def _fold_plan(
    dataset: Dataset,
    stored: Mapping[str, Sequence[Item]],
    method: str,
    copies: int,
    seed: int,
    folds: int,
    fold: int | None,
) -> SplitPlan:
    frames = tuple(stored)
    if method not in _FOLDABLE:
        raise DatasetError(
            f"Split {method!r} can't be cut into folds; it is one split. Choose --split {' or '.join(_FOLDABLE)}, or "
            "leave --folds out."
        )
    if fold is None or folds < 2 or not 0 <= fold < folds:
        raise DatasetError(
            f"fold is {fold} of {folds} folds; expected 2 folds or more, and a fold from 0 to folds - 1."
        )
    if method == "auto":
        method = "block" if dataset.video else "frame"
    most, what = {
        "block": (len(frames) // (GAP + 1), f"blocks of time, {GAP + 1} frames or more each"),
        "frame": (len(frames), "frames"),
    }[method]
    if folds > most:
        raise DatasetError(
            f"{folds} folds of {dataset.name} are too many: its {len(frames)} training frames make at most {most} "
            f"({what}). Ask for fewer folds."
        )
    if method == "block":
        chosen, gap = _time_block(dataset, frames, folds, fold)
    else:
        shuffled = list(frames)
        random.Random(seed).shuffle(shuffled)
        chosen, gap = set(shuffled[fold::folds]), set()
    train, val = _sides(stored, chosen, gap, copies)
    return _plan(dataset, FOLDS, method, train, val, copies)


def _time_block(dataset: Dataset, frames: Sequence[str], folds: int, fold: int) -> tuple[set[str], set[str]]:
    """(block `fold` of `folds` over the sequences in order, the frames beside it in its own sequences)."""
    sequences = _sequences(dataset, frames)
    order = [frame for sequence in sequences.values() for frame in sequence]
    ends = list(accumulate(map(len, sequences.values())))
    reach = len(order) / folds / _SNAP
    borders = [0]
    for index in range(1, folds):
        border = round(index * len(order) / folds)
        close = min(ends, key=lambda end: abs(end - border))
        borders.append(close if abs(close - border) <= reach else border)
    start, stop = [*borders, len(order)][fold : fold + 2]
    first, last = dataset.record(order[start]).group, dataset.record(order[stop - 1]).group
    before = [frame for frame in order[max(0, start - GAP) : start] if dataset.record(frame).group == first]
    after = [frame for frame in order[stop : stop + GAP] if dataset.record(frame).group == last]
    return set(order[start:stop]), {*before, *after}


def _sequences(dataset: Dataset, frames: Iterable[str]) -> dict[str, list[str]]:
    """Frames by sequence, in the given order."""
    sequences: dict[str, list[str]] = defaultdict(list)
    for frame in frames:
        sequences[dataset.record(frame).group].append(frame)
    return sequences


def _with_copies(stored: Mapping[str, Sequence[Item]], copies: int) -> list[Item]:
    """All stored items, each frame followed by the copies to make of it; none are made of a stored copy."""
    result: list[Item] = []
    for item in chain.from_iterable(stored.values()):
        result += [item] if item.origin else [Item(item.id, copy) for copy in range(copies + 1)]
    return result


def _given(dataset: Dataset, stored: Mapping[str, Sequence[Item]], copies: int) -> tuple[list[Item], list[Item]]:
    if "val" not in dataset.splits:
        raise DatasetError(
            f"{dataset.name} has no val split of its own; it has {', '.join(dataset.splits)}. "
            "Choose --split block or frame."
        )
    return _with_copies(stored, copies), [Item(frame) for frame in dataset.splits["val"]]


def _augmented(
    stored: Mapping[str, Sequence[Item]], val_fraction: float, copies: int, rng: random.Random
) -> tuple[list[Item], list[Item]]:
    """(train, val): frames and copies, shuffled together."""
    items = _with_copies(stored, copies)
    rng.shuffle(items)
    cut = round(val_fraction * len(items))
    return sorted(items[cut:]), sorted(items[:cut])


def _frames(
    dataset: Dataset, frames: Sequence[str], val_fraction: float, rng: random.Random
) -> tuple[set[str], set[str]]:
    """(frames to validate on, no gap); of two frames or more, at least one is on each side."""
    wanted = min(max(1, round(val_fraction * len(frames))), len(frames) - 1)
    return set(rng.sample(list(frames), wanted)), set()


def _blocks(
    dataset: Dataset, frames: Sequence[str], val_fraction: float, rng: random.Random
) -> tuple[set[str], set[str]]:
    """(one contiguous block in each sequence, in proportion to its length; the gaps around the blocks)."""
    sequences = _sequences(dataset, frames)
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
