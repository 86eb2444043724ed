"""Which sequence a frame belongs to and where in time it is, read from its id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

_NUMBERED = re.compile(r"^(?P<sequence>.*?)(?P<number>\d+)$")
MIN_VIDEO_FRAMES = 30  # fewer are as likely numbered photos, and too few for gaps around a block


def group_of(sample_id: str) -> str:
    """The sequence of a frame: its id without the last number.

    >>> group_of("0016E5_07961"), group_of("Seq05VD_f00030"), group_of("a__street-7"), group_of("cat")
    ('0016E5', 'Seq05VD', 'a__street', '')
    """
    found = _NUMBERED.match(sample_id)
    if not found:
        return ""
    sequence = found["sequence"]
    return re.sub(r"(?<=[_-])f$", "", sequence).rstrip("_- .")


def natural_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key that puts `frame_9` before `frame_10`."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part)


def is_video(ids: Iterable[str]) -> bool:
    """Whether ids look like frames: each sequence numbered with a constant step.

    >>> is_video(f"ride_{number:04}" for number in range(0, 60, 2)), is_video(["1", "7", "8", "100"])
    (True, False)
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for sample_id in ids:
        found = _NUMBERED.match(sample_id)
        if not found:
            return False
        numbers[found["sequence"]].append(int(found["number"]))
    for found_numbers in numbers.values():
        found_numbers.sort()
        steps = {after - before for before, after in pairwise(found_numbers)}
        if len(found_numbers) < MIN_VIDEO_FRAMES or len(steps) != 1:
            return False
    return bool(numbers)
