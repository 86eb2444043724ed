"""The kinds of parameters of a transform: each one drives the widget, validation, default and file format.

A value has three forms: the one that a pipeline stores (`check`; hashable), the one that YAML writes (`plain`), and the
one that albumentations takes (`argument`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segcore.augment.parameter_base import (
    MAX_CHARACTERS,
    Bounded,
    Ends,
    Parameter,
    ParameterError,
    Scalar,
    Value,
    is_named_pairs,
    named_pairs,
    range_text,
    short_repr,
)
from segcore.errors import nearest, unknown


@dataclass(frozen=True, kw_only=True)
class Number(Bounded):
    """One number.

    Args:
        listed: albumentations takes a list with one such number.
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

    def of_argument(self, value: object) -> object:
        return value[0] if self.listed and isinstance(value, list | tuple) and value else value


@dataclass(frozen=True, kw_only=True)
class Range(Bounded):
    """Two numbers, low end first; each call draws one between them.

    Args:
        listed: albumentations takes a list with one such range.
    """

    default: Ends | None
    listed: bool = False

    def check(self, value: object) -> Value:
        if value is None and self.none:
            return None
        given = list(value) if isinstance(value, list | tuple) else []
        ends = [number for item in given if (number := self.number(item)) is not None]
        if len(given) != 2 or len(ends) != 2:
            example = list(self.default) if self.default else [self.low, self.high]
            raise self.refused(value, f"two of {self.expected()}, e.g. {example}")
        if ends[0] > ends[1]:
            raise ParameterError(
                self.name, f"{self.name} is {short_repr(value)}; the smaller end comes first: {[ends[1], ends[0]]}."
            )
        return ends[0], ends[1]

    def text(self, value: Value) -> str:
        return self.none if value is None else self.with_unit(range_text(value))

    def argument(self, value: Value) -> object:
        return [value] if self.listed else value

    def of_argument(self, value: object) -> object:
        return value[0] if self.listed and isinstance(value, list | tuple) and value else value


@dataclass(frozen=True, kw_only=True)
class Axes(Range):
    """One range for both axes, or one range an axis: `{x: [..], y: [..]}`.

    Two ranges are stored as `(("x", (low, high)), ("y", (low, high)))`.
    """

    def check(self, value: object) -> Value:
        axes = dict(named_pairs(value)) if is_named_pairs(value) else value
        if not isinstance(axes, Mapping):
            return super().check(value)
        if set(axes) != {"x", "y"}:
            raise ParameterError(
                self.name, f"{self.name} has {', '.join(map(str, axes)) or 'no axes'}; expected x and y, or one range."
            )
        return ("x", super().check(axes["x"])), ("y", super().check(axes["y"]))

    def text(self, value: Value) -> str:
        if not is_named_pairs(value):
            return super().text(value)
        return " and ".join(f"{range_text(ends)} in {axis}" for axis, ends in named_pairs(value)) + (
            f" {self.unit}" if self.unit else ""
        )

    def plain(self, value: Value) -> object:
        return (
            {axis: list(ends) for axis, ends in named_pairs(value)} if is_named_pairs(value) else super().plain(value)
        )

    def argument(self, value: Value) -> object:
        return dict(named_pairs(value)) if is_named_pairs(value) else value

    def of_argument(self, value: object) -> object:
        if isinstance(value, Mapping) and set(value) == {"x", "y"}:
            return value["x"] if value["x"] == value["y"] else value
        return [0, 0] if value is None else value


