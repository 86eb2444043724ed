"""Where albumentations is used: building a pipeline, and running it under a seed."""

from __future__ import annotations

import os
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from segcore.arrays import U8
from segcore.augment.steps import (
    Node,
    Step,
    is_active,
    leaves,
)
from segcore.errors import AugmentError, first_line

_CROP = re.compile(r"^Crop size .*exceeds.*: \((\d+), (\d+)\) vs ")  # (height, width)
Drawn = list[tuple[int, dict[str, Any]]]  # (position of the transform, what it drew), in the order they were applied


class Machine:
    """The albumentations pipeline of some steps, used by one caller at a time: generators and drawn values are its own.

    The seed goes to one generator that all transforms share: `Compose.set_random_seed` would give each transform its
    own copy of the same stream, so that all those with the same probability fire together.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        # albumentations asks a server for a newer version when imported, unless told not to.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations

        self._library: Any = albumentations
        self._transforms: dict[int, Any] = {}  # position among all transforms -> object
        self._drawn: Drawn = []
        self._kept: list[tuple[U8, U8]] | None = None
        positions = iter(range(sum(1 for _ in leaves(nodes))))
        built = [self._build(node, positions) for node in nodes]
        self._compose = albumentations.Compose([each for each in built if each is not None])

    def __call__(self, image: U8, mask: U8, seed: int, kept: list[tuple[U8, U8]] | None) -> tuple[U8, U8, Drawn]:
        """(image, mask, what was applied); the picture after each transform is appended to `kept`."""
        self._drawn, self._kept = [], kept
        self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        try:
            result = self._compose(image=image.copy(), mask=mask.copy())
            return result["image"], result["mask"], self._drawn
        except Exception as error:  # the library raises whatever OpenCV and numpy raise
            raise self._failure(error) from error
        finally:  # maps and noise as large as the picture: not to be kept until the next call
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
            except ValueError as error:  # pydantic's, for values that contradict each other
                raise AugmentError(f"{node.name} can't be built: {_reason(error)}") from None
            transform.apply_with_params = self._watched(position, transform.apply_with_params)
            self._transforms[position] = transform
            return transform
        built = [self._build(each, positions) for each in node.steps]
        chosen = [one for one, each in zip(built, node.steps, strict=True) if each in node.choices]
        if not is_active(node):
            return None
        more = {"n": min(node.n, len(chosen))} if node.name == "SomeOf" else {}
        return getattr(self._library, node.name)(chosen, **more, p=node.p)

    def _watched(self, position: int, apply: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """`apply_with_params` of a transform, noting that it was called and what it made."""

        def watched(params: dict[str, Any], *args: Any, **data: Any) -> dict[str, Any]:  # noqa: ANN401
            result = apply(params, *args, **data)
            self._drawn.append((position, dict(params)))
            if self._kept is not None:
                self._kept.append((result["image"].copy(), result["mask"].copy()))
            return result

        return watched

    def _failure(self, error: Exception) -> AugmentError:
        """The error in words, with the transform that raised it."""
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


class Pool:
    """Machines of one pipeline: as many as are ever used at the same time."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = nodes
        self._idle: list[Machine] = []
        self._lock = threading.Lock()
        with self.one():  # values that the library refuses are told now
            pass

    def __call__(self, image: U8, mask: U8, seed: int, kept: list[tuple[U8, U8]] | None = None) -> tuple[U8, U8, Drawn]:
        """As `Machine`."""
        with self.one() as machine:
            return machine(image, mask, seed, kept)

    @contextmanager
    def one(self) -> Iterator[Machine]:
        """A machine that nobody else uses meanwhile."""
        with self._lock:
            machine = self._idle.pop() if self._idle else None
        machine = machine or Machine(self._nodes)
        try:
            yield machine
        finally:
            with self._lock:
                self._idle.append(machine)


@lru_cache(maxsize=16)  # building takes milliseconds
def compiled(nodes: tuple[Node, ...]) -> Pool:
    """The machines of these steps, shared by all who ask for the same."""
    return Pool(nodes)


def _reason(error: Exception) -> str:
    """What the library says, without its class names and addresses of documentation."""
    sizes = _CROP.search(str(error))
    if sizes:
        return f"it cuts out {sizes[1]}x{sizes[2]}. Make that smaller, or let it pad (pad_if_needed: true)."
    errors = getattr(error, "errors", None)
    if callable(errors):  # pydantic
        return "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in errors()).rstrip(".") + "."
    return first_line(error).rstrip(".") + "."
