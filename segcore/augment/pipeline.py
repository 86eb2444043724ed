"""A list of transforms: applied to image and mask under a seed, kept as YAML, exported as Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from segcore.augment.catalog import CATALOG
from segcore.augment.spec import PROBABILITY, TransformSpec, Value
from segcore.errors import AugmentError, unknown

VERSION = 1
U8Image = npt.NDArray[np.uint8]  # [H, W, 3] RGB
U8Mask = npt.NDArray[np.uint8]  # [H, W] ids


@dataclass(frozen=True)
class Step:
    """One transform with its settings; hashable.

    Args:
        name: A name of the catalog.
        p: How often it is applied, 0-1.
        values: (parameter, value) of every parameter, in the spec's order.
    """

    name: str
    p: float
    values: tuple[tuple[str, Value], ...]

    @classmethod
    def create(cls, name: str, p: float | None = None, **values: object) -> Step:
        """A checked step; what is not given takes its default.

        Raises:
            AugmentError: on an unknown transform or parameter, or a value out of range.
        """
        if name not in CATALOG:
            raise AugmentError(unknown("transform", name, CATALOG))
        spec = CATALOG[name]
        try:
            chance = float(str(PROBABILITY.check(PROBABILITY.default if p is None else p)))
            checked = spec.check(values)
        except AugmentError as error:
            text = str(error)
            raise AugmentError(text if text.startswith(f"{name} ") else f"{name}: {text}") from None
        return cls(name, chance, tuple(checked.items()))

    @property
    def spec(self) -> TransformSpec:
        """What the catalog says about it."""
        return CATALOG[self.name]

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for albumentations, `p` not included."""
        return self.spec.arguments(dict(self.values))

    def sentence(self) -> str:
        """`Rotate between -30 and 30 degrees, half the time`."""
        return self.spec.sentence(dict(self.values), self.p)


