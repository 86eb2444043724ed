"""The exact probability that each transform of a pipeline is applied, groups included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb, prod

from segcore.augment.pipeline import Pipeline
from segcore.augment.steps import Group, Node, Step, is_active, leaves


def unchanged_chance(pipeline: Pipeline) -> float:
    """Probability that no transform is applied to an image, 0-1."""
    return prod((_idle_chance(node, forced=False) for node in pipeline.active), start=1.0)


def application_chances(pipeline: Pipeline) -> tuple[float, ...]:
    """Probability of each of `pipeline.transforms` to be applied to an image, 0-1; 0 where switched off."""
    return tuple(chance for node in pipeline.steps for chance in _leaf_chances(node, 1.0, forced=False))


def _idle_chance(node: Node, *, forced: bool) -> float:
    """Probability that an active node applies nothing. `OneOf` forces the transform it picks; `SomeOf` does not."""
    if isinstance(node, Step):
        return 0.0 if forced else 1 - node.p
    if node.name == "OneOf":
        p = 1.0 if forced else node.p
        return 1 - p + p * sum(weight * _idle_chance(member, forced=True) for member, weight in _pick_chances(node))
    idle = [_idle_chance(member, forced=False) for member in node.choices]
    picks = min(node.n, len(idle))
    # The mean, over all ways to pick, of the product of the picked: an elementary symmetric polynomial.
    sums = [1.0] + [0.0] * picks
    for chance in idle:
        for count in range(picks, 0, -1):
            sums[count] += chance * sums[count - 1]
    return 1 - node.p + node.p * sums[picks] / comb(len(idle), picks)


def _leaf_chances(node: Node, reached: float, *, forced: bool) -> Iterator[float]:
    """Probabilities of all transforms below a node that is itself reached with probability `reached`."""
    if isinstance(node, Step):
        yield reached * (1.0 if forced else node.p) if node.enabled else 0.0
        return
    on = reached * (1.0 if forced and node.name == "OneOf" else node.p) if is_active(node) else 0.0
    choices = node.choices
    # Compared by identity: a group may hold two equal transforms.
    if node.name == "OneOf":
        weights = iter([weight for _, weight in _pick_chances(node)])
    else:
        weights = iter([min(node.n, len(choices)) / len(choices)] * len(choices) if choices else [])
    for member in node.steps:
        if any(member is choice for choice in choices):
            yield from _leaf_chances(member, on * next(weights, 0.0), forced=node.name == "OneOf")
        else:
            yield from (0.0 for _ in leaves((member,)))


def _pick_chances(group: Group) -> Sequence[tuple[Node, float]]:
    """The members that a `OneOf` can pick, each with its probability."""
    total = sum(member.p for member in group.choices)
    return [(member, member.p / total) for member in group.choices]
