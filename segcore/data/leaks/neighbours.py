"""What two splits share by ids and frame numbers alone: copies of one frame, and frames that are close in time.

No picture is read, so that planning a split and beginning a training can afford it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.data.dataset import SPLITS, Dataset
from segcore.data.leaks.leak_report import (
    MOST_EXAMPLES,
    NAMES,
    Example,
    Finding,
    Severity,
    portion,
    severity,
    verdict,
)
from segcore.data.plan import Item, scored_ids
from segcore.data.video import frame_number, frame_rate
from segcore.errors import number

# Measured on the 101 labelled frames of CamVid's val clip: a model that only copied the mask of another frame of it
# would have an mIoU of 0.73 where that is 1/15 s away, 0.57 at 0.2 s, 0.46 at 0.5 s, 0.37 at 1 s, 0.26 at 3 s. Trained
# models score 0.5 to 0.7 on such data: within 0.2 s memory alone is as good, within 1 s it still helps.
MEMORY_SECONDS = 0.2
CLOSE_SECONDS = 1.0
# A stretch of video always borders on something: frames at its ends may be close to training, if most are not.
CLOSE_SHARE = 0.5
PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))
_EPSILON = 1e-6  # s: 6 / 30 is 0.2


class Place(NamedTuple):
    """Where a frame is in time."""

    sequence: str
    number: int


@dataclass(frozen=True)
class Near:
    """A frame and the nearest one of another split in its own sequence.

    Args:
        frame, partner: Ids.
        frames: How far apart, in frame numbers.
        seconds: The same, None where the rate is not known.
        direct: No frame of the sequence's usual step fits between them.
    """

    frame: str
    partner: str
    frames: int
    seconds: float | None
    direct: bool

    @property
    def detail(self) -> str:
        """How far apart, for people."""
        return f"{number(self.frames, 'frame')} apart" if self.seconds is None else f"{self.seconds:.2f} s apart"


class Timeline:
    """Where in time the frames of a dataset are, as far as their ids tell.

    Args:
        dataset: Whose frames.
        fps: Frames a second that the numbers count, where the user knows; else only known sequences have seconds.
    """

    def __init__(self, dataset: Dataset, fps: float | None = None) -> None:
        self.fps = fps
        self.stated = dataset.stated
        self.places: dict[str, Place] = {}
        numbers: dict[str, set[int]] = defaultdict(set)
        for record in dataset.records:
            sequence = _sequence(record.group)
            count = frame_number(record.origin)
            if count is None or dataset.stated is False or not (dataset.video or frame_rate(sequence)):
                continue
            self.places[record.id] = Place(sequence, count)
            numbers[sequence].add(count)
        self.steps = {sequence: _step(found) for sequence, found in numbers.items()}

    def rate(self, sequence: str) -> float | None:
        """Frames a second of a sequence, where known."""
        return self.fps or frame_rate(sequence)

    def timed(self, frame: str) -> bool:
        """Whether it is known when a frame was taken, in seconds."""
        return frame in self.places and self.rate(self.places[frame].sequence) is not None

    def sequences(self, ids: Iterable[str]) -> list[list[str]]:
        """Those of `ids` that have a place in time, by sequence and in order, one for each number."""
        found: dict[str, dict[int, str]] = defaultdict(dict)
        for each in ids:
            if place := self.places.get(each):
                found[place.sequence].setdefault(place.number, each)
        return [[sequence[each] for each in sorted(sequence)] for sequence in found.values()]

    def nearest(self, frames: Iterable[str], others: Iterable[str]) -> list[Near]:
        """Of each frame the nearest other one of its sequence, where there is any."""
        by_sequence: dict[str, dict[int, str]] = defaultdict(dict)
        for other in others:
            if seen := self.places.get(other):
                by_sequence[seen.sequence].setdefault(seen.number, other)
        ordered = {name: np.array(sorted(found), np.int64) for name, found in by_sequence.items()}
        near = []
        for frame in frames:
            place = self.places.get(frame)
            if place and place.sequence in ordered:
                closest = _closest(ordered[place.sequence], place.number)
                apart, rate = abs(closest - place.number), self.rate(place.sequence)
                partner = by_sequence[place.sequence][closest]
                direct = apart <= self.steps[place.sequence]
                near.append(Near(frame, partner, apart, apart / rate if rate else None, direct))
        return near


def plan_findings(dataset: Dataset, items: Mapping[str, Sequence[Item]], fps: float | None = None) -> list[Finding]:
    """Copies and neighbours in time between every two splits.

    Args:
        dataset: Whose samples.
        items: Frames and copies by split.
        fps: Frames a second that the frame numbers count, where the user knows.
    """
    timeline = Timeline(dataset, fps)
    frames = {split: scored_ids(items.get(split, ())) for split in SPLITS}
    found: list[Finding] = []
    for other, split in PAIRS:
        if not frames[split] or not frames[other]:
            continue
        known = {item.frame: item.id for item in items[other]}
        shared = [item for item in items[split] if item.frame in known]
        if shared:
            found.append(_copies(shared, known, len(items[split]), split, other))
        copied = {item.id for item in shared}
        near = timeline.nearest([frame for frame in frames[split] if frame not in copied], frames[other])
        found += _in_time(near, len(frames[split]), split, other)
    return found


def within(near: Iterable[Near], seconds: float) -> list[Near]:
    """Those that are known to be so close in time."""
    return [each for each in near if each.seconds is not None and each.seconds <= seconds + _EPSILON]


def _copies(shared: Sequence[Item], known: Mapping[str, str], total: int, split: str, other: str) -> Finding:
    level = severity(len(shared), total, other)
    trained = "trained on" if other == "train" else f"in {NAMES[other]}"
    text = f"{portion(len(shared), total, f'{NAMES[split]} samples')} are copies of frames that are also {trained}"
    examples = tuple(
        Example(item.id, known[item.frame], f"copy {item.copy} of it" if item.copy else "one frame")
        for item in shared[:MOST_EXAMPLES]
    )
    return Finding("copies", level, split, other, len(shared), total, f"{text}: {verdict(level, other)}.", examples)


def _in_time(near: Sequence[Near], total: int, split: str, other: str) -> list[Finding]:
    """The finding on frames within `MEMORY_SECONDS`; without one that matters, that on frames close in time."""
    ordered = sorted(near, key=lambda each: each.frames if each.seconds is None else each.seconds)
    beside = within(ordered, MEMORY_SECONDS)
    found = []
    if beside:
        level = severity(len(beside), total, other)
        what = f"have a {NAMES[other]} frame within {MEMORY_SECONDS:g} s"
        text = f"{portion(len(beside), total, f'{NAMES[split]} frames')} {what}: {verdict(level, other)}."
        found.append(Finding("time", level, split, other, len(beside), total, text, _examples(beside)))
        if level == "leak":
            return found
    if other != "train":
        return found
    close = [each for each in ordered if (each.direct if each.seconds is None else each.seconds <= CLOSE_SECONDS)]
    if len(close) > len(beside):
        if all(each.seconds is not None for each in close):
            what = f"have a {NAMES[other]} frame within {CLOSE_SECONDS:g} s"
        else:
            what = f"are direct neighbours in time of {NAMES[other]} frames"
        most = len(close) >= CLOSE_SHARE * total
        means = "this score is optimistic for new streets" if most else "the others are further away"
        text = f"{portion(len(close), total, f'{NAMES[split]} frames')} {what}: {means}."
        flatters: Severity = "warning" if most else "note"
        found.append(Finding("close", flatters, split, other, len(close), total, text, _examples(close)))
    return found


def _examples(near: Sequence[Near]) -> tuple[Example, ...]:
    return tuple(Example(each.frame, each.partner, each.detail) for each in near[:MOST_EXAMPLES])


def _sequence(group: str) -> str:
    """The sequence of a group; of a known one, without the split that is put before ids which occur in two splits."""
    split, _, rest = group.partition("__")
    return rest if split in SPLITS and frame_rate(rest) else group


def _step(numbers: Iterable[int]) -> int:
    """The usual distance of two frames in a sequence: the most frequent, of equally frequent ones the smallest."""
    steps, counts = np.unique(np.diff(np.array(sorted(numbers), np.int64)), return_counts=True)
    return int(steps[counts.argmax()]) if len(steps) else 1


def _closest(numbers: npt.NDArray[np.int64], wanted: int) -> int:
    place = int(np.searchsorted(numbers, wanted))
    return min((int(each) for each in numbers[max(0, place - 1) : place + 1]), key=lambda each: abs(each - wanted))
