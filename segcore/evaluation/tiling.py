"""Predicts large images with a sliding window: overlapping tiles whose scores fade into each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from segcore.arrays import U8Image
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess import Logits

if TYPE_CHECKING:
    import torch

Window: TypeAlias = tuple[int, int]  # height, width in pixels of the image
SMALLEST = 16  # pixels; below that a tile is all border

_OVERLAP = 0.25  # of the window, at least: half would cost 2.3 times the tiles


def window_of(value: int | tuple[int, int] | None) -> Window | None:
    """Check a window and return it as (height, width).

    Args:
        value: (height, width), one number for a square, or None.

    Raises:
        EvaluationError: when it is no such thing, or too small.
    """
    if value is None:
        return None
    sides = (value, value) if isinstance(value, int) else tuple(value)
    if len(sides) != 2 or not all(isinstance(side, int) and side >= SMALLEST for side in sides):
        raise EvaluationError(
            f"A window of {value!r}; expected (height, width) or one number, each {SMALLEST} pixels or more."
        )
    return sides[0], sides[1]


def fits(image: U8Image, window: Window) -> bool:
    """Whether one window holds the whole image."""
    return image.shape[0] <= window[0] and image.shape[1] <= window[1]


def starts(length: int, window: int) -> tuple[int, ...]:
    """The starts of the tiles along one side: evenly spaced, the first at 0, the last ending at the end.

    >>> starts(100, 40), starts(30, 40)
    ((0, 30, 60), (0,))
    """
    if length <= window:
        return (0,)
    stride = max(1, int(window * (1 - _OVERLAP)))
    count = math.ceil((length - window) / stride) + 1
    return tuple(round(index * (length - window) / (count - 1)) for index in range(count))


def ramp(length: int) -> np.ndarray:
    """`[length]` float32 weight of a tile's pixels along one side: a raised cosine over the overlap at both ends.

    Never 0, not even at the very edge, where a tile may be the only one.
    """
    fade = max(1, int(length * _OVERLAP))
    rise = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade) ** 2
    weight = np.ones(length, np.float32)
    weight[:fade] = rise
    weight[-fade:] = np.minimum(weight[-fade:], rise[::-1])
    return weight


def strips(image: U8Image, window: Window, scores: Callable[[U8Image], Logits]) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield the scores of an image by rows, from top to bottom, each row once.

    Every tile is scored as an image of its own and upsampled to its own size. One row of tiles is held at a time:
    C x window height x image width numbers, however high the image.

    Args:
        image: `[H, W, 3]` RGB uint8.
        window: (height, width) of a tile; one that is larger than a side of the image is cut to it.
        scores: `[C, h, w]` float32 logits of a tile.

    Yields:
        (rows of the image, `[C, rows, W]` float32 logits of these), which the next step overwrites.
    """
    import torch
    from torch.nn.functional import interpolate

    height, width = min(window[0], image.shape[0]), min(window[1], image.shape[1])
    tops, lefts = starts(image.shape[0], height), starts(image.shape[1], width)
    held: torch.Tensor | None = None
    for top, below in zip(tops, (*tops[1:], image.shape[0]), strict=True):
        for left in lefts:
            tile = torch.as_tensor(scores(image[top : top + height, left : left + width]))
            if tile.shape[1:] != (height, width):
                tile = interpolate(tile[None], size=(height, width), mode="bilinear", align_corners=False)[0]
            if held is None:
                held = tile.new_zeros((tile.shape[0], height, image.shape[1]))
                total = tile.new_zeros((height, image.shape[1]))
                across, down = (torch.from_numpy(ramp(side)).to(tile.device) for side in (width, height))
                weight = down[:, None] * across
            held[:, :, left : left + width] += tile * weight
            total[:, left : left + width] += weight
        assert held is not None
        done = below - top
        yield slice(top, below), held[:, :done].div_(total[:done])
        for kept in (held, total):  # the rows that the next tiles also cover move to the top
            rest = kept[..., done:, :].clone()
            kept[..., : height - done, :] = rest
            kept[..., height - done :, :] = 0