@dataclass(frozen=True, kw_only=True)
class Pair(Bounded):
    """Two whole numbers that do not depend on each other.

    Args:
        parts: Names of the first and the second number, e.g. `("rows", "columns")`.
    """

    default: tuple[int, int]
    parts: tuple[str, str]
    step: Scalar = 1

    def check(self, value: object) -> Value:
        given = list(value) if isinstance(value, list | tuple) else []
        numbers = [number for item in given if (number := self.number(item)) is not None]
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
    """A rectangle as shares of the picture: left, top, right, bottom."""

    default: tuple[float, float, float, float]

    def check(self, value: object) -> Value:
        given = list(value) if isinstance(value, list | tuple) else []
        sides = [float(item) for item in given if isinstance(item, int | float) and not isinstance(item, bool)]
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
        if len(given) != 3 or not all(type(item) is int and 0 <= item <= 255 for item in given):
            raise self.refused(value, f"red, green and blue from 0 to 255, e.g. {list(self.default)}")
        return tuple(given)

    def of_argument(self, value: object) -> object:
        channels = list(value) if isinstance(value, list | tuple) else [value] * 3
        whole = [int(one) for one in channels if isinstance(one, int | float) and float(one).is_integer()]
        return whole if len(whole) == len(channels) else value  # the library keeps 0.0

    def text(self, value: Value) -> str:
        assert isinstance(value, tuple)
        return "#" + "".join(f"{int(str(channel)):02x}" for channel in value)


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of several names.

    Args:
        options: Name -> the value that the library gets for it.
    """

    options: Mapping[str, object]
    default: str

    def check(self, value: object) -> Value:
        if not isinstance(value, str) or value not in self.options:
            raise ParameterError(self.name, unknown(self.name, str(value)[:MAX_CHARACTERS], self.options))
        return value

    def text(self, value: Value) -> str:
        return str(value).replace("_", " ")

    def argument(self, value: Value) -> object:
        return self.options[str(value)]

    def of_argument(self, value: object) -> object:
        return next((name for name, option in self.options.items() if option == value), value)


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
    """A group of parameters that depends on a `Choice` of the same transform.

    The value is stored as `((name, value), ...)`.

    Args:
        by: Name of the choice.
        variants: Option of the choice -> parameters.
    """

    by: str
    variants: Mapping[str, tuple[Parameter, ...]]

    def check_for(self, option: str, value: object) -> Value:
        """Validate the value for one option of the choice; None takes the defaults.

        Raises:
            ParameterError: when it is no mapping, has an unknown name or a value that does not fit.
        """
        parameters = self.variants[option]
        given = {} if value is None else dict(named_pairs(value)) if is_named_pairs(value) else value
        if not isinstance(given, Mapping):
            raise self.refused(value, f"a mapping with {', '.join(parameter.name for parameter in parameters)}")
        known = [parameter.name for parameter in parameters]
        for name in given:
            if name not in known:
                raise ParameterError(
                    self.name,
                    f"{self.name} of {self.by} {option} has no {str(name)!r}.{nearest(str(name), known)} "
                    f"It takes {', '.join(known)}.",
                )
        try:
            return tuple(
                (parameter.name, parameter.check(given.get(parameter.name, parameter.start)))
                for parameter in parameters
            )
        except ParameterError as error:
            raise ParameterError(self.name, f"{self.name}: {error}") from None

    def defaults(self, option: str) -> Value:
        """The default value for an option."""
        return self.check_for(option, None)

    def option(self, value: Value) -> str:
        """The option whose parameters a value holds."""
        names = tuple(name for name, _ in named_pairs(value))
        return next(
            option
            for option, parameters in self.variants.items()
            if tuple(parameter.name for parameter in parameters) == names
        )

    def inner(self, value: Value) -> list[tuple[Parameter, Value]]:
        """The parameters whose values a value holds, each with its value."""
        values = [inner for _, inner in named_pairs(value)]
        return list(zip(self.variants[self.option(value)], values, strict=True))

    def text(self, value: Value) -> str:
        return ", ".join(
            f"{parameter.name.replace('_', ' ')} {parameter.text(v)}" for parameter, v in self.inner(value)
        )

    def plain(self, value: Value) -> object:
        return {parameter.name: parameter.plain(inner) for parameter, inner in self.inner(value)}

    def argument(self, value: Value) -> object:
        return {parameter.name: parameter.argument(inner) for parameter, inner in self.inner(value)}

    def of_argument(self, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        named = (parameters for parameters in self.variants.values() if {one.name for one in parameters} <= set(value))
        return {one.name: one.of_argument(value[one.name]) for one in next(named, ())} or value


PROBABILITY = Number(name="p", low=0.0, high=1.0, default=0.5, help="How often the transform is applied.")
