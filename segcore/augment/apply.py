"""Where albumentations is used: building a pipeline, running it under a seed, reading back what fired."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from segcore.augment.pipeline import Step

U8 = npt.NDArray[np.uint8]
_MAX_SHOWN = 4  # numbers in a traced value; longer ones are noise maps and the like


class Compiled:
    """The albumentations pipeline of some steps, built once and reseeded on every call.

    The seed goes to one generator that all transforms share: `Compose.set_random_seed` would give each transform its
    own copy of the same stream, so that all those with the same probability fire together.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        # albumentations asks a server for a newer version when imported, unless told not to.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations as A

        self._compose = A.Compose([getattr(A, step.name)(**step.arguments(), p=step.p) for step in steps])
        self._lock = threading.Lock()  # generator state is per object, and a page has many threads

    def __call__(self, image: U8, mask: U8, seed: int) -> tuple[U8, U8, list[dict[str, Any]]]:
        """(image, mask, drawn parameters of every step; empty where it did not fire)."""
        with self._lock:
            self._compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
            result = self._compose(image=image.copy(), mask=mask.copy())
            drawn = [dict(transform.params) for transform in self._compose.transforms]
        return result["image"], result["mask"], drawn


@lru_cache(maxsize=32)  # a Compose takes milliseconds to build
def compiled(steps: tuple[Step, ...]) -> Compiled:
    """The pipeline of these steps, shared by all who ask for the same."""
    return Compiled(steps)


def readable(drawn: dict[str, Any]) -> dict[str, Any]:
    """The drawn parameters a person can read: scalars and short tuples; a matrix as the angle it turns by."""
    values: dict[str, Any] = {}
    for name, value in drawn.items():
        if name in (
            "shape",
            "interpolation",
            "fill",
            "fill_mask",
            "output_shape",
            "random_seed",
            "seed",
            "bbox_matrix",
            *("x_min", "x_max", "y_min", "y_max"),  # Rotate's crop, which no pipeline here asks for
        ):
            continue
        if name == "matrix" and "rotate" not in drawn and abs(value[2, 0]) + abs(value[2, 1]) == 0:
            # Counter-clockwise as in Rotate's `limit`; image rows point down, hence the sign.
            values["angle"] = round(float(-np.degrees(np.arctan2(value[1, 0], value[0, 0]))), 3)
        else:
            plain = _plain(value)
            if plain is not None:
                values[name] = plain
    return values


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list | tuple):
        short = len(value) <= _MAX_SHOWN and all(isinstance(item, int | float) for item in value)
        return [_plain(item) for item in value] if short else None
    return value if isinstance(value, bool | int | str) else None
