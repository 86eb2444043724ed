"""Tells from ids which video sequence a frame belongs to, its place in time, and whether ids are a video at all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

_NUMBERED = re.compile(r"^(?P<sequence>.*?)(?P<number>\d{1,18})$")  # of 64 bits
_DIGITS = re.compile(r"(\d{1,18})")
# Frames a second that the numbers count. CamVid's drives were filmed at 30 Hz (Brostow et al. 2009); every 30th frame
# is labelled, and every second one of the clip that is CamSeq01 and Cam101.
RATES = {"0001TP": 30.0, "0006R0": 30.0, "0016E5": 30.0, "Seq05VD": 30.0}
FILMED = frozenset({*RATES, "drive"})  # sequences known to be video, even with few frames
MIN_VIDEO_FRAMES = 30  # fewer frames may be numbered photos, and are too few for gaps around a block


def group_of(sample_id: str) -> str:
    """The sequence of a frame: its id without the last number.

    >>> group_of("0016E5_07961"), group_of("Seq05VD_f00030"), group_of("a__street-7"), group_of("cat")
    ('0016E5', 'Seq05VD', 'a__street', '')
    """
    match = _NUMBERED.match(sample_id)
    sequence = match["sequence"] if match else ""
    return (sequence[:-1] if sequence.endswith(("_f", "-f")) else sequence).rstrip("_- .")


def frame_number(sample_id: str) -> int | None:
    """The number of a frame in its sequence: the last digits of its id; None where there are none.

    >>> frame_number("0016E5_07961"), frame_number("Seq05VD_f00030"), frame_number("cat")
    (7961, 30, None)
    """
    match = _NUMBERED.match(sample_id)
    return int(match["number"]) if match else None


def frame_rate(sequence: str) -> float | None:
    """Frames a second that the numbers of a sequence count; None where that is not known. It is never guessed.

    >>> frame_rate("0016E5"), frame_rate("my-ride")
    (30.0, None)
    """
    return RATES.get(sequence)


def is_clip(sequence: str, ids: Iterable[str]) -> bool:
    """Whether numbered ids of one sequence are known to be frames, and not photos that happen to be numbered.

    Args:
        sequence: `group_of` the ids.
        ids: Ids of one sequence. They matter where the sequence is not known: `is_video` then decides.

    >>> is_clip("0016E5", ["0016E5_07961", "0016E5_07981"]), is_clip("2007", ["2007_000032", "2007_000039"])
    (True, False)
    """
    # Ids that occur in two splits have their split before them: test__0016E5_07961.
    return sequence.rpartition("__")[2] in FILMED or is_video(ids)


def natural_key(text: str) -> tuple[int | str, ...]:
    """Sort key that puts `frame_9` before `frame_10`: text and numbers in turns.

    >>> natural_key("a7_12"), natural_key("9")
    (('a', 7, '_', 12, ''), ('', 9, ''))
    """
    parts: list[int | str] = [*_DIGITS.split(text)]
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts)


def is_video(ids: Iterable[str]) -> bool:
    """Whether ids look like frames: `MIN_VIDEO_FRAMES` or more in each sequence, numbered with a constant step.

    >>> is_video(f"ride_{number:04}" for number in range(0, 60, 2)), is_video(["1", "7", "8", "100"])
    (True, False)
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for sample_id in ids:
        match = _NUMBERED.match(sample_id)
        if not match:
            return False
        numbers[match["sequence"]].append(int(match["number"]))
    return bool(numbers) and all(map(_is_regular, numbers.values()))


def _is_regular(numbers: list[int]) -> bool:
    """Whether there are enough numbers, all at the same distance."""
    steps = {after - before for before, after in pairwise(sorted(numbers))}
    return len(numbers) >= MIN_VIDEO_FRAMES and len(steps) == 1
