"""How often a pipeline's transforms are applied: exact, from their probabilities, groups included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb, prod

from segcore.augment.pipeline import Pipeline
from segcore.augment.steps import (
    Group,
    Node,
    Step,
    is_active,
    leaves,
)


def unchanged(pipeline: Pipeline) -> float:
    """Chance that an image passes with not one transform applied, 0-1."""
    return prod((_idle(node, forced=False) for node in pipeline.active), start=1.0)


def fires(pipeline: Pipeline) -> tuple[float, ...]:
    """Chance of each of `pipeline.transforms` to be applied to an image, 0-1; of those switched off, 0."""
    return tuple(chance for node in pipeline.steps for chance in _fires(node, 1.0, forced=False))


def _idle(node: Node, *, forced: bool) -> float:
    """Chance that a node that can run applies nothing. What `OneOf` picks is forced; `SomeOf` can't be."""
    if isinstance(node, Step):
        return 0.0 if forced else 1 - node.p
    if node.name == "OneOf":
        p = 1.0 if forced else node.p
        return 1 - p + p * sum(weight * _idle(each, forced=True) for each, weight in _weighted(node))
    idle = [_idle(each, forced=False) for each in node.choices]
    picks = min(node.n, len(idle))
    # Mean over all ways to pick of the product of the picked: an elementary symmetric polynomial.
    sums = [1.0] + [0.0] * picks
    for each in idle:
        for count in range(picks, 0, -1):
            sums[count] += each * sums[count - 1]
    return 1 - node.p + node.p * sums[picks] / comb(len(idle), picks)


def _fires(node: Node, reached: float, *, forced: bool) -> Iterator[float]:
    """Chances of all leaves of a node that is reached with a chance."""
    if isinstance(node, Step):
        yield reached * (1.0 if forced else node.p) if node.enabled else 0.0
        return
    on = reached * (1.0 if forced and node.name == "OneOf" else node.p) if is_active(node) else 0.0
    choices = node.choices
    # By place and not by value: the same transform may be in a group twice.
    if node.name == "OneOf":
        weights = iter([weight for _, weight in _weighted(node)])
    else:
        weights = iter([min(node.n, len(choices)) / len(choices)] * len(choices) if choices else [])
    for each in node.steps:
        if any(each is choice for choice in choices):
            yield from _fires(each, on * next(weights, 0.0), forced=node.name == "OneOf")
        else:
            yield from (0.0 for _ in leaves((each,)))


def _weighted(group: Group) -> Sequence[tuple[Node, float]]:
    """What a `OneOf` picks from, with the chance of each."""
    total = sum(each.p for each in group.choices)
    return [(each, each.p / total) for each in group.choices]
