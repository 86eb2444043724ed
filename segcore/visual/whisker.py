"""Draws a value with its interval as a bar of HTML, for a cell of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


def common_ends(values: Iterable[float]) -> tuple[float, float]:
    """Ends of the axis that all bars of a table share, with a little room beyond the outermost value.

    Args:
        values: All values and ends of intervals; NaN is left out.

    >>> common_ends([0.4, 0.6, float("nan")])
    (0.39, 0.61)
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = 0.05 * (high - low) or 0.05
    return low - room, high + room


@dataclass(frozen=True)
class Whisker:
    """A value with its interval on a line.

    Args:
        color: Hex, of the value and its interval.
        value: Its place on the line, 0..1; None where it isn't known (yet).
        low: Place of the interval's lower end.
        high: Place of its upper end.
    """

    color: str
    value: float | None = None
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def between(cls, ends: tuple[float, float], color: str, value: float, low: float, high: float) -> Whisker:
        """The bar of a value on an axis; without a value or an interval only what is known is drawn.

        Args:
            ends: Ends of the axis.
            color: Hex.
            value: The value; may be NaN.
            low: Lower end of its interval; NaN where there is none.
            high: Upper end.
        """
        if math.isnan(value):
            return cls(color)
        known = (value, low, high) if low == low else (value, value, value)
        return cls(color, *((number - ends[0]) / (ends[1] - ends[0]) for number in known))

    def to_html(self) -> str:
        """The line as HTML; as wide with a value as without one. The page styles `track`, `range` and `value`."""
        if self.value is None:
            return '<span class="track"></span>'
        place = f"left:{100 * self.low:.1f}%;width:{100 * (self.high - self.low):.1f}%"
        return (
            f'<span class="track" style="--run:{self.color}"><i class="range" style="{place}"></i>'
            f'<i class="value" style="left:{100 * self.value:.1f}%"></i></span>'
        )

    __html__ = to_html  # templates put it in as it is
