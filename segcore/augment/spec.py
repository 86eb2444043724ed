"""What a transform may be set to. One spec drives widget, validation, defaults and file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segcore.errors import AugmentError, nearest, unknown

Value = bool | int | float | str | tuple[int, int] | tuple[float, float]
Scalar = int | float

_CHANCES = {0.0: "never", 0.5: "half the time", 1.0: "always"}


def _number(value: object, *, whole: bool) -> Scalar | None:
    """`value` as int (`whole`) or float; None when it is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    if not whole:
        return float(value)
    return int(value) if float(value).is_integer() else None


def _on_grid(value: Scalar, low: Scalar, step: Scalar) -> bool:
    """Whole-number parameters count in steps (a kernel is odd); the step of others is only the slider's."""
    return not isinstance(step, int) or (value - low) % step == 0


@dataclass(frozen=True)
class Number:
    """One number from `low` to `high`; whole where `step` is an int."""

    name: str
    low: Scalar
    high: Scalar
    default: Scalar
    step: Scalar = 0.05
    unit: str = ""
    help: str = ""

    def check(self, value: object) -> Value:
        """The value as this parameter keeps it.

        Raises:
            AugmentError: when it is out of range or no number.
        """
        number = _number(value, whole=isinstance(self.step, int))
        if number is None or not self.low <= number <= self.high or not _on_grid(number, self.low, self.step):
            raise AugmentError(f"{self.name} is {value!r}; expected {_expected(self)}.")
        return number

    def text(self, value: Value) -> str:
        """The value with its unit."""
        return f"{value:g} {self.unit}".strip() if not isinstance(value, str | tuple) else str(value)


@dataclass(frozen=True)
class Range:
    """Two numbers, low end first; each call draws one between them. Whole where `step` is an int."""

    name: str
    low: Scalar
    high: Scalar
    default: tuple[Scalar, Scalar]
    step: Scalar = 0.05
    unit: str = ""
    help: str = ""

    def check(self, value: object) -> Value:
        """The value as this parameter keeps it, a tuple of two.

        Raises:
            AugmentError: when it is not two numbers, out of range, or the larger one comes first.
        """
        ends = (
            [_number(end, whole=isinstance(self.step, int)) for end in value] if isinstance(value, list | tuple) else []
        )
        shown = list(value) if isinstance(value, tuple) else value
        numbers = [end for end in ends if end is not None]
        inside = all(self.low <= end <= self.high and _on_grid(end, self.low, self.step) for end in numbers)
        if len(ends) != 2 or len(numbers) != 2 or not inside:
            raise AugmentError(
                f"{self.name} is {shown!r}; expected two of {_expected(self)}, e.g. {list(self.default)}."
            )
        if numbers[0] > numbers[1]:
            raise AugmentError(f"{self.name} is {shown!r}; the smaller end comes first: {numbers[::-1]}.")
        return numbers[0], numbers[1]

    def text(self, value: Value) -> str:
        """`between -30 and 30 degrees`."""
        if not isinstance(value, tuple):
            return str(value)
        low, high = value
        text = f"{low:g}" if low == high else f"between {low:g} and {high:g}"
        return f"{text} {self.unit}".strip()


@dataclass(frozen=True)
class Choice:
    """One of a few names.

    Args:
        options: name -> what the library is given for it.
    """

    name: str
    options: Mapping[str, object]
    default: str
    help: str = ""

    def check(self, value: object) -> Value:
        """The name itself.

        Raises:
            AugmentError: when it is not among the options; the options are listed.
        """
        if not isinstance(value, str) or value not in self.options:
            raise AugmentError(unknown(self.name, value, self.options))
        return value

    def text(self, value: Value) -> str:
        """The name itself."""
        return str(value)


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    name: str
    default: bool = False
    help: str = ""

    def check(self, value: object) -> Value:
        """The value itself.

        Raises:
            AugmentError: when it is neither true nor false.
        """
        if not isinstance(value, bool):
            raise AugmentError(f"{self.name} is {value!r}; expected true or false.")
        return value

    def text(self, value: Value) -> str:
        """`yes` or `no`."""
        return "yes" if value else "no"


Parameter = Number | Range | Choice | Flag
PROBABILITY = Number("p", 0.0, 1.0, 0.5, 0.05, help="How often the transform is applied.")


def _expected(parameter: Number | Range) -> str:
    kind = "a number" if not isinstance(parameter.step, int) else "a whole number"
    if parameter.step == 2:
        kind = "an odd number" if int(parameter.low) % 2 else "an even number"
    return f"{kind} from {parameter.low:g} to {parameter.high:g}"


@dataclass(frozen=True)
class TransformSpec:
    """One transform of the catalog.

    Args:
        name: Its name in albumentations.
        group: `geometry`, `colour`, `blur and noise`, `weather` or `dropout`.
        summary: One sentence: what it does to a picture.
        phrase: Sentence template over parameter names, e.g. `Rotate {limit}`.
        params: What can be set.
        fixed: Arguments the library is always given.
    """

    name: str
    group: str
    summary: str
    phrase: str
    params: tuple[Parameter, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Value]:
        """Parameter name -> default value."""
        return {parameter.name: parameter.default for parameter in self.params}

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """All parameters, given ones checked and the others at their defaults, in the spec's order.

        Raises:
            AugmentError: on an unknown name or a value that does not fit.
        """
        known = [parameter.name for parameter in self.params]
        for name in values:
            if name not in known:
                takes = f"It takes {', '.join(['p', *known])}."
                raise AugmentError(f"{self.name} has no parameter {name!r}.{nearest(name, known)} {takes}")
        return {
            parameter.name: parameter.check(values.get(parameter.name, parameter.default)) for parameter in self.params
        }

    def arguments(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Keyword arguments for albumentations, `p` not included."""
        given: dict[str, Any] = {}
        for parameter in self.params:
            value: object = values[parameter.name]
            given[parameter.name] = parameter.options[str(value)] if isinstance(parameter, Choice) else value
        return given | dict(self.fixed)

    def sentence(self, values: Mapping[str, Value], p: float = 0.5) -> str:
        """`Rotate between -30 and 30 degrees, half the time`."""
        texts = {parameter.name: parameter.text(values[parameter.name]) for parameter in self.params}
        return f"{self.phrase.format(**texts)}, {_CHANCES.get(p, f'{100 * p:g} % of the time')}"
