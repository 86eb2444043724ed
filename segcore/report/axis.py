"""Scales and ticks for hand-written charts. Positions are in percent of a plot's width or height, so charts stretch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A linear scale.

    Args:
        low: Value at 0 %.
        high: Value at 100 %.
        ticks: Values that get a line and a number.
        digits: After the point, in those numbers.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    digits: int

    @classmethod
    def around(cls, values: Iterable[float], *, floor: float = -math.inf, ceiling: float = math.inf) -> Axis:
        """An axis that holds all values and begins and ends at a tick.

        Args:
            values: NaN is passed over.
            floor: Nothing below it is on the axis.
            ceiling: Nothing above it.

        >>> Axis.around([0.41, 0.58]).ticks
        (0.4, 0.45, 0.5, 0.55, 0.6)
        """
        known = [value for value in values if math.isfinite(value)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if high - low < 1e-9:
            room = abs(high) * 0.1 or 0.5
            low, high = low - room, high + room
        step = _step(high - low)
        first = max(math.floor(low / step + 1e-9), math.ceil(floor / step - 1e-9) if floor > -math.inf else -math.inf)
        last = min(math.ceil(high / step - 1e-9), math.floor(ceiling / step + 1e-9) if ceiling < math.inf else math.inf)
        digits = next(count for count in range(12) if abs(round(step, count) - step) < 1e-9 * step)
        ticks = tuple(round(index * step, 10) for index in range(int(first), int(last) + 1))
        return cls(ticks[0], ticks[-1], ticks, digits)

    def at(self, value: float) -> float:
        """Percent of the way from low to high, kept between 0 and 100."""
        return 100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def label(self, value: float) -> str:
        """A tick's number."""
        return f"{value:.{self.digits}f}"


def _step(span: float) -> float:
    """A step of 1, 2, 2.5 or 5 times a power of ten that cuts a span into three to six."""
    power = 10.0 ** math.floor(math.log10(span / 5))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if span / (factor * power) <= 5.5)
