"""Measures agreement between models: how many different answers they give at each pixel of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segcore.arrays import F32, U8, Bool
from segcore.errors import SegcoreError
from segcore.labels import IGNORE_INDEX


def unanimous(masks: Sequence[U8]) -> Bool:
    """Return `[H, W]` bool: every model gives the same answer.

    Args:
        masks: Predictions of one image, `[H, W]` uint8 ids each; two at least.

    Raises:
        SegcoreError: on fewer than two, or on different sizes.
    """
    first, *others = _alike(masks)
    same = others[0] == first
    for other in others[1:]:
        same &= other == first
    return same


def answers(masks: Sequence[U8]) -> U8:
    """`[H, W]` uint8: number of different answers, 1 (all agree) to the number of models.

    Takes and raises the same as `unanimous`.
    """
    disputed, votes = _disputed(masks)
    count = np.ones(len(votes[0]), np.uint8)
    for index in range(1, len(votes)):
        new = votes[index] != votes[0]
        for other in votes[1:index]:
            new &= votes[index] != other
        count += new
    result = np.ones(disputed.shape, np.uint8)
    result[disputed] = count
    return result


def vote_entropy(masks: Sequence[U8]) -> F32:
    """`[H, W]` float32: entropy of the models' votes, 0 (all agree) to 1 (each says something else).

    With `v_k` the share of models that answer class `k`: `-sum(v_k log v_k) / log(models)` (Argamon-Engelson and Dagan,
    "Committee-Based Sample Selection", 1999).

    Takes and raises the same as `unanimous`.
    """
    disputed, votes = _disputed(masks)
    models = len(votes)
    # sum_k v_k log v_k is the mean over the models of log v(own answer).
    logs = np.log(np.arange(1, models + 1, dtype=np.float32) / models)
    total = np.zeros(len(votes[0]), np.float32)
    for backing in _backing(votes):
        total += logs[backing - 1]
    result = np.zeros(disputed.shape, np.float32)
    result[disputed] = -total / (models * np.log(models))
    return result


def together_wrong(masks: Sequence[U8], truth: U8) -> Bool:
    """`[H, W]` bool: every model gives the same answer and it is wrong; unscored pixels are left out.

    Args:
        masks: Predictions of one image, `[H, W]` uint8 ids each; two at least.
        truth: `[H, W]` uint8 ids; 255 is never scored.

    Raises:
        SegcoreError: on fewer than two predictions, or on different sizes.
    """
    _alike((*masks, truth))
    return unanimous(masks) & (masks[0] != truth) & (truth != IGNORE_INDEX)


def _alike(masks: Sequence[U8]) -> Sequence[U8]:
    """Check that there are two masks at least, of one size, and return them."""
    if len(masks) < 2:
        raise SegcoreError(f"{len(masks)} prediction to compare; disagreement wants two models at least.")
    sizes = {mask.shape for mask in masks}
    if len(sizes) > 1:
        named = ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
        raise SegcoreError(f"Masks of one image differ in size: {named}; they must match to be compared.")
    return masks


def _disputed(masks: Sequence[U8]) -> tuple[Bool, list[U8]]:
    """Return where models disagree, and their votes there: only a tenth of most images has to be counted."""
    disputed = ~unanimous(masks)
    places = np.flatnonzero(disputed)
    return disputed, [mask.reshape(-1)[places] for mask in masks]


def _backing(votes: Sequence[U8]) -> list[U8]:
    """Count for each model's answer how many models give it, that model included."""
    counts = [np.ones(len(votes[0]), np.uint8) for _ in votes]
    for index, vote in enumerate(votes):
        for other in range(index):
            same = vote == votes[other]
            counts[index] += same
            counts[other] += same
    return counts
