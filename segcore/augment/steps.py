"""What a pipeline is made of: transforms with their settings, and groups of them. Values, checked at birth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segcore.augment.catalog import CATALOG, LEFT_OUT
from segcore.augment.parameters import PROBABILITY, Flag, Number, ParameterError, Value
from segcore.augment.transform_spec import TransformSpec, chance
from segcore.errors import AugmentError, nearest, number, unknown

MOST = 60  # transforms in one pipeline
DEEPEST = 3  # groups in groups
ENABLED = Flag(name="enabled", default=True)


@dataclass(frozen=True)
class Step:
    """One transform with its settings; hashable.

    Args:
        name: A name of the catalog.
        p: How often it is applied, 0-1; in a `OneOf`, its weight.
        values: (parameter, value) of every parameter, in the spec's order.
        enabled: False: kept in the list, never applied.
    """

    name: str
    p: float
    values: tuple[tuple[str, Value], ...]
    enabled: bool = True

    @classmethod
    def create(cls, name: str, /, p: float | None = None, *, enabled: bool = True, **values: object) -> Step:
        """A checked step; what is not given takes its default.

        Raises:
            AugmentError: on an unknown transform or parameter, or a value out of range.
        """
        if name not in CATALOG:
            raise AugmentError(_unknown(name))
        with _named(name):
            odds = probability(p, CATALOG[name].default_p)
            ENABLED.check(enabled)
            checked = CATALOG[name].check(values)
        return cls(name, odds, tuple(checked.items()), enabled)

    @property
    def spec(self) -> TransformSpec:
        """What the catalog says about it."""
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
        name: Its name in albumentations.
        summary: What it does with its transforms.
        default_p: How often it does, unless told otherwise.
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
    """Transforms of which one, or some, are applied.

    Args:
        name: A name of `GROUP_KINDS`.
        p: How often the group does anything, 0-1.
        steps: What it chooses from; empty groups do nothing.
        n: How many `SomeOf` picks.
        enabled: False: kept in the list, never applied.
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
        """A checked group.

        Raises:
            AugmentError: on an unknown kind, or an `n` that is not there to pick.
        """
        if name not in GROUP_KINDS:
            raise AugmentError(unknown("group", name, GROUP_KINDS))
        with _named(name):
            odds = probability(p, GROUP_KINDS[name].default_p)
            ENABLED.check(enabled)
            if n is not None and name != "SomeOf":
                raise ParameterError("n", f"{name} has no parameter 'n'; it applies one. SomeOf picks n.")
            picks = picked(len(steps)).check(1 if n is None else n)
        assert isinstance(picks, int)
        return cls(name, odds, tuple(steps), picks, enabled)

    @property
    def choices(self) -> tuple[Step | Group, ...]:
        """The members that can be picked."""
        return tuple(each for each in self.steps if is_active(each) and (self.name != "OneOf" or each.p > 0))

    def share(self, member: Step | Group) -> str:
        """How often a `OneOf` picks a member, for its sentence; empty for other groups, which ask each for its p."""
        whole = sum(each.p for each in self.choices)
        if self.name != "OneOf" or not whole:
            return ""
        return f"{100 * member.p / whole:.0f} % of the picks" if member in self.choices else "never picked"

    def sentence(self, how: str = "") -> str:
        """`One of 3 transforms, half the time`; `how` takes the place of the last part."""
        count = sum(each.enabled for each in self.steps)
        which = "One" if self.name == "OneOf" else "All" if self.n >= count > 0 else str(self.n)
        return f"{which} of {number(count, 'transform')}, {how or chance(self.p)}"


Node = Step | Group


def is_active(node: Node) -> bool:
    """Whether a node can do anything."""
    return node.enabled and (isinstance(node, Step) or bool(node.choices))


def leaves(nodes: Sequence[Node]) -> Iterator[Step]:
    """All transforms in order, those of groups and switched-off ones too."""
    for node in nodes:
        if isinstance(node, Step):
            yield node
        else:
            yield from leaves(node.steps)


def picked(count: int) -> Number:
    """The parameter `n` of a group of `count`."""
    return Number(name="n", low=1, high=max(1, count), default=1, step=1, help="How many of them are picked.")


def bounded(nodes: Sequence[Node]) -> None:
    """Refuse what nobody means.

    Raises:
        AugmentError: when there are too many transforms, or groups too deep in groups.
    """
    if (count := sum(1 for _ in leaves(nodes))) > MOST:
        raise AugmentError(f"A pipeline of {count} transforms; at most {MOST} are taken. Leave some out.")
    if (deep := _depth(nodes)) > DEEPEST:
        raise AugmentError(f"Groups {deep} deep in one another; at most {DEEPEST} are taken.")


def probability(value: object, default: Value) -> float:
    """`value`, or the default for None, as a probability."""
    found = PROBABILITY.check(default if value is None else value)
    assert isinstance(found, float)
    return found


def _unknown(name: object) -> str:
    """Why a transform can't be had; all names would fill a page."""
    if name in LEFT_OUT:
        return f"{name} is not offered: {LEFT_OUT[str(name)]}"
    near = nearest(str(name), (*CATALOG, *GROUP_KINDS))
    return f"No transform {str(name)!r}.{near} The catalog of {len(CATALOG)} is in docs/augmentation.md and in the app."


def _depth(nodes: Sequence[Node]) -> int:
    return max((1 + _depth(node.steps) for node in nodes if isinstance(node, Group)), default=0)


class _named:
    """Errors inside begin with the transform's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, ParameterError) and not str(error).startswith(self.name):
            raise ParameterError(error.name, f"{self.name}: {error}") from None
