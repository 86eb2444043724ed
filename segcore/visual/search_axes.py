"""Makes chart axes of searched settings: positions of values, ticks and their labels."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

ROOM = 0.06  # of an axis, left empty beyond its outermost point


@dataclass(frozen=True)
class Setting:
    """One searched setting, an axis of the charts.

    Args:
        name: As `train.py` calls it.
        low: Least number.
        high: Greatest number.
        log: Numbers are spaced by their logarithm.
        whole: Numbers are integers.
        choices: What may be chosen, in order; empty for numbers.
        column: Its column in the table of trials.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()
    column: str = ""

    @classmethod
    def of(cls, name: str, space: object, values: pd.Series) -> Setting:
        """The axis of a setting.

        Args:
            name: Name of the setting.
            space: Its entry in the space: `{low, high, log}`, or a list of choices.
            values: What the trials took, NaN where a trial has none. The axis is made wide enough for all of it.
        """
        taken, column = values.dropna(), str(values.name)
        bounds = bounds_of(space)
        if bounds is not None and pd.api.types.is_numeric_dtype(values):
            assert isinstance(space, Mapping)
            numbers = [*bounds, *(float(number) for number in taken if math.isfinite(number))]
            low, high = min(numbers), max(numbers)
            whole = all(isinstance(bound, int) for bound in bounds)
            return cls(name, low, high, bool(space.get("log")) and low > 0, whole, column=column)
        listed = space if isinstance(space, list) else []
        # What was taken but is not offered comes last: the space may have been changed between two starts.
        choices = tuple(dict.fromkeys(words(value, 6) for value in [*listed, *taken]))
        return cls(name, choices=choices, column=column)

    @property
    def narrow(self) -> bool:
        """Its ends are the same number, within the precision of a tick."""
        return self.high - self.low <= 1e-8 * max(abs(self.low), abs(self.high))

    @property
    def ticks(self) -> list[float]:
        """Numbers that get a tick; for choices, their indices."""
        if self.choices:
            return [float(index) for index in range(len(self.choices))]
        if self.narrow:
            return [self.low]
        return log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high, self.whole)

    def label(self, tick: float) -> str:
        """The label of a tick."""
        return self.choices[int(tick)] if self.choices else f"{tick:g}".replace("e-0", "e-")

    def numbers(self, values: pd.Series) -> pd.Series:
        """Values as numbers on this axis, NaN where a trial has none: choices are 0, 1, 2 ..."""
        if not self.choices:
            return pd.to_numeric(values, errors="coerce")
        places = {choice: float(index) for index, choice in enumerate(self.choices)}
        # A choice of nothing is written as nothing.
        return values.map(lambda value: places.get(words(value, 6), float("nan"))).astype(float)

    def places(self, numbers: pd.Series) -> pd.Series:
        """Numbers on this axis -> 0..1 from its low to its high end."""
        if self.choices:
            return (numbers + 0.5) / len(self.choices)
        if self.narrow:
            return numbers * 0 + 0.5
        if self.log:
            return (np.log(numbers) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (numbers - self.low) / (self.high - self.low)


def bounds_of(space: object) -> tuple[float, float] | None:
    """(low, high) of a range of numbers, None for choices."""
    if not isinstance(space, Mapping):
        return None
    low, high = space.get("low"), space.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def words(value: object, digits: int = 4) -> str:
    """A setting's value for people: `0.00123`, `4`, `true`, `null`, `[128, 64]`.

    >>> words(0.0012345678), words(4.0), words(True), words(None), words([128, 64])
    ('0.001235', '4', 'true', 'null', '[128, 64]')
    """
    if isinstance(value, list | tuple | dict):
        return json.dumps(value)
    if isinstance(value, bool | np.bool_) or value in ("True", "False"):
        return str(value).lower()
    if value is None or value != value:
        return "null"
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else f"{value:.{digits}g}"
    return str(value)


def wider(setting: Setting) -> tuple[float, float]:
    """An axis's ends, moved apart so that dots at them are whole."""
    if setting.log and setting.high > setting.low:
        factor = (setting.high / setting.low) ** ROOM
        return setting.low / factor, setting.high * factor
    span = setting.high - setting.low or abs(setting.low) or 1.0
    return setting.low - ROOM * span, setting.high + ROOM * span


def round_ticks(low: float, high: float, whole: bool, most: int = 5) -> list[float]:
    """Round numbers between two numbers.

    >>> round_ticks(0, 0.2, False), round_ticks(2, 8, True)
    ([0.0, 0.05, 0.1, 0.15, 0.2], [2.0, 4.0, 6.0, 8.0])
    """
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.10g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive numbers, and what stands between where they are few.

    >>> log_ticks(1e-4, 1e-1), log_ticks(1e-3, 4e-3)
    ([0.0001, 0.001, 0.01, 0.1], [0.001, 0.002, 0.004])
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 4), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        exact = (float(f"{factor}e{exponent}") for exponent in exponents for factor in factors)
        ticks = [tick for tick in exact if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) >= 3:
            break
    return ticks or [low, high]
