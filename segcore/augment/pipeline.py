"""A list of transforms: applied to image and mask under a seed, kept as YAML, exported as Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segcore.arrays import U8Image, U8Mask
from segcore.augment.applied_parameters import readable
from segcore.augment.steps import (
    Group,
    Node,
    Step,
    bounded,
    is_active,
    leaves,
)
from segcore.augment.yaml_reader import VERSION, read_nodes, read_text
from segcore.errors import AugmentError

Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True)
class AppliedTransform:
    """A transform that was applied, with the values it drew.

    Args:
        step: Position among `pipeline.transforms`.
        name: Name of the transform.
        values: What was drawn, as far as it is a few plain numbers.
    """

    step: int
    name: str
    values: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Stage:
    """A picture on its way through the pipeline, right after one transform.

    Args:
        fired: What was applied.
        image: `[H, W, 3]` RGB uint8.
        mask: `[H, W]` uint8 ids.
    """

    fired: AppliedTransform
    image: U8Image
    mask: U8Mask


@dataclass(frozen=True)
class Pipeline:
    """Transforms, and groups of them, applied in order.

    The same image, mask and seed give the same result, in a page, in a worker, and in the exported Python.

    Raises:
        AugmentError: when it is too long, or its groups too deep.
    """

    steps: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        bounded(self.steps)

    @classmethod
    def from_yaml(cls, text_or_path: str | Path) -> Pipeline:
        """Read a pipeline from YAML text or from a file.

        Raises:
            AugmentError: when the file can't be read, the YAML is no pipeline, or a transform, key or value is
                wrong; with the line where it stands.
        """
        text, where = read_text(text_or_path)
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
        """Every transform in order, those in groups and those switched off too."""
        return tuple(leaves(self.steps))

    @property
    def active(self) -> tuple[Node, ...]:
        """What can do anything: switched on, and groups with something to choose from."""
        return tuple(node for node in self.steps if is_active(node))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML or JSON: `{version, transforms: [{name: {p, ...}}]}`."""
        return {"version": VERSION, "transforms": [_plain(node) for node in self.steps]}

    def to_yaml(self) -> str:
        """Readable YAML, one transform a line; `from_yaml` reads it back to an equal pipeline."""
        return _text(self)

    def to_python(self) -> str:
        """Python code with a function `augment(image, mask, seed)`; needs albumentations alone, gives the same bits."""
        return _PYTHON.format(calls="\n".join(line for node in self.active for line in _python(node, "    ")))

    def __call__(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask]:
        """Apply to `[H, W, 3]` RGB uint8 and `[H, W]` uint8 ids; the inputs stay untouched.

        Image and mask have one size, which only transforms with `keeps_size` False change. Pixels that a transform
        uncovers are 255 (ignored) in the mask.

        Raises:
            AugmentError: when the picture can't take a transform (e.g. a crop is larger).
        """
        image, mask, _ = self._run(image, mask, seed)
        return image, mask

    def trace(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[AppliedTransform, ...]:
        """What the same call with the same seed applies, in order, with the values it draws.

        Raises:
            AugmentError: as the call.
        """
        return self.apply(image, mask, seed)[2]

    def apply(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask, tuple[AppliedTransform, ...]]:
        """The call and its trace in one.

        Raises:
            AugmentError: as the call.
        """
        image, mask, drawn = self._run(image, mask, seed)
        names = [step.name for step in self.transforms]
        return (
            image,
            mask,
            tuple(AppliedTransform(index, names[index], readable(names[index], values)) for index, values in drawn),
        )

    def stages(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[Stage, ...]:
        """The picture after each transform that the same call applies; the last one is the call's result.

        Raises:
            AugmentError: as the call.
        """
        kept: list[tuple[U8Image, U8Mask]] = []
        _, _, drawn = self._run(image, mask, seed, kept)
        names = [step.name for step in self.transforms]
        return tuple(
            Stage(AppliedTransform(index, names[index], readable(names[index], values)), *pair)
            for (index, values), pair in zip(drawn, kept, strict=True)
        )

    def check(self, height: int, width: int) -> None:
        """Try what can fire on blank pictures, at every size that the transforms before it can leave.

        So a training is refused before it begins. Sizes that are drawn at random are tried at one draw.

        Raises:
            AugmentError: naming the transform that can't be applied.
        """
        _check(self, height, width)

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
        from segcore.augment.apply import compiled

        return compiled(self.steps)(image, mask, seed, kept)


@lru_cache(maxsize=256)  # each model and trial of a command asks again
def _check(pipeline: Pipeline, height: int, width: int) -> None:
    _sizes_after(pipeline.steps, frozenset({(height, width)}))


def _sizes_after(nodes: Sequence[Node], sizes: frozenset[Size]) -> frozenset[Size]:
    """The sizes that a picture can have after these, from any of the sizes before."""
    for node in nodes:
        if not is_active(node) or node.p == 0:
            continue
        if isinstance(node, Step):
            after = frozenset(_size_after(node, *size) for size in sizes)
        elif node.name == "OneOf":
            after = frozenset[Size]().union(*(_sizes_after([_surely(each)], sizes) for each in node.choices))
        else:
            after = _sizes_of_some(node, sizes)
        sizes = after if node.p == 1 else after | sizes
    return sizes


def _sizes_of_some(group: Group, sizes: frozenset[Size]) -> frozenset[Size]:
    """After n of a group's transforms, in their order."""
    choices = group.choices
    picks = min(group.n, len(choices))
    reached = {0: sizes}  # picked so far -> sizes
    for left, each in zip(range(len(choices) - 1, -1, -1), choices, strict=True):
        grown: dict[int, frozenset[Size]] = {}
        for count, before in reached.items():
            if count < picks:
                grown[count + 1] = grown.get(count + 1, frozenset()) | _sizes_after([each], before)
            if count + left >= picks:
                grown[count] = grown.get(count, frozenset()) | before
        reached = grown
    return reached[picks]


def _surely(node: Node) -> Node:
    """The node as a OneOf applies it once it is picked; a SomeOf asks its own p all the same."""
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


@lru_cache(maxsize=64)  # a page asks for it again and again
def _text(pipeline: Pipeline) -> str:
    return "\n".join([f"version: {VERSION}", *_yaml(pipeline.steps, "")]) + "\n"


def _settings(node: Node) -> dict[str, Any]:
    """What stands before a group's transforms, or all there is of a transform."""
    off = {} if node.enabled else {"enabled": False}
    if isinstance(node, Step):
        return {**off, "p": node.p, **node.spec.plain(dict(node.values))}
    return {**off, "p": node.p, **({"n": node.n} if node.name == "SomeOf" else {})}


def _plain(node: Node) -> dict[str, Any]:
    inner = {"transforms": [_plain(each) for each in node.steps]} if isinstance(node, Group) else {}
    return {node.name: _settings(node) | inner}


def _yaml(nodes: tuple[Node, ...], indent: str) -> list[str]:
    if not nodes:
        return [f"{indent}transforms: []"]
    lines = [f"{indent}transforms:"]
    for node in nodes:
        if isinstance(node, Step):
            lines.append(f"{indent}  - {node.name}: {_flow(node)}")
        else:
            settings = yaml.safe_dump(_settings(node), sort_keys=False).splitlines()
            lines += [f"{indent}  - {node.name}:", *(f"{indent}      {line}" for line in settings)]
            lines += _yaml(node.steps, f"{indent}      ")
    return lines


@lru_cache(maxsize=1024)  # of a pipeline that changes, all transforms but one are as they were
def _flow(step: Step) -> str:
    return yaml.safe_dump(_settings(step), default_flow_style=True, sort_keys=False, width=10_000).strip()


def _python(node: Node, indent: str) -> list[str]:
    if isinstance(node, Step):
        library = node.spec.defaults_of_library
        given = {key: value for key, value in node.arguments().items() if key not in library or library[key] != value}
        return [f"{indent}A.{node.name}({', '.join(f'{k}={v!r}' for k, v in (given | {'p': node.p}).items())}),"]
    choices = node.choices
    inner = [line for each in choices for line in _python(each, indent + "    ")]
    n = f"n={min(node.n, len(choices))!r}, " if node.name == "SomeOf" else ""
    return [f"{indent}A.{node.name}([", *inner, f"{indent}], {n}p={node.p!r}),"]
