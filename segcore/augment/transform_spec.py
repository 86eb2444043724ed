"""What the catalog says of a transform: what it does, and what it may be set to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segcore.augment.parameters import Nested, Parameter, ParameterError, Value
from segcore.errors import nearest

_CHANCES = {0.0: "never", 0.5: "half the time", 1.0: "always"}


@dataclass(frozen=True)
class TransformSpec:
    """One transform of the catalog.

    Args:
        name: Its name in albumentations.
        group: One of `GROUPS`.
        summary: One sentence: what it does to a picture.
        phrase: Sentence template over parameter names, e.g. `Rotate {limit}`.
        params: What can be set.
        fixed: Arguments the library is always given.
        defaults_of_library: Arguments that need not be written when they hold this.
        moves_mask: The mask changes with the image.
        keeps_size: The picture has the size it had.
        default_p: How often it is applied, unless told otherwise.
        contradiction: From the values, what is wrong with them together; None where nothing is.
        refusals: Parameter of the library that is not offered -> why.
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
        """The parameter of this name."""
        return next(each for each in self.params if each.name == name)

    def check(self, values: Mapping[str, object]) -> dict[str, Value]:
        """All parameters, given ones checked and the others at their defaults, in the spec's order.

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
        for each in self.params:
            given = values.get(each.name, each.start)
            checked[each.name] = (
                each.check_for(str(checked[each.by]), given) if isinstance(each, Nested) else each.check(given)
            )
        wrong = self.contradiction and self.contradiction(checked)
        if wrong:
            at = next((name for name in values if name in wrong), next(iter(values), known[0]))
            raise ParameterError(at, wrong)
        return checked

    def plain(self, values: Mapping[str, Value]) -> dict[str, object]:
        """Values as YAML writes them, without advanced ones at their defaults."""
        defaults = self.defaults
        return {
            each.name: each.plain(values[each.name])
            for each in self.params
            if not (each.advanced and values[each.name] == defaults[each.name])
        }

    def arguments(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """Keyword arguments for albumentations, `p` not included."""
        given = {each.name: each.argument(values[each.name]) for each in self.params}
        return given | dict(self.fixed)

    def sentence(self, values: Mapping[str, Value], p: float = 0.5, how: str = "") -> str:
        """`Rotate between -30 and 30 degrees, half the time`; `how` takes the place of the last part."""
        texts = {parameter.name: parameter.text(values[parameter.name]) for parameter in self.params}
        return f"{self.phrase.format(**texts)}, {how or chance(p)}"


def chance(p: float) -> str:
    """`half the time`."""
    return _CHANCES.get(p, f"{100 * p:g} % of the time")
