"""Places the names of dots in a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segcore.arrays import F64

LETTER = 0.028  # of the chart's width, that a letter takes
HEIGHT = 0.08  # of the chart's height, that a name takes
EDGE = 0.04  # of the chart's width, by which a name may stand out


@dataclass(frozen=True)
class _Box:
    """A name beside its dot; lengths are shares of the chart."""

    flip: bool  # to the left of the dot
    below: bool
    start: float
    end: float
    height: float  # of its middle

    def meets(self, other: _Box) -> bool:
        """Tell whether it would lie on another name."""
        across = self.start < other.end and other.start < self.end
        return across and abs(self.height - other.height) < HEIGHT


def place_names(table: pd.DataFrame, domain: Sequence[float], *, log: bool) -> pd.DataFrame:
    """Decide which chosen dots are named, and where: never on another name, and clear of other dots where possible.

    The best dots are placed first. A name stands towards the middle of the chart and above its dot, unless another
    corner is free.

    Args:
        table: Columns `run, x, y, low, high, chosen`.
        domain: Ends of the x axis.
        log: The x axis is logarithmic.

    Returns:
        Columns `named`, `flip` (the name stands to the left of its dot) and `below`, bool, with the index of `table`.
    """
    scale = np.log if log else np.asarray
    left, right = (float(scale(end)) for end in domain)
    x = (scale(table["x"].to_numpy(dtype=float)) - left) / (right - left)
    heights = table[["y", "low", "high"]].to_numpy(dtype=float)
    span = float(np.nanmax(heights) - np.nanmin(heights)) if len(table) else 0.0
    y = heights[:, 0] / (span or 1.0)
    middle = (x.min() + x.max()) / 2 if len(table) else 0.5
    named, flip, below = np.zeros(len(x), bool), x > middle, np.zeros(len(x), bool)
    placed: list[_Box] = []
    for index in sorted(np.flatnonzero(table["chosen"].to_numpy(dtype=bool)), key=lambda index: -y[index]):
        corners = _corners(float(x[index]), float(y[index]), str(table["run"].iloc[index]), bool(flip[index]))
        free = [box for box in corners if not any(box.meets(other) for other in placed)]
        if free:
            others = np.arange(len(x)) != index
            box = min(free, key=lambda box: _cost(box, x[others], y[others]))
            named[index], flip[index], below[index] = True, box.flip, box.below
            placed.append(box)
    return pd.DataFrame({"named": named, "flip": flip, "below": below}, index=table.index)


def _corners(x: float, y: float, name: str, flip: bool) -> list[_Box]:
    """Four places for a name, the preferred one first."""
    wide = EDGE + LETTER * len(name)
    return [
        _Box(side, below, x - wide * side, x + wide * (not side), y - 0.07 if below else y + 0.05)
        for below in (False, True)
        for side in (flip, not flip)
    ]


def _cost(box: _Box, x: F64, y: F64) -> int:
    """Count the dots that a name would lie on; more where it would stand out of the chart."""
    covered = (x > box.start - 0.02) & (x < box.end + 0.02) & (np.abs(y - box.height) < HEIGHT)
    return int(covered.sum()) + 10 * (box.start < -EDGE or box.end > 1 + EDGE)
