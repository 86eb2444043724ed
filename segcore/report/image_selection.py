"""Which images a report shows: chosen by stated rules from stored scores, never by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64


@dataclass(frozen=True)
class Example:
    """An image, and why it is shown.

    Args:
        place: Of the image in the split.
        rule: Why it is shown, as a heading.
        detail: The numbers behind it.
    """

    place: int
    rule: str
    detail: str


def choose(values: F64, names: Sequence[str], count: int) -> list[Example]:
    """Choose images; each is shown once, so a rule whose image is taken gives its next one.

    Args:
        values: `[R, N]` mIoU of each image by R models, the two best by validation first; NaN where nothing is scored.
        names: Of the R models.
        count: How many; all images where there are fewer.
    """
    known = np.flatnonzero(~np.isnan(values).any(axis=0))
    if not len(known) or count < 1:
        return []
    found: list[Example] = []
    taken: set[int] = set()
    for rule, order, detail in _rules(values[:, known], names):
        place = next((int(known[each]) for each in order if int(known[each]) not in taken), None)
        if place is None or len(found) == count:
            break
        taken.add(place)
        found.append(Example(place, rule, detail))
    return found


def _rules(values: F64, names: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.intp], str]]:
    """(rule, images by how well they fit it, why); the last kind goes on until all are shown."""
    mean = values.mean(axis=0)
    several = len(names) > 1
    whose = "mean over the models" if several else "mIoU of the image"
    middle = float(np.median(mean))

    def stable(key: F64) -> npt.NDArray[np.intp]:
        return np.argsort(key, kind="stable")

    yield "Typical", stable(np.abs(mean - middle)), f"the image nearest to the median mIoU ({middle:.3f}, {whose})"
    yield "Hardest", stable(mean), f"the lowest mIoU ({whose})"
    if several:
        gap = np.abs(values[0] - values[1])
        said = f"the largest gap in mIoU between {names[0]} and {names[1]}, the two best by validation"
        yield "Most different", stable(-gap), said
    if len(names) > 2:
        yield "Most spread", stable(values.min(axis=0) - values.max(axis=0)), "the largest gap between any two models"
    yield "Easiest", stable(-mean), f"the highest mIoU ({whose})"
    order = stable(mean)
    for step in _spread_out(len(mean)):
        yield "By rank", np.roll(order, -step), f"by evenly spaced ranks of mIoU ({whose})"


def _spread_out(count: int) -> list[int]:
    """0..count-1 so that each new one halves a gap: the middle, the quarters, the eighths ..."""
    found: list[int] = []
    parts = 2
    while parts < 4 * count:
        found += [count * each // parts for each in range(1, parts, 2)]
        parts *= 2
    return list(dict.fromkeys([*found, *range(count)]))
