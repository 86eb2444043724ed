"""A catalog entry: what a transform does, and which parameters it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segcore.augment.parameter_base import Parameter, ParameterError, Value
from segcore.augment.parameters import Nested
from segcore.errors import nearest

_CHANCES = {0.0: "never", 0.5: "half the time", 1.0: "always"}


@dataclass(frozen=True)
class TransformSpec:
    """One transform of the catalog.

    Args:
        name: Name of the transform in albumentations.
        group: One of `GROUPS`.
        summary: One sentence: what it does to a picture.
        phrase: Sentence template over parameter names, e.g. `Rotate {limit}`.
        params: Parameters that can be set.
        fixed: Arguments that the library always gets.
        defaults_of_library: The library's defaults; exported code leaves out arguments that equal them.
        moves_mask: The mask changes with the image.
        keeps_size: The picture keeps its size.
        default_p: Default probability.
        contradiction: Takes the values and says what is wrong with them together; None when nothing is.
        refusals: Parameter of the library that is not offered -> the reason.
    """

    name: str
    group: str
    summary: str
    phrase: str
    params: tuple[Parameter, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    defaults_of_library: Mapping[str, object] = field(default_factory=dict)
    moves_mask: bool = False
    keeps_size: bool = True
    default_p: float = 0.5
    contradiction: Callable[[Mapping[str, Any]], str | None] | None = None
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Value]:
        """Parameter name -> default value."""
        return self.check({})

    def param(self, name: str) -> Parameter:
        """Return the parameter with this name."""
        return next(parameter for parameter in self.params if parameter.name == name)

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Check the given values and add the defaults of all other parameters, in the spec's order.

        Raises:
            ParameterError: on an unknown name, a value that does not fit, or values that contradict each other.
        """
        known = [parameter.name for parameter in self.params]
        for name in values:
            if name in self.refusals:
                raise ParameterError(name, f"{self.name}: {name} {self.refusals[name]}")
            if name not in known:
                takes = f"It takes {', '.join(['p', *known])}."
                raise ParameterError(name, f"{self.name} has no parameter {name!r}.{nearest(name, known)} {takes}")
        checked: dict[str, Value] = {}
        for parameter in self.params:
            given = values.get(parameter.name, parameter.start)
            checked[parameter.name] = (
                parameter.check_for(str(checked[parameter.by]), given)
                if isinstance(parameter, Nested)
                else parameter.check(given)
            )
        problem = self.contradiction and self.contradiction(checked)
        if problem:
            name = next((name for name in values if name in problem), next(iter(values), known[0]))
            raise ParameterError(name, problem)
        return checked

    def plain(self, values: Mapping[str, Value]) -> dict[str, object]:
        """The values as YAML writes them; advanced parameters at their defaults are left out."""
        defaults = self.defaults
        return {
            parameter.name: parameter.plain(values[parameter.name])
            for parameter in self.params
            if not (parameter.advanced and values[parameter.name] == defaults[parameter.name])
        }

    def arguments(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Keyword arguments for albumentations, without `p`."""
        given = {parameter.name: parameter.argument(values[parameter.name]) for parameter in self.params}
        return given | dict(self.fixed)

    def sentence(self, values: Mapping[str, Value], p: float = 0.5, how: str = "") -> str:
        """`Rotate between -30 and 30 degrees, half the time`; `how` takes the place of the last part."""
        texts = {parameter.name: parameter.text(values[parameter.name]) for parameter in self.params}
        return f"{self.phrase.format(**texts)}, {how or chance(p)}"


def chance(p: float) -> str:
    """A probability in words: `half the time`."""
    return _CHANCES.get(p, f"{100 * p:g} % of the time")
