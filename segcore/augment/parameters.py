"""The kinds of parameters. One of them drives widget, validation, default and file.

A parameter knows its value in three forms: as a pipeline keeps it (`check`; hashable), as YAML writes it (`plain`), and
as albumentations takes it (`argument`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcore.errors import AugmentError, nearest, unknown

Scalar = int | float
Ends = tuple[Scalar, Scalar]
Value = bool | int | float | str | None | tuple["Value", ...]

_LONGEST = 120  # characters of a value in an error


class ParameterError(AugmentError):
    """A value that does not fit; `name` is the parameter's, so that a file's reader finds its line."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, str]]:
        return type(self), (self.name, str(self))  # exceptions pickle their args, which the text alone is


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What all parameters have.

    Args:
        name: Its name in albumentations, and in the file.
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
        """The value as a pipeline keeps it.

        Raises:
            ParameterError: when it does not fit; with what was expected.
        """
        raise NotImplementedError

    def text(self, value: Value) -> str:
        """The value in a sentence."""
        return str(value)

    def plain(self, value: Value) -> object:
        """The value as YAML writes it."""
        return list(value) if isinstance(value, tuple) else value

    def argument(self, value: Value) -> object:
        """The value as albumentations takes it."""
        return value

    def refused(self, value: object, expected: str) -> ParameterError:
        """The one wording for a value that does not fit."""
        return ParameterError(self.name, f"{self.name} is {shown(value)}; expected {expected}.")


@dataclass(frozen=True, kw_only=True)
class Bounded(Parameter):
    """Numbers from `low` to `high`; whole where `step` is an int.

    Args:
        low: Smallest value.
        high: Largest value.
        step: Whole numbers count in steps (a kernel is odd); the step of others is only the slider's.
        unit: For people, e.g. `degrees`.
        none: What null means, e.g. `as the type of rain asks`; empty where null is not allowed.
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
        """`value` as int or float; None when it is no such number, out of bounds or off the grid."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return None
        if not self.low <= value <= self.high:
            return None
        if not self.whole:
            return float(value)
        fits = float(value).is_integer() and (int(value) - self.low) % self.step == 0
        return int(value) if fits else None

    def expected(self) -> str:
        """`a whole number from 3 to 31`."""
        kind = "a number"
        if self.whole:
            kind = "a whole number"
            if self.step == 2:
                kind = "an odd number" if int(self.low) % 2 else "an even number"
        return f"{kind} from {self.low:g} to {self.high:g}"

    def with_unit(self, text: str) -> str:
        """A number's text with its unit after it."""
        return f"{text} {self.unit}".strip()


@dataclass(frozen=True, kw_only=True)
class Number(Bounded):
    """One number.

    Args:
        listed: albumentations wants a list of one such number.
    """

    default: Scalar | None
    listed: bool = False

    def check(self, value: object) -> Value:
        if value is None and self.none:
            return None
        number = self.number(value)
        if number is None:
            raise self.refused(value, self.expected() + (" or null" if self.none else ""))
        return number

    def text(self, value: Value) -> str:
        return self.with_unit(f"{value:g}") if isinstance(value, int | float) else self.none

    def argument(self, value: Value) -> object:
        return [value] if self.listed else value


@dataclass(frozen=True, kw_only=True)
class Range(Bounded):
    """Two numbers, low end first; each call draws one between them.

    Args:
        listed: albumentations wants a list of one such range.
    """

    default: Ends | None
    listed: bool = False

    def check(self, value: object) -> Value:
        if value is None and self.none:
            return None
        given = list(value) if isinstance(value, list | tuple) else []
        ends = [number for each in given if (number := self.number(each)) is not None]
        if len(given) != 2 or len(ends) != 2:
            example = list(self.default) if self.default else [self.low, self.high]
            raise self.refused(value, f"two of {self.expected()}, e.g. {example}")
        if ends[0] > ends[1]:
            raise ParameterError(
                self.name, f"{self.name} is {shown(value)}; the smaller end comes first: {[ends[1], ends[0]]}."
            )
        return ends[0], ends[1]

    def text(self, value: Value) -> str:
        return self.none if value is None else self.with_unit(span(value))

    def argument(self, value: Value) -> object:
        return [value] if self.listed else value


