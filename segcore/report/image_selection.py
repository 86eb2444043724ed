"""Chooses the images of a report by stated rules from stored scores, never by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64


@dataclass(frozen=True)
class Example:
    """A chosen image and the rule that chose it.

    Args:
        place: Position of the image in the split.
        rule: Name of the rule, as a heading.
        detail: What the rule looks for, with its numbers.
    """

    place: int
    rule: str
    detail: str


def choose(values: F64, names: Sequence[str], count: int, *, pair: str = "") -> list[Example]:
    """Choose images. No image is chosen twice: a rule whose image is taken gives its next one.

    Args:
        values: `[R, N]` mIoU of each image by R models; NaN where nothing is scored.
        names: Names of the R models.
        count: Number of images; all where there are fewer.
        pair: What the first two models are, of which a rule takes the largest gap: `the two best by validation`.
    """
    known = np.flatnonzero(~np.isnan(values).any(axis=0))
    if not len(known) or count < 1:
        return []
    examples: list[Example] = []
    taken: set[int] = set()
    for rule, order, detail in _rules(values[:, known], names, pair):
        place = next((place for place in known[order].tolist() if place not in taken), None)
        if place is None or len(examples) == count:
            break
        taken.add(place)
        examples.append(Example(place, rule, detail))
    return examples


def _rules(values: F64, names: Sequence[str], pair: str) -> Iterator[tuple[str, npt.NDArray[np.intp], str]]:
    """(name, images by how well they fit, detail) of each rule; the last one repeats until all images are chosen."""
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
        detail = f"the largest gap in mIoU between {names[0]} and {names[1]}{pair and ', '}{pair}"
        yield "Most different", stable(-gap), detail
    if len(names) > 2:
        yield "Most spread", stable(values.min(axis=0) - values.max(axis=0)), "the largest gap between any two models"
    yield "Easiest", stable(-mean), f"the highest mIoU ({whose})"
    order = stable(mean)
    for step in _spread_out(len(mean)):
        yield "By rank", np.roll(order, -step), f"by evenly spaced ranks of mIoU ({whose})"


def _spread_out(count: int) -> list[int]:
    """0..count-1, ordered so that each number halves a gap: the middle, the quarters, the eighths ...

    >>> _spread_out(5)
    [2, 1, 3, 0, 4]
    """
    order: list[int] = []
    parts = 2
    while parts < 4 * count:
        order += [count * part // parts for part in range(1, parts, 2)]
        parts *= 2
    return list(dict.fromkeys([*order, *range(count)]))
