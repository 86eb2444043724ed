"""The nodes of a pipeline: transforms with their settings, and groups of transforms. Frozen and validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcore.augment.catalog import CATALOG, LEFT_OUT
from segcore.augment.parameter_base import ParameterError, Value
from segcore.augment.parameters import PROBABILITY, Flag, Number
from segcore.augment.transform_spec import TransformSpec, chance
from segcore.errors import AugmentError, nearest, number, unknown

MAX_TRANSFORMS = 60  # transforms in one pipeline
MAX_DEPTH = 3  # levels of groups inside groups
ENABLED = Flag(name="enabled", default=True)


@dataclass(frozen=True)
class Step:
    """One transform with its settings; hashable.

    Args:
        name: A name of the catalog.
        p: Probability that it is applied, 0-1; in a `OneOf`, its weight.
        values: (parameter, value) of every parameter, in the spec's order.
        enabled: False keeps it in the list, but never applies it.
    """

    name: str
    p: float
    values: tuple[tuple[str, Value], ...]
    enabled: bool = True

    @classmethod
    def create(cls, name: str, /, p: float | None = None, *, enabled: bool = True, **values: object) -> Step:
        """Create a validated step; values that are not given take their defaults.

        >>> Step.create("Rotate", 0.5, limit=(-10, 10)).sentence()
        'Rotate between -10 and 10 degrees, half the time'

        Raises:
            AugmentError: on an unknown transform or parameter, or a value out of range.
        """
        if name not in CATALOG:
            raise AugmentError(_unknown(name))
        with _prefixed_errors(name):
            odds = probability(p, CATALOG[name].default_p)
            ENABLED.check(enabled)
            checked = CATALOG[name].check(values)
        return cls(name, odds, tuple(checked.items()), enabled)

    @property
    def spec(self) -> TransformSpec:
        """The catalog entry of this transform."""
        return CATALOG[self.name]

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for albumentations, `p` not included."""
        return self.spec.arguments(dict(self.values))

    def sentence(self, how: str = "") -> str:
        """`Rotate between -30 and 30 degrees, half the time`; `how` takes the place of the last part."""
        return self.spec.sentence(dict(self.values), self.p, how)


@dataclass(frozen=True)
class GroupSpec:
    """A kind of group.

    Args:
        name: Name of the group in albumentations.
        summary: One sentence on how it applies its transforms.
        default_p: Default probability.
    """

    name: str
    summary: str
    default_p: float


GROUP_KINDS: Mapping[str, GroupSpec] = {
    "OneOf": GroupSpec("OneOf", "Applies exactly one of its transforms; their p are weights.", 0.5),
    "SomeOf": GroupSpec("SomeOf", "Picks n of its transforms evenly, then each is applied with its own p.", 1.0),
}


@dataclass(frozen=True)
class Group:
    """A group of transforms; one or several of them are applied.

    Args:
        name: A name of `GROUP_KINDS`.
        p: Probability that the group is applied at all, 0-1.
        steps: The members to choose from; an empty group does nothing.
        n: Number of members that `SomeOf` picks.
        enabled: False keeps it in the list, but never applies it.
    """

    name: str
    p: float
    steps: tuple[Step | Group, ...] = ()
    n: int = 1
    enabled: bool = True

    @classmethod
    def create(
        cls,
        name: str,
        steps: Sequence[Step | Group] = (),
        p: float | None = None,
        *,
        n: int | None = None,
        enabled: bool = True,
    ) -> Group:
        """Create a validated group.

        Raises:
            AugmentError: on an unknown kind, or an `n` larger than the number of members.
        """
        if name not in GROUP_KINDS:
            raise AugmentError(unknown("group", name, GROUP_KINDS))
        with _prefixed_errors(name):
            odds = probability(p, GROUP_KINDS[name].default_p)
            ENABLED.check(enabled)
            if n is not None and name != "SomeOf":
                raise ParameterError("n", f"{name} has no parameter 'n'; it applies one. SomeOf picks n.")
            picks = pick_parameter(len(steps)).check(1 if n is None else n)
        assert isinstance(picks, int)
        return cls(name, odds, tuple(steps), picks, enabled)

    @property
    def choices(self) -> tuple[Step | Group, ...]:
        """The members that can be picked."""
        return tuple(member for member in self.steps if is_active(member) and (self.name != "OneOf" or member.p > 0))

    def pick_share(self, member: Step | Group) -> str:
        """How often a `OneOf` picks a member, in words; empty for `SomeOf`, where each member has its own p."""
        whole = sum(member.p for member in self.choices)
        if self.name != "OneOf" or not whole:
            return ""
        return f"{100 * member.p / whole:.0f} % of the picks" if member in self.choices else "never picked"

    def sentence(self, how: str = "") -> str:
        """`One of 3 transforms, half the time`; `how` takes the place of the last part."""
        count = sum(member.enabled for member in self.steps)
        which = "One" if self.name == "OneOf" else "All" if self.n >= count > 0 else str(self.n)
        return f"{which} of {number(count, 'transform')}, {how or chance(self.p)}"


Node = Step | Group


def is_active(node: Node) -> bool:
    """Whether a node can change a picture: it is enabled, and a group has members to choose from."""
    return node.enabled and (isinstance(node, Step) or bool(node.choices))


def leaves(nodes: Sequence[Node]) -> Iterator[Step]:
    """All transforms in order, including those in groups and those switched off."""
    for node in nodes:
        if isinstance(node, Step):
            yield node
        else:
            yield from leaves(node.steps)


def pick_parameter(count: int) -> Number:
    """The parameter `n` of a group with `count` members."""
    return Number(name="n", low=1, high=max(1, count), default=1, step=1, help="How many of them are picked.")


def check_limits(nodes: Sequence[Node]) -> None:
    """Check the number of transforms and the depth of groups.

    Raises:
        AugmentError: when there are too many transforms, or groups too deep in groups.
    """
    if (count := sum(1 for _ in leaves(nodes))) > MAX_TRANSFORMS:
        raise AugmentError(f"A pipeline of {count} transforms; at most {MAX_TRANSFORMS} are taken. Leave some out.")
    if (deep := _depth(nodes)) > MAX_DEPTH:
        raise AugmentError(f"Groups {deep} deep in one another; at most {MAX_DEPTH} are taken.")


def probability(value: object, default: Value) -> float:
    """Check a probability; None takes the default."""
    checked = PROBABILITY.check(default if value is None else value)
    assert isinstance(checked, float)
    return checked


def _unknown(name: object) -> str:
    """The error for a transform that is not in the catalog. It does not list all names: they would fill a page."""
    if name in LEFT_OUT:
        return f"{name} is not offered: {LEFT_OUT[str(name)]}"
    near = nearest(str(name), (*CATALOG, *GROUP_KINDS))
    return f"No transform {str(name)!r}.{near} The catalog of {len(CATALOG)} is in docs/augmentation.md and in the app."


def _depth(nodes: Sequence[Node]) -> int:
    return max((1 + _depth(node.steps) for node in nodes if isinstance(node, Group)), default=0)


class _prefixed_errors:
    """Context in which parameter errors begin with the transform's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, ParameterError) and not str(error).startswith(self.name):
            raise ParameterError(error.name, f"{self.name}: {error}") from None