@dataclass(frozen=True, kw_only=True)
class Axes(Range):
    """A range for both axes, or `{x: [..], y: [..]}`: one for each.

    A value of two apart is kept as `(("x", (low, high)), ("y", (low, high)))`.
    """

    def check(self, value: object) -> Value:
        axes = dict(pairs(value)) if apart(value) else value
        if not isinstance(axes, Mapping):
            return super().check(value)
        if set(axes) != {"x", "y"}:
            raise ParameterError(
                self.name, f"{self.name} has {', '.join(map(str, axes)) or 'no axes'}; expected x and y, or one range."
            )
        return ("x", super().check(axes["x"])), ("y", super().check(axes["y"]))

    def text(self, value: Value) -> str:
        if not apart(value):
            return super().text(value)
        return " and ".join(f"{span(ends)} in {axis}" for axis, ends in pairs(value)) + (
            f" {self.unit}" if self.unit else ""
        )

    def plain(self, value: Value) -> object:
        return {axis: list(ends) for axis, ends in pairs(value)} if apart(value) else super().plain(value)

    def argument(self, value: Value) -> object:
        return dict(pairs(value)) if apart(value) else value


@dataclass(frozen=True, kw_only=True)
class Pair(Bounded):
    """Two whole numbers that don't depend on each other.

    Args:
        parts: What the first and the second one are, e.g. `("rows", "columns")`.
    """

    default: tuple[int, int]
    parts: tuple[str, str]
    step: Scalar = 1

    def check(self, value: object) -> Value:
        given = list(value) if isinstance(value, list | tuple) else []
        numbers = [number for each in given if (number := self.number(each)) is not None]
        if len(given) != 2 or len(numbers) != 2:
            raise self.refused(
                value, f"{self.parts[0]} and {self.parts[1]}, each {self.expected()}, e.g. {list(self.default)}"
            )
        return numbers[0], numbers[1]

    def text(self, value: Value) -> str:
        assert isinstance(value, tuple)
        return self.with_unit(f"{value[0]} × {value[1]}")


@dataclass(frozen=True, kw_only=True)
class Region(Parameter):
    """A rectangle in shares of the picture: left, top, right, bottom."""

    default: tuple[float, float, float, float]

    def check(self, value: object) -> Value:
        given = list(value) if isinstance(value, list | tuple) else []
        sides = [float(each) for each in given if isinstance(each, int | float) and not isinstance(each, bool)]
        inside = all(0 <= side <= 1 for side in sides)
        if len(given) != 4 or len(sides) != 4 or not inside or sides[0] >= sides[2] or sides[1] >= sides[3]:
            raise self.refused(
                value,
                f"left, top, right and bottom from 0 to 1, left before right and top before bottom, "
                f"e.g. {list(self.default)}",
            )
        return tuple(sides)

    def text(self, value: Value) -> str:
        assert isinstance(value, tuple)
        left, top, right, bottom = (f"{100 * float(str(side)):g}" for side in value)
        return f"{left}–{right} % across and {top}–{bottom} % down"


