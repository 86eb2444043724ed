"""Finds, by ids and frame numbers alone, copies of one frame and frames close in time in two splits.

No image is read, so that planning a split and starting a training can afford it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from segcore.arrays import I64
from segcore.data.dataset import SPLITS, Dataset
from segcore.data.leaks.leak_report import MOST_EXAMPLES, NAMES, Example, Finding, Severity, portion, severity, verdict
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
    """A frame and the nearest frame of another split in its own sequence.

    Args:
        frame, partner: Their ids.
        frames: Their distance in frame numbers.
        seconds: Their distance in seconds, None where the frame rate is not known.
        direct: Whether no frame of the sequence's usual step fits between them.
    """

    frame: str
    partner: str
    frames: int
    seconds: float | None
    direct: bool

    @property
    def detail(self) -> str:
        """Their distance, for people."""
        return f"{number(self.frames, 'frame')} apart" if self.seconds is None else f"{self.seconds:.2f} s apart"


class Timeline:
    """The position in time of the frames of a dataset, as far as their ids tell.

    Args:
        dataset: The dataset.
        fps: Frames a second that the numbers count, where the user knows; else only known sequences have seconds.
    """

    def __init__(self, dataset: Dataset, fps: float | None = None) -> None:
        self.fps = fps
        self.stated = dataset.stated
        self.places: dict[str, Place] = {}
        numbers: dict[str, set[int]] = defaultdict(set)
        sequences = {group: _sequence(group) for group in {record.group for record in dataset.records}}
        filmed = {group for group, sequence in sequences.items() if dataset.video or frame_rate(sequence)}
        for record in dataset.records if filmed and dataset.stated is not False else ():
            count = frame_number(record.origin) if record.group in filmed else None
            if count is not None:
                sequence = sequences[record.group]
                self.places[record.id] = Place(sequence, count)
                numbers[sequence].add(count)
        self.steps = {sequence: _step(counts) for sequence, counts in numbers.items()}

    def rate(self, sequence: str) -> float | None:
        """Frames a second of a sequence, where known."""
        return self.fps or frame_rate(sequence)

    def timed(self, frame: str) -> bool:
        """Whether it is known when a frame was taken, in seconds."""
        return frame in self.places and self.rate(self.places[frame].sequence) is not None

    def sequences(self, ids: Iterable[str]) -> list[list[str]]:
        """Those of `ids` that have a place in time, by sequence and in order, one for each number."""
        return [[frames[count] for count in sorted(frames)] for frames in self._by_number(ids).values()]

    def _by_number(self, ids: Iterable[str]) -> dict[str, dict[int, str]]:
        """Sequence -> frame number -> the first id with it."""
        sequences: dict[str, dict[int, str]] = defaultdict(dict)
        for sample_id in ids:
            if place := self.places.get(sample_id):
                sequences[place.sequence].setdefault(place.number, sample_id)
        return sequences

    def nearest(self, frames: Iterable[str], others: Iterable[str]) -> list[Near]:
        """For each frame, the nearest of `others` in its sequence, where there is one."""
        by_sequence = self._by_number(others)
        ordered = {sequence: np.array(sorted(frames), np.int64) for sequence, frames in by_sequence.items()}
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
        dataset: The dataset that was split.
        items: Frames and copies by split.
        fps: Frames a second that the frame numbers count, where the user knows.
    """
    timeline = Timeline(dataset, fps)
    frames = {split: scored_ids(items.get(split, ())) for split in SPLITS}
    findings: list[Finding] = []
    for other, split in PAIRS:
        if not frames[split] or not frames[other]:
            continue
        known = {item.frame: item.id for item in items[other]}
        shared = [item for item in items[split] if item.frame in known]
        if shared:
            findings.append(_copies(shared, known, len(items[split]), split, other))
        copied = {item.id for item in shared}
        near = timeline.nearest([frame for frame in frames[split] if frame not in copied], frames[other])
        findings += _in_time(near, len(frames[split]), split, other)
    return findings


def within(near: Iterable[Near], seconds: float) -> list[Near]:
    """The frames that are known to be at most so many seconds from their partner."""
    return [pair for pair in near if pair.seconds is not None and pair.seconds <= seconds + _EPSILON]


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
    """The finding on frames within `MEMORY_SECONDS`; unless it is a leak, also that on frames close in time."""
    ordered = sorted(near, key=lambda pair: pair.frames if pair.seconds is None else pair.seconds)
    beside = within(ordered, MEMORY_SECONDS)
    findings = []
    if beside:
        level = severity(len(beside), total, other)
        what = f"have a {NAMES[other]} frame within {MEMORY_SECONDS:g} s"
        text = f"{portion(len(beside), total, f'{NAMES[split]} frames')} {what}: {verdict(level, other)}."
        findings.append(Finding("time", level, split, other, len(beside), total, text, _examples(beside)))
        if level == "leak":
            return findings
    if other != "train":
        return findings
    close = [pair for pair in ordered if (pair.direct if pair.seconds is None else pair.seconds <= CLOSE_SECONDS)]
    if len(close) > len(beside):
        if all(pair.seconds is not None for pair in close):
            what = f"have a {NAMES[other]} frame within {CLOSE_SECONDS:g} s"
        else:
            what = f"are direct neighbours in time of {NAMES[other]} frames"
        most = len(close) >= CLOSE_SHARE * total
        means = "this score is optimistic for new streets" if most else "the others are further away"
        text = f"{portion(len(close), total, f'{NAMES[split]} frames')} {what}: {means}."
        weak: Severity = "warning" if most else "note"
        findings.append(Finding("close", weak, split, other, len(close), total, text, _examples(close)))
    return findings


def _examples(near: Sequence[Near]) -> tuple[Example, ...]:
    return tuple(Example(pair.frame, pair.partner, pair.detail) for pair in near[:MOST_EXAMPLES])


def _sequence(group: str) -> str:
    """The sequence of a group. Ids that occur in two splits begin with their split; a known sequence is freed of it."""
    split, _, rest = group.partition("__")
    return rest if split in SPLITS and frame_rate(rest) else group


def _step(numbers: Iterable[int]) -> int:
    """The usual distance of two frames in a sequence: the most frequent, of equally frequent ones the smallest."""
    steps, counts = np.unique(np.diff(np.array(sorted(numbers), np.int64)), return_counts=True)
    return int(steps[counts.argmax()]) if len(steps) else 1


def _closest(numbers: I64, wanted: int) -> int:
    place = int(np.searchsorted(numbers, wanted))
    return min((int(value) for value in numbers[max(0, place - 1) : place + 1]), key=lambda value: abs(value - wanted))
