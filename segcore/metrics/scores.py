"""Scores of a split or of single images, from confusion counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.metrics.counts import Sums, checked_confusion
from segcore.metrics.registry import CLASS_SCORES, SCORES


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a set of pixels; see `segcore.metrics.POLICY`. NaN where nothing was scored.

    Args:
        miou: IoU averaged over the classes present in the ground truth.
        pixel_accuracy: Correct pixels over scored pixels.
        mean_accuracy: Accuracy averaged over the classes present.
        mean_dice: Dice averaged over the classes present.
        frequency_weighted_iou: IoU weighted by each class's share of true pixels.
        iou: `[C]` float64; NaN where the class is absent from the ground truth.
        accuracy: `[C]` float64 share of the true pixels of a class that are correct (recall); NaN where absent.
        precision: `[C]` float64; NaN where absent, 0 for a class that is present and never predicted.
        dice: `[C]` float64 F1 score; NaN where absent.
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

    >>> result = scores(np.array([[3, 1], [0, 4]]))
    >>> round(result.miou, 3), result.pixel_accuracy, result.iou.tolist()
    (0.775, 0.875, [0.75, 0.8])
    """
    counts = checked_confusion(counts, (2, 3))
    total = counts.sum(axis=0) if counts.ndim == 3 else counts
    values = {name: column[0] for name, column in per_image(total[None], without=without).items()}
    known: dict[str, Any] = {field.name: values[field.name] for field in fields(Scores) if field.name in values}
    known |= {name: value.item() for name, value in known.items() if value.ndim == 0}
    return Scores(**known, absent=tuple(np.flatnonzero(np.isnan(known["iou"])).tolist()))


def per_image(counts: I64, *, without: Iterable[int] = ()) -> dict[str, npt.NDArray[np.generic]]:
    """Score single images: means are over the classes present in *that* image.

    Args:
        counts: `[N, C, C]` integers, rows = truth.
        without: True classes whose pixels are left out.

    Returns:
        Scores of confusion counts by key: `[N]` float64 for `SCORES` (`miou`, `pixel_accuracy`, ...), `[N, C]` float64
        for `CLASS_SCORES` (`iou`, ...), NaN where absent; `pixels`: `[N]` int64.

    Raises:
        EvaluationError: when the shape is another, a count is negative, or `without` names no class.

    >>> per_image(np.array([[[3, 1], [0, 4]], [[1, 0], [0, 1]]]))["miou"].tolist()
    [0.775, 1.0]
    """
    sums = Sums.of(counts, without)
    columns: dict[str, npt.NDArray[np.generic]] = {
        key: score.function().per_image(sums)
        for key, score in {**SCORES, **CLASS_SCORES}.items()
        if score.source == "confusion" and score.ranks_images and not score.without_void
    }
    return {**columns, "pixels": sums.true.sum(axis=1)}
