"""Scores from confusion counts, under one stated policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.metrics.score_functions import Sums, checked, statistic

_SCORES = (
    "miou",
    "pixel_accuracy",
    "mean_accuracy",
    "mean_dice",
    "frequency_weighted_iou",
    "iou",
    "accuracy",
    "precision",
    "dice",
)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a set of pixels; see `segcore.metrics.POLICY`. NaN where nothing was scored.

    Args:
        miou: IoU averaged over the classes present in the ground truth.
        pixel_accuracy: Right pixels over scored pixels.
        mean_accuracy: Accuracy averaged over the classes present.
        mean_dice: Dice averaged over the classes present.
        frequency_weighted_iou: IoU weighted by each class's share of true pixels.
        iou: `[C]` float64; NaN where the class is absent from the ground truth.
        accuracy: `[C]`, likewise.
        precision: `[C]`, likewise; 0 for a class that is present and never predicted.
        dice: `[C]`, likewise.
        absent: Ids of the classes absent from the ground truth (or left out).
        pixels: Number of scored pixels.
    """

    miou: float
    pixel_accuracy: float
    mean_accuracy: float
    mean_dice: float
    frequency_weighted_iou: float
    iou: F64
    accuracy: F64
    precision: F64
    dice: F64
    absent: tuple[int, ...]
    pixels: int


def scores(counts: I64, *, without: Iterable[int] = ()) -> Scores:
    """Score confusion counts summed over a split.

    IoU = diagonal / (row + column - diagonal). Classes absent from the ground truth are left out and named.

    Args:
        counts: `[C, C]` or `[N, C, C]` integers (summed over N), rows = truth.
        without: True classes whose pixels are left out, e.g. void where it was trained as a class.

    Raises:
        EvaluationError: when the shape is neither, a count is negative, or `without` names no class.

    >>> found = scores(np.array([[3, 1], [0, 4]]))
    >>> round(found.miou, 3), found.pixel_accuracy
    (0.775, 0.875)
    """
    whole = checked(counts, (2, 3))
    total = whole.sum(axis=0) if whole.ndim == 3 else whole
    values = per_image(total[None], without=without)
    iou = values["iou"][0]
    return Scores(
        miou=float(values["miou"][0]),
        pixel_accuracy=float(values["pixel_accuracy"][0]),
        mean_accuracy=float(values["mean_accuracy"][0]),
        mean_dice=float(values["mean_dice"][0]),
        frequency_weighted_iou=float(values["frequency_weighted_iou"][0]),
        iou=iou,
        accuracy=values["accuracy"][0],
        precision=values["precision"][0],
        dice=values["dice"][0],
        absent=tuple(int(index) for index in np.flatnonzero(np.isnan(iou))),
        pixels=int(values["pixels"][0]),
    )


def per_image(counts: I64, *, without: Iterable[int] = ()) -> dict[str, npt.NDArray[np.generic]]:
    """Score each image by itself: means are over the classes present in *that* image.

    Args:
        counts: `[N, C, C]` integers, rows = truth.
        without: True classes whose pixels are left out.

    Returns:
        `miou`, `pixel_accuracy`, `mean_accuracy`, `mean_dice`, `frequency_weighted_iou`: `[N]` float64;
        `iou`, `accuracy`, `precision`, `dice`: `[N, C]` float64, NaN where absent; `pixels`: `[N]` int64.

    Raises:
        EvaluationError: when the shape is another, a count is negative, or `without` names no class.
    """
    sums = Sums.of(counts, without)
    return {**{name: statistic(name).each(sums) for name in _SCORES}, "pixels": sums.true.sum(axis=1)}
