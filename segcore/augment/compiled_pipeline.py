"""Builds a pipeline in albumentations and runs it under a seed."""

from __future__ import annotations

import os
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from segcore.arrays import U8
from segcore.augment.steps import Node, Step, is_active, leaves
from segcore.errors import AugmentError, first_line

_CROP = re.compile(r"^Crop size .*exceeds.*: \((\d+), (\d+)\) vs ")  # (height, width)
_TENSORS = "albumentations.pytorch"
DrawnParameters = list[tuple[int, dict[str, Any]]]  # (position of the transform, what it drew), in order applied


class CompiledPipeline:
    """A pipeline built in albumentations. It holds its generators and drawn parameters: one caller at a time.

    All transforms share one generator with the seed: `Compose.set_random_seed` would give each transform its own copy
    of the same stream, so that all transforms with the same probability would be applied together.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._library = albumentations_library()
        self._transforms: dict[int, Any] = {}  # position among all transforms -> object
        self._drawn: DrawnParameters = []
        self._kept: list[tuple[U8, U8]] | None = None
        positions = iter(range(sum(1 for _ in leaves(nodes))))
        built = [self._build(node, positions) for node in nodes]
        self._compose = self._library.Compose([transform for transform in built if transform is not None])

    def __call__(
        self, image: U8, mask: U8, seed: int, kept: list[tuple[U8, U8]] | None
    ) -> tuple[U8, U8, DrawnParameters]:
        """Return (image, mask, drawn parameters); append the picture after each transform to `kept`."""
        self._drawn, self._kept = [], kept
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        try:
            result = self._compose(image=image.copy(), mask=mask.copy())
            return result["image"], result["mask"], self._drawn
        except Exception as error:  # the library raises whatever OpenCV and numpy raise
            raise self._failure(error) from error
        finally:  # drawn maps and noise are as large as the picture: free them
            self._drawn, self._kept = [], None
            for transform in self._transforms.values():
                transform.params = {}

    def _build(self, node: Node, positions: Iterator[int]) -> Any:  # noqa: ANN401 - an untyped library
        if isinstance(node, Step):
            position = next(positions)
            if not node.enabled:
                return None
            try:
                transform = getattr(self._library, node.name)(**node.arguments(), p=node.p)
            except ValueError as error:  # pydantic raises it for values that contradict each other
                raise AugmentError(f"{node.name} can't be built: {_reason(error)}") from None
            transform.apply_with_params = self._watched(position, transform.apply_with_params)
            self._transforms[position] = transform
            return transform
        built = [self._build(member, positions) for member in node.steps]
        chosen = [one for one, member in zip(built, node.steps, strict=True) if member in node.choices]
        if not is_active(node):
            return None
        arguments = {"n": min(node.n, len(chosen))} if node.name == "SomeOf" else {}
        return getattr(self._library, node.name)(chosen, **arguments, p=node.p)

    def _watched(self, position: int, apply: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Wrap `apply_with_params` of a transform so that it records its parameters and, if asked, its result.

        `Compose(save_applied_params=True)` records parameters too, but leaves out arrays, from which
        `applied_parameters` computes angles and shifts, and tells neither the position nor the picture after it.
        """

        def watched(params: dict[str, Any], *args: Any, **data: Any) -> dict[str, Any]:  # noqa: ANN401
            result = apply(params, *args, **data)
            self._drawn.append((position, dict(params)))
            if self._kept is not None:
                self._kept.append((result["image"].copy(), result["mask"].copy()))
            return result

        return watched

    def _failure(self, error: Exception) -> AugmentError:
        """The error in plain words; the traceback tells which transform raised it."""
        name, size, trace = "The pipeline", "", error.__traceback__
        names = {id(transform): type(transform).__name__ for transform in self._transforms.values()}
        while trace is not None:
            here = trace.tb_frame.f_locals
            if id(here.get("self")) in names:
                name = names[id(here["self"])]
                given = here.get("kwargs") or {}
                if not size and isinstance(given.get("image"), np.ndarray):
                    height, width = given["image"].shape[:2]
                    size = f" of {height}x{width}"
            trace = trace.tb_next
        return AugmentError(f"{name} can't take a picture{size}: {_reason(error)}")


class CompiledPipelinePool:
    """Compiled copies of one pipeline: as many as threads use at the same time."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = nodes
        self._idle: list[CompiledPipeline] = []
        self._lock = threading.Lock()
        with self.borrow():  # builds one now, so that values which the library refuses raise here
            pass

    def __call__(
        self, image: U8, mask: U8, seed: int, kept: list[tuple[U8, U8]] | None = None
    ) -> tuple[U8, U8, DrawnParameters]:
        """Run a compiled copy that no other thread uses, see `CompiledPipeline`."""
        with self.borrow() as compiled:
            return compiled(image, mask, seed, kept)

    @contextmanager
    def borrow(self) -> Iterator[CompiledPipeline]:
        """Lend a compiled copy to one caller."""
        with self._lock:
            compiled = self._idle.pop() if self._idle else None
        compiled = compiled or CompiledPipeline(self._nodes)
        try:
            yield compiled
        finally:
            with self._lock:
                self._idle.append(compiled)


@lru_cache(maxsize=16)  # building one takes milliseconds
def compiled_pipeline(nodes: tuple[Node, ...]) -> CompiledPipelinePool:
    """The compiled copies of these nodes, shared by all callers with equal nodes."""
    return CompiledPipelinePool(nodes)


def albumentations_library() -> Any:  # noqa: ANN401 - an untyped library
    """Import the library, without torch where that isn't loaded: it takes three of four seconds.

    Only two transforms need torch. They make tensors, which no pipeline does, and are imported on first use.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks a server for a newer version
    if {"torch", "albumentations"} & sys.modules.keys():
        return import_module("albumentations")
    sys.modules[_TENSORS] = None  # type: ignore[assignment]  # its import fails, as it does where torch isn't installed
    try:
        library = import_module("albumentations")
    finally:
        sys.modules.pop(_TENSORS, None)
    vars(library)["__getattr__"] = _to_tensor
    return library


def _to_tensor(name: str) -> Any:  # noqa: ANN401 - a class of an untyped library
    """An attribute that albumentations has once its transforms to tensors are imported."""
    if name not in ("ToTensorV2", "ToTensor3D"):
        raise AttributeError(f"module 'albumentations' has no attribute {name!r}")
    return getattr(import_module(_TENSORS), name)


def _reason(error: Exception) -> str:
    """The library's message without class names and documentation links."""
    sizes = _CROP.search(str(error))
    if sizes:
        return f"it cuts out {sizes[1]}x{sizes[2]}. Make that smaller, or let it pad (pad_if_needed: true)."
    errors = getattr(error, "errors", None)
    if callable(errors):  # pydantic
        return "; ".join(str(problem["msg"]).removeprefix("Value error, ") for problem in errors()).rstrip(".") + "."
    return first_line(error).rstrip(".") + "."