@dataclass(frozen=True, kw_only=True)
class Color(Parameter):
    """Red, green and blue, 0 to 255."""

    default: tuple[int, int, int]

    def check(self, value: object) -> Value:
        given = list(value) if isinstance(value, list | tuple) else []
        if len(given) != 3 or not all(type(each) is int and 0 <= each <= 255 for each in given):
            raise self.refused(value, f"red, green and blue from 0 to 255, e.g. {list(self.default)}")
        return tuple(given)

    def text(self, value: Value) -> str:
        assert isinstance(value, tuple)
        return "#" + "".join(f"{int(str(each)):02x}" for each in value)


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of a few names.

    Args:
        options: Name -> what the library is given for it.
    """

    options: Mapping[str, object]
    default: str

    def check(self, value: object) -> Value:
        if not isinstance(value, str) or value not in self.options:
            raise ParameterError(self.name, unknown(self.name, str(value)[:_LONGEST], self.options))
        return value

    def text(self, value: Value) -> str:
        return str(value).replace("_", " ")

    def argument(self, value: Value) -> object:
        return self.options[str(value)]


@dataclass(frozen=True, kw_only=True)
class Flag(Parameter):
    """Yes or no."""

    default: bool = False

    def check(self, value: object) -> Value:
        if not isinstance(value, bool):
            raise self.refused(value, "true or false")
        return value

    def text(self, value: Value) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True, kw_only=True)
class Nested(Parameter):
    """Parameters of their own, which ones following from a `Choice` of the same transform.

    Kept as `((name, value), ...)`.

    Args:
        by: Name of that choice.
        variants: Its option -> parameters.
    """

    by: str
    variants: Mapping[str, tuple[Parameter, ...]]

    def check_for(self, option: str, value: object) -> Value:
        """The value under one option; None is its defaults.

        Raises:
            ParameterError: when it is no mapping, has an unknown name or a value that does not fit.
        """
        parameters = self.variants[option]
        given = {} if value is None else dict(pairs(value)) if apart(value) else value
        if not isinstance(given, Mapping):
            raise self.refused(value, f"a mapping with {', '.join(each.name for each in parameters)}")
        known = [each.name for each in parameters]
        for name in given:
            if name not in known:
                raise ParameterError(
                    self.name,
                    f"{self.name} of {self.by} {option} has no {str(name)!r}.{nearest(str(name), known)} "
                    f"It takes {', '.join(known)}.",
                )
        try:
            return tuple((each.name, each.check(given.get(each.name, each.start))) for each in parameters)
        except ParameterError as error:
            raise ParameterError(self.name, f"{self.name}: {error}") from None

    def defaults(self, option: str) -> Value:
        """The value that an option begins with."""
        return self.check_for(option, None)

    def option(self, value: Value) -> str:
        """The option that a value belongs to."""
        names = tuple(name for name, _ in pairs(value))
        return next(each for each, found in self.variants.items() if tuple(one.name for one in found) == names)

    def parameters(self, value: Value) -> tuple[Parameter, ...]:
        """The parameters that a value belongs to."""
        return self.variants[self.option(value)]

    def text(self, value: Value) -> str:
        return ", ".join(
            f"{each.name.replace('_', ' ')} {each.text(one)}"
            for each, (_, one) in zip(self.parameters(value), pairs(value), strict=True)
        )

    def plain(self, value: Value) -> object:
        return {each.name: each.plain(one) for each, (_, one) in zip(self.parameters(value), pairs(value), strict=True)}

    def argument(self, value: Value) -> object:
        return {
            each.name: each.argument(one) for each, (_, one) in zip(self.parameters(value), pairs(value), strict=True)
        }


def apart(value: object) -> bool:
    """Whether a kept value is pairs of (name, value)."""
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value)
    )


def pairs(value: object) -> tuple[tuple[str, Any], ...]:
    """A kept value that is `apart`, as what it is."""
    return value if isinstance(value, tuple) else ()


def shown(value: object) -> str:
    """A value in an error: as YAML would have it, and not all of a long one."""
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def span(value: object) -> str:
    """`between -30 and 30`; one number where the ends are equal."""
    assert isinstance(value, tuple)
    low, high = value
    return f"{low:g}" if low == high else f"between {low:g} and {high:g}"


PROBABILITY = Number(name="p", low=0.0, high=1.0, default=0.5, help="How often the transform is applied.")