@dataclass(frozen=True)
class Fired:
    """A transform that was applied, with the values it drew.

    Args:
        step: Position in the pipeline.
        name: Name of the transform.
        values: What was drawn, as far as it is a few plain numbers.
    """

    step: int
    name: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """Transforms applied in order.

    The same image, mask and seed give the same result, in a page, in a worker, and in the exported Python.
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def from_yaml(cls, text_or_path: str | Path) -> Pipeline:
        """Read a pipeline from YAML text or from a file.

        Raises:
            AugmentError: when the file can't be read, the YAML is no pipeline, or a transform, key or value is
                wrong; with the line where it stands.
        """
        text, where = _read(text_or_path)
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f"line {mark.line + 1}: " if mark else ""
            raise AugmentError(f"{where}{line}not YAML: {getattr(error, 'problem', None) or error}.") from None
        return cls(tuple(_steps(_Located(node, where))))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Pipeline:
        """The pipeline that `to_dict` wrote.

        Raises:
            AugmentError: as `from_yaml`.
        """
        node = yaml.compose(yaml.safe_dump(dict(values)), Loader=yaml.SafeLoader)
        return cls(tuple(_steps(_Located(node, "", numbered=False))))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML or JSON: `{version, transforms: [{name: {p, ...}}]}`."""
        return {
            "version": VERSION,
            "transforms": [
                {step.name: {"p": step.p} | {key: _listed(value) for key, value in step.values}} for step in self.steps
            ],
        }

    def to_yaml(self) -> str:
        """Readable YAML, one transform a line; `from_yaml` reads it back to an equal pipeline."""
        lines = [f"version: {VERSION}", "transforms:" if self.steps else "transforms: []"]
        for item in self.to_dict()["transforms"]:
            ((name, values),) = item.items()
            flow = yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=10_000).strip()
            lines.append(f"  - {name}: {flow}")
        return "\n".join(lines) + "\n"

    def to_python(self) -> str:
        """Python code with a function `augment(image, mask, seed)`; needs albumentations alone, gives the same bits."""
        calls = [
            f"    A.{step.name}("
            + ", ".join([*(f"{key}={value!r}" for key, value in step.arguments().items()), f"p={step.p!r}"])
            + "),"
            for step in self.steps
        ]
        return _PYTHON.format(calls="\n".join(calls))

    def __call__(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask]:
        """Apply to `[H, W, 3]` RGB uint8 and `[H, W]` uint8 ids; both keep their size, the inputs stay untouched.

        Pixels that a transform uncovers are 255 (ignored) in the mask.

        Raises:
            AugmentError: when the picture can't take a transform (e.g. it is too small).
        """
        image, mask, _ = self._run(image, mask, seed)
        return image, mask

    def trace(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[Fired, ...]:
        """What the same call with the same seed applies, with the values it draws."""
        from segcore.augment.apply import readable

        _, _, drawn = self._run(image, mask, seed)
        return tuple(
            Fired(index, step.name, readable(values))
            for index, (step, values) in enumerate(zip(self.steps, drawn, strict=True))
            if values
        )

    def _run(self, image: U8Image, mask: U8Mask, seed: int) -> tuple[U8Image, U8Mask, list[dict[str, Any]]]:
        if image.shape[:2] != mask.shape:
            raise AugmentError(
                f"The mask is {mask.shape[0]}x{mask.shape[1]}, the image {image.shape[0]}x{image.shape[1]}; "
                "they must match."
            )
        if not self.steps:
            return image.copy(), mask.copy(), []
        from segcore.augment.apply import compiled

        try:
            return compiled(self.steps)(image, mask, seed)
        except Exception as error:  # the library raises whatever OpenCV and numpy raise
            names = ", ".join(step.name for step in self.steps)
            size = f"{image.shape[0]}x{image.shape[1]}"
            raise AugmentError(f"A transform of [{names}] fails on a picture of {size}: {error}") from error


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


def _listed(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _read(text_or_path: str | Path) -> tuple[str, str]:
    """(text, prefix for errors)."""
    if isinstance(text_or_path, str) and ("\n" in text_or_path or ": " in text_or_path):
        return text_or_path, ""
    path = Path(text_or_path)
    try:
        return path.read_text(encoding="utf-8"), f"{path.name}, "
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise AugmentError(f"Can't read the pipeline {str(path)!r}: {reason}.") from None


class _Located:
    """A YAML node with its place, so that an error points at the line (unless the text is not the user's)."""

    def __init__(self, node: yaml.Node | None, where: str, *, numbered: bool = True) -> None:
        self.node, self.where, self.numbered = node, where, numbered

    def _at(self, node: yaml.Node) -> _Located:
        return _Located(node, self.where, numbered=self.numbered)

    @property
    def value(self) -> Any:  # noqa: ANN401 - whatever stands in the file
        if self.node is None:
            return None
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(self.node, deep=True)
        except yaml.YAMLError as error:
            raise self.error(f"not a plain value: {getattr(error, 'problem', error)}.") from None

    def error(self, text: str) -> AugmentError:
        line = f"line {self.node.start_mark.line + 1}: " if self.node and self.numbered else ""
        return AugmentError(f"{self.where}{line}{text}")

    def mapping(self, what: str) -> dict[str, _Located]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"{what}; got {_kind(self.node)}.")
        return {str(key.value): self._at(value) for key, value in self.node.value}

    def items(self) -> Iterator[_Located]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"'transforms' must be a list of transforms; got {_kind(self.node)}.")
        return (self._at(item) for item in self.node.value)


def _kind(node: yaml.Node | None) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else repr(node.value)


def _steps(root: _Located) -> Iterator[Step]:
    fields = root.mapping("Not a pipeline: expected 'version' and 'transforms'")
    for key, located in fields.items():
        if key not in ("version", "transforms"):
            raise located.error(unknown("key of a pipeline", key, ("version", "transforms")))
    if "transforms" not in fields:
        raise root.error("Not a pipeline: it has no 'transforms'.")
    version = fields["version"].value if "version" in fields else VERSION
    if version != VERSION:
        raise fields["version"].error(f"Pipeline version {version!r}; this Segcore reads version {VERSION}.")
    for item in fields["transforms"].items():
        yield _step(item)


def _step(item: _Located) -> Step:
    if isinstance(item.node, yaml.ScalarNode):  # `- HorizontalFlip`: all defaults
        names: dict[str, _Located | None] = {str(item.node.value): None}
    else:
        names = dict(item.mapping("A transform is written 'Name: {p: 0.5, ...}'"))
    if len(names) != 1:
        raise item.error(f"One transform per list item; got {', '.join(names)}.")
    ((name, settings),) = names.items()
    empty = settings is None or settings.value is None
    values = {} if empty or settings is None else settings.mapping(f"{name}: settings are written '{{p: 0.5, ...}}'")
    try:
        spec_p = values.pop("p", None)
        return Step.create(name, None if spec_p is None else spec_p.value, **{k: v.value for k, v in values.items()})
    except AugmentError as error:
        at = next(
            (value for key, value in values.items() if f"{key} is " in str(error) or f"{key!r}" in str(error)), item
        )
        raise (at if at.node is not None else item).error(str(error)) from None
