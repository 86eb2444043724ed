"""Encodes what lies over a photo: errors, disagreement, borders, uncertainty. Each layer is one palette PNG."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from segcore.arrays import F32, U8, Bool
from segcore.errors import SegcoreError
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.visual.agreement import answers, together_wrong, vote_entropy
from segcore.visual.image_encoding import encode_png, layer_palette, shrunk
from segcore.visual.overlay import DIMMED, FADED, Visible, hatch, wrong

Rgba = tuple[int, int, int, int]

CLEAR: Rgba = (0, 0, 0, 0)
DARK: Rgba = (0, 0, 0, 200)
HATCHED: tuple[Rgba, Rgba] = ((150, 150, 150, 235), (60, 60, 60, 235))
RIGHT: Rgba = (38, 132, 164, 130)  # blue and orange: told apart by everybody
WRONG: Rgba = (240, 120, 40, 255)
MARKED: Rgba = (232, 28, 140, 255)  # all wrong alike; less sure than the threshold
DOUBT: tuple[int, int, int] = (255, 196, 60)  # the more of it, the less sure
LEVELS = 100  # steps of confidence and of disagreement: what two digits can say
_RANKED = "answers", "entropy"
_MANY = 4  # different answers: more are as bright, else two among eight models could not be seen


def encode_errors(
    prediction: U8, truth: U8, labels: LabelMap, *, visible: Visible = None, width: int | None = None
) -> bytes:
    """The error map as a layer over the photo: right = faded, wrong = class it was taken for, void = hatched.

    Args:
        prediction: `[H, W]` uint8 ids.
        truth: `[H, W]` uint8 ids; 255 is never scored.
        labels: Palette of the ids.
        visible: Only mistakes towards these ids are coloured; None for all.
        width: Largest width in pixels (nearest resize).

    Raises:
        SegcoreError: when sizes differ.
    """
    guess, true = _alike(width, prediction=prediction, truth=truth)
    return _layer(guess, wrong(guess, true), labels, visible, rest=FADED, marks=_void(true))


def encode_correctness(prediction: U8, truth: U8, *, width: int | None = None) -> bytes:
    """Right, wrong or never scored, each in one colour: `RIGHT`, `WRONG`, hatched.

    Takes and raises the same as `encode_errors`.
    """
    guess, true = _alike(width, prediction=prediction, truth=truth)
    return _painted(guess.shape, RIGHT, [(guess != true, WRONG), *_void(true)])


def encode_where(
    mask: U8, where: Bool, labels: LabelMap, *, visible: Visible = None, width: int | None = None
) -> bytes:
    """A mask in its class colours where a condition holds, the photo dimmed elsewhere.

    Args:
        mask: `[H, W]` uint8 ids.
        where: `[H, W]` bool, e.g. where models differ.
        labels: Palette of the ids.
        visible: Ids that are coloured; None for all.
        width: Largest width in pixels (nearest resize).

    Raises:
        SegcoreError: when sizes differ.
    """
    ids, shown = _alike(width, prediction=mask, condition=where)
    return _layer(ids, (shown > 0) & (ids != IGNORE_INDEX), labels, visible, rest=DIMMED)


def encode_band(
    prediction: U8, truth: U8, near: Bool, labels: LabelMap, *, visible: Visible = None, width: int | None = None
) -> bytes:
    """Errors along borders: in the band right = photo, wrong = class it was taken for; outside it is dark.

    Takes and raises the same as `encode_errors`, and `near`: `[H, W]` bool, the band along true borders
    (`segcore.metrics.boundary_band`).
    """
    guess, true, inside = _alike(width, prediction=prediction, truth=truth, band=near)
    missed = wrong(guess, true) & (inside > 0)
    scored = (inside > 0) & (true != IGNORE_INDEX)
    return _layer(guess, missed, labels, visible, rest=DARK, marks=[(scored & ~missed, CLEAR)])


def encode_disagreement(
    masks: Sequence[U8], truth: U8 | None = None, *, measure: str = "answers", width: int | None = None
) -> bytes:
    """Encode how much models disagree: the more, the more `DOUBT`; `MARKED` where all agree and are wrong.

    Args:
        masks: Predictions of one image, `[H, W]` uint8 ids each; two at least.
        truth: `[H, W]` uint8 ids; None leaves the marks out.
        measure: `answers` (number of different ones) or `entropy` (of the votes).
        width: Largest width in pixels (nearest resize).

    Raises:
        SegcoreError: on fewer than two predictions, on different sizes, or on another measure.
    """
    if measure not in _RANKED:
        raise SegcoreError(f"No measure {measure!r} of disagreement; choose one of {', '.join(_RANKED)}.")
    small = [shrunk(mask, width, cv2.INTER_NEAREST) for mask in masks]
    if measure == "answers":
        most = min(len(small), _MANY) - 1
        levels = np.minimum(answers(small) - 1, most) * np.uint8(LEVELS // most)
    else:
        levels = np.rint(vote_entropy(small) * LEVELS).astype(np.uint8)
    palette = np.zeros((256, 4), np.uint8)
    palette[: LEVELS + 1] = _ramp()
    if truth is not None:
        levels[together_wrong(small, shrunk(truth, width, cv2.INTER_NEAREST))] = 255
        palette[255] = MARKED
    return encode_png(levels, palette)


def quantized(confidence: F32, *, width: int | None = None) -> U8:
    """`[H, W]` uint8: confidence in steps of 1/`LEVELS`, as it is written with two digits; NaN becomes 0.

    Args:
        confidence: `[H, W]` float32, 0 to 1.
        width: Largest width in pixels (nearest resize).
    """
    height, columns = confidence.shape
    known = confidence
    if width is not None and columns > width:
        size = (width, max(1, round(height * width / columns)))
        known = np.asarray(cv2.resize(confidence, size, interpolation=cv2.INTER_NEAREST), np.float32)
    return np.rint(np.clip(np.nan_to_num(known, nan=0.0), 0, 1) * LEVELS).astype(np.uint8)


def confidence_palette(threshold: float) -> U8:
    """`[256, 4]` RGBA of `quantized` confidence."""
    palette = np.zeros((256, 4), np.uint8)
    palette[: LEVELS + 1] = _ramp()[::-1]
    palette[: round(LEVELS * threshold)] = MARKED
    return palette


def _ramp() -> U8:
    """`[LEVELS + 1, 4]` RGBA: from the dimmed photo to `DOUBT`."""
    share = np.linspace(0, 1, LEVELS + 1)[:, None] ** 0.7  # small differences are the most frequent ones
    colors = share * DOUBT
    alpha = DIMMED[3] + share * (235 - DIMMED[3])
    return np.rint(np.concatenate([colors, alpha], axis=1)).astype(np.uint8)


def _alike(width: int | None, **given: U8 | Bool) -> list[U8]:
    """Check that named arrays have one size, and shrink them to the shown width."""
    (name, first), *others = given.items()
    for other, picture in others:
        if picture.shape != first.shape:
            raise SegcoreError(f"{name} is {list(first.shape)}, {other} is {list(picture.shape)}; they must match.")
    return [shrunk(picture.astype(np.uint8, copy=False), width, cv2.INTER_NEAREST) for picture in given.values()]


def _void(truth: U8) -> list[tuple[Bool, Rgba]]:
    """Hatched where the truth is void."""
    void = truth == IGNORE_INDEX
    if not void.any():
        return []
    lines = hatch(truth.shape)
    return [(void & lines, HATCHED[0]), (void & ~lines, HATCHED[1])]


def _layer(
    ids: U8, where: Bool, labels: LabelMap, visible: Visible, *, rest: Rgba, marks: Sequence[tuple[Bool, Rgba]] = ()
) -> bytes:
    """Class colours where `where` holds and the class is visible, then the marks; `rest` covers what is left."""
    # The classes that occur are numbered anew, so that indices are free for the marks whatever the number of classes.
    shown = layer_palette(labels, visible)[:, 3] > 0
    present = np.flatnonzero((np.bincount(ids[where], minlength=256) > 0) & shown)
    free = 255 - len(marks)
    if len(present) > free:
        raise SegcoreError(f"{len(present)} classes in one picture; at most {free} can be drawn.")
    table = np.full(256, 255, np.uint8)
    table[present] = np.arange(len(present))
    indices = np.where(where, cv2.LUT(ids, table), np.uint8(255))
    palette = np.zeros((256, 4), np.uint8)
    palette[: len(present), :3] = labels.palette[present]
    palette[: len(present), 3] = 255
    for index, (place, color) in enumerate(marks, start=free):
        indices[place] = index
        palette[index] = color
    palette[255] = rest
    return encode_png(indices, palette)


def _painted(shape: tuple[int, ...], rest: Rgba, marks: Sequence[tuple[Bool, Rgba]]) -> bytes:
    """Plain colours, the later over the earlier, over `rest`."""
    indices = np.zeros(shape, np.uint8)
    palette = np.zeros((256, 4), np.uint8)
    palette[0] = rest
    for index, (place, color) in enumerate(marks, start=1):
        indices[place] = index
        palette[index] = color
    return encode_png(indices, palette)
