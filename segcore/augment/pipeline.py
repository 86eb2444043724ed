"""A pipeline of transforms: applies them to image and mask under a seed, and converts to YAML and Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segcore.arrays import U8Image, U8Mask
from segcore.augment.applied_parameters import readable_parameters
from segcore.augment.steps import Group, Node, Step, check_limits, is_active, leaves
from segcore.augment.yaml_reader import VERSION, is_of_albumentations, read_nodes, read_text
from segcore.errors import AugmentError

Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True)
class AppliedTransform:
    """A transform that was applied, with the parameters it drew.

    Args:
        step: Position among `pipeline.transforms`.
        name: Name of the transform.
        values: The drawn parameters, as far as a few plain numbers can tell them.
    """

    step: int
    name: str
    values: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Stage:
    """The picture right after one transform of a pipeline.

    Args:
        applied: The transform.
        image: `[H, W, 3]` RGB uint8.
        mask: `[H, W]` uint8 ids.
    """

    applied: AppliedTransform
    image: U8Image
    mask: U8Mask


@dataclass(frozen=True)
class Pipeline:
    """Transforms, and groups of transforms, applied in order.

    The same image, mask and seed give the same result, in a page, in a worker, and in the exported Python.

    >>> Pipeline((Step.create("HorizontalFlip", 0.5),)).to_dict()
    {'version': 1, 'transforms': [{'HorizontalFlip': {'p': 0.5}}]}

    Args:
        steps: Transforms and groups.
        notes: What was left out, or is different here, where it was read from a file of albumentations.

    Raises:
        AugmentError: when it is too long, or its groups too deep.
    """

    steps: tuple[Node, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        check_limits(self.steps)

    @classmethod
    def from_yaml(cls, text_or_path: str | Path) -> Pipeline:
        """Read a pipeline from YAML text or from a file; also one that albumentations saved, or Python code of one.

        Raises:
            AugmentError: when the file can't be read, the YAML is no pipeline, or a transform, key or value is
                wrong; with the line where it stands.
        """
        text, where = read_text(text_or_path)
        if is_of_albumentations(text):
            from segcore.augment.albumentations_files import read_albumentations

            return cls(*read_albumentations(text, where))
        return cls(read_nodes(text, where))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Pipeline:
        """The pipeline that `to_dict` wrote.

        Raises:
            AugmentError: as `from_yaml`.
        """
        return cls(read_nodes(yaml.safe_dump(dict(values)), "", numbered=False))

    @property
    def transforms(self) -> tuple[Step, ...]:
        """All transforms in order, including those in groups and those switched off."""
        return tuple(leaves(self.steps))

    @property
    def active(self) -> tuple[Node, ...]:
        """The nodes that can change a picture: enabled, and groups with members to choose from."""
        return tuple(node for node in self.steps if is_active(node))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML or JSON: `{version, transforms: [{name: {p, ...}}]}`."""
        return {"version": VERSION, "transforms": [_plain(node) for node in self.steps]}

    def to_yaml(self) -> str:
        """Write YAML, one transform a line; `from_yaml` reads it back to an equal pipeline."""
        return _yaml_text(self)

    def to_python(self) -> str:
        """Write Python code with a function `augment(image, mask, seed)`; it needs albumentations only."""
        return _PYTHON.format(calls="\n".join(line for node in self.active for line in _python(node, "    ")))

    def __call__(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask]:
        """Apply to `[H, W, 3]` RGB uint8 and `[H, W]` uint8 ids; the inputs are not changed.

        Image and mask have the same size; only transforms with `keeps_size` False change it. Pixels that a transform
        uncovers become 255 (ignored) in the mask.

        Raises:
            AugmentError: when a transform can't be applied to the picture, e.g. a crop is larger.
        """
        image, mask, _ = self._run(image, mask, seed)
        return image, mask

    def trace(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[AppliedTransform, ...]:
        """The transforms that a call with this seed applies, in order, with the parameters they draw.

        Raises:
            AugmentError: when a transform can't be applied to the picture.
        """
        return self.apply(image, mask, seed)[2]

    def apply(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask, tuple[AppliedTransform, ...]]:
        """Apply, and return (image, mask, applied transforms): the results of the call and of `trace`.

        Raises:
            AugmentError: when a transform can't be applied to the picture.
        """
        image, mask, drawn = self._run(image, mask, seed)
        return image, mask, self._applied(drawn)

    def stages(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[Stage, ...]:
        """The picture after each transform that a call with this seed applies; the last one is the call's result.

        Raises:
            AugmentError: when a transform can't be applied to the picture.
        """
        pictures: list[tuple[U8Image, U8Mask]] = []
        _, _, drawn = self._run(image, mask, seed, pictures)
        return tuple(Stage(applied, *pair) for applied, pair in zip(self._applied(drawn), pictures, strict=True))

    def check(self, height: int, width: int) -> None:
        """Try every transform on blank pictures, at every size that the transforms before it can produce.

        A training calls this before it begins. Sizes that are drawn at random are tried with one draw.

        Raises:
            AugmentError: naming the transform that can't be applied.
        """
        _check(self, height, width)

    def _applied(self, drawn: Sequence[tuple[int, dict[str, Any]]]) -> tuple[AppliedTransform, ...]:
        names = [step.name for step in self.transforms]
        return tuple(AppliedTransform(at, names[at], readable_parameters(names[at], values)) for at, values in drawn)

    def _run(
        self, image: U8Image, mask: U8Mask, seed: int, kept: list[tuple[U8Image, U8Mask]] | None = None
    ) -> tuple[U8Image, U8Mask, list[tuple[int, dict[str, Any]]]]:
        if image.shape[:2] != mask.shape:
            raise AugmentError(
                f"The mask is {mask.shape[0]}x{mask.shape[1]}, the image {image.shape[0]}x{image.shape[1]}; "
                "they must match."
            )
        if not self.active:
            return image.copy(), mask.copy(), []
        from segcore.augment.compiled_pipeline import compiled_pipeline

        return compiled_pipeline(self.steps)(image, mask, seed, kept)


@lru_cache(maxsize=256)  # each model and trial of a command asks for it
def _check(pipeline: Pipeline, height: int, width: int) -> None:
    _sizes_after(pipeline.steps, frozenset({(height, width)}))


def _sizes_after(nodes: Sequence[Node], sizes: frozenset[Size]) -> frozenset[Size]:
    """All sizes that a picture of one of the given sizes can have after these nodes."""
    for node in nodes:
        if not is_active(node) or node.p == 0:
            continue
        if isinstance(node, Step):
            after = frozenset(_size_after(node, *size) for size in sizes)
        elif node.name == "OneOf":
            after = frozenset[Size]().union(*(_sizes_after([_certainly(member)], sizes) for member in node.choices))
        else:
            after = _sizes_of_some(node, sizes)
        sizes = after if node.p == 1 else after | sizes
    return sizes


def _sizes_of_some(group: Group, sizes: frozenset[Size]) -> frozenset[Size]:
    """All sizes that a picture can have after n of a group's transforms, in their order."""
    choices = group.choices
    picks = min(group.n, len(choices))
    reached = {0: sizes}  # picked so far -> sizes
    for left, member in zip(range(len(choices) - 1, -1, -1), choices, strict=True):
        grown: dict[int, frozenset[Size]] = {}
        for count, before in reached.items():
            if count < picks:
                grown[count + 1] = grown.get(count + 1, frozenset()) | _sizes_after([member], before)
            if count + left >= picks:
                grown[count] = grown.get(count, frozenset()) | before
        reached = grown
    return reached[picks]


def _certainly(node: Node) -> Node:
    """The node as `OneOf` applies it once picked: with p = 1, except `SomeOf`, which keeps its own p."""
    return node if node.name == "SomeOf" else replace(node, p=1.0)


@lru_cache(maxsize=1024)
def _size_after(step: Step, height: int, width: int) -> Size:
    image, mask = np.full((height, width, 3), 128, np.uint8), np.zeros((height, width), np.uint8)
    _, mask = Pipeline((Step(step.name, 1.0, step.values),))(image, mask, seed=0)
    return mask.shape[0], mask.shape[1]


_PYTHON = '''"""Augmentation of an image with its mask; exported from Segcore. 255 in the mask means: ignore."""

import random

import albumentations as A
import numpy as np

transform = A.Compose([
{calls}
])


def augment(image, mask, seed):
    """[H, W, 3] RGB uint8 and [H, W] uint8 ids -> the same, augmented."""
    # One generator for all: set_random_seed would give every transform the same stream.
    transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
    result = transform(image=image, mask=mask)
    return result["image"], result["mask"]
'''


@lru_cache(maxsize=64)  # a page asks for it at every run
def _yaml_text(pipeline: Pipeline) -> str:
    return "\n".join([f"version: {VERSION}", *_yaml(pipeline.steps, "")]) + "\n"


def _settings(node: Node) -> dict[str, Any]:
    """The settings of a transform, or those of a group without its members."""
    off = {} if node.enabled else {"enabled": False}
    if isinstance(node, Step):
        return {**off, "p": node.p, **node.spec.plain(dict(node.values))}
    return {**off, "p": node.p, **({"n": node.n} if node.name == "SomeOf" else {})}


def _plain(node: Node) -> dict[str, Any]:
    inner = {"transforms": [_plain(member) for member in node.steps]} if isinstance(node, Group) else {}
    return {node.name: _settings(node) | inner}


def _yaml(nodes: tuple[Node, ...], indent: str) -> list[str]:
    if not nodes:
        return [f"{indent}transforms: []"]
    lines = [f"{indent}transforms:"]
    for node in nodes:
        if isinstance(node, Step):
            lines.append(f"{indent}  - {node.name}: {_flow_yaml(node)}")
        else:
            settings = yaml.safe_dump(_settings(node), sort_keys=False).splitlines()
            lines += [f"{indent}  - {node.name}:", *(f"{indent}      {line}" for line in settings)]
            lines += _yaml(node.steps, f"{indent}      ")
    return lines


@lru_cache(maxsize=1024)  # an edit of a pipeline changes one transform and leaves the others
def _flow_yaml(step: Step) -> str:
    return yaml.safe_dump(_settings(step), default_flow_style=True, sort_keys=False, width=10_000).strip()


def _python(node: Node, indent: str) -> list[str]:
    if isinstance(node, Step):
        library = node.spec.defaults_of_library
        given = {key: value for key, value in node.arguments().items() if key not in library or library[key] != value}
        return [f"{indent}A.{node.name}({', '.join(f'{k}={v!r}' for k, v in (given | {'p': node.p}).items())}),"]
    choices = node.choices
    inner = [line for member in choices for line in _python(member, indent + "    ")]
    n = f"n={min(node.n, len(choices))!r}, " if node.name == "SomeOf" else ""
    return [f"{indent}A.{node.name}([", *inner, f"{indent}], {n}p={node.p!r}),"]
