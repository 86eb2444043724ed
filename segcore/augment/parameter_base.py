"""The base classes of a transform's parameters, and helpers that print their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segcore.errors import AugmentError

Scalar = int | float
Ends = tuple[Scalar, Scalar]
Value = bool | int | float | str | None | tuple["Value", ...]

MAX_CHARACTERS = 120  # characters of a value in an error


class ParameterError(AugmentError):
    """An invalid value of the parameter `name`, by which the YAML reader finds the line."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, str]]:
        return type(self), (self.name, str(self))  # exceptions pickle their args, which the text alone is


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """The base of all parameters.

    Args:
        name: Name in albumentations and in the file.
        help: One sentence.
        advanced: Folded away in the editor, and left out of the file while it is at its default.
    """

    name: str
    help: str = ""
    advanced: bool = False

    @property
    def label(self) -> str:
        """The name for people, with the unit."""
        text, unit = self.name.replace("_", " "), getattr(self, "unit", "")
        return f"{text}, {unit}" if unit else text

    @property
    def start(self) -> Value:
        """The default value."""
        value: Value = getattr(self, "default", None)
        return value

    def check(self, value: object) -> Value:
        """Validate a value and return it as a pipeline stores it.

        Raises:
            ParameterError: when it is invalid; the message says what is expected.
        """
        raise NotImplementedError

    def text(self, value: Value) -> str:
        """The value as a part of a sentence."""
        return str(value)

    def plain(self, value: Value) -> object:
        """The value as YAML writes it."""
        return list(value) if isinstance(value, tuple) else value

    def argument(self, value: Value) -> object:
        """The value as albumentations takes it."""
        return value

    def of_argument(self, value: object) -> object:
        """A value as albumentations has it -> as a file has it: the inverse of `argument`. `check` judges it."""
        return value

    def refused(self, value: object, expected: str) -> ParameterError:
        """The error for an invalid value, worded the same for all parameters."""
        return ParameterError(self.name, f"{self.name} is {short_repr(value)}; expected {expected}.")


@dataclass(frozen=True, kw_only=True)
class Bounded(Parameter):
    """Numbers from `low` to `high`; whole where `step` is an int.

    Args:
        low: Smallest value.
        high: Largest value.
        step: Whole numbers count in steps (a kernel is odd); the step of others is only the slider's.
        unit: For people, e.g. `degrees`.
        none: Meaning of null, e.g. `as the type of rain asks`; empty where null is not allowed.
    """

    low: Scalar
    high: Scalar
    step: Scalar = 0.05
    unit: str = ""
    none: str = ""

    @property
    def whole(self) -> bool:
        """Whether only whole numbers fit."""
        return isinstance(self.step, int)

    def number(self, value: object) -> Scalar | None:
        """Return `value` as int or float; None when it is not a number, out of bounds or not a multiple of the step."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return None
        if not self.low <= value <= self.high:
            return None
        if not self.whole:
            return float(value)
        fits = float(value).is_integer() and (int(value) - self.low) % self.step == 0
        return int(value) if fits else None

    def expected(self) -> str:
        """The expected values in words: `a whole number from 3 to 31`."""
        kind = "a number"
        if self.whole:
            kind = "a whole number"
            if self.step == 2:
                kind = "an odd number" if int(self.low) % 2 else "an even number"
        return f"{kind} from {self.low:g} to {self.high:g}"

    def with_unit(self, text: str) -> str:
        """Append the unit to a text."""
        return f"{text} {self.unit}".strip()


def is_named_pairs(value: object) -> bool:
    """Whether a stored value consists of (name, value) pairs."""
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value)
    )


def named_pairs(value: object) -> tuple[tuple[str, Any], ...]:
    """Return a stored value of (name, value) pairs with that type; any other value gives no pairs."""
    return value if isinstance(value, tuple) else ()


def short_repr(value: object) -> str:
    """A value as text for an error, in YAML's notation; long values are cut."""
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def range_text(value: object) -> str:
    """A range in words: `between -30 and 30`; one number where the ends are equal."""
    assert isinstance(value, tuple)
    low, high = value
    return f"{low:g}" if low == high else f"between {low:g} and {high:g}"
