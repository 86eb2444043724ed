"""Measures how well confidence agrees with the share of correct pixels, and fits a temperature.

Pixels are sorted into 15 bins of equal width by confidence (the softmax probability of the predicted class). The
expected calibration error is the gap between mean confidence and share of correct pixels, averaged over the bins and
weighted by pixels (Guo, Pleiss, Sun & Weinberger 2017, arXiv 1706.04599). Void pixels are never counted.

Dividing all logits by one number, the temperature, reduces the error and changes no class. It is fitted to pixels on a
grid of the *validation* images, never to test images. A temperature above 1 means that the model was overconfident.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32, F64, I64, U8
from segcore.errors import EvaluationError
from segcore.labels import IGNORE_INDEX
from segcore.metrics.counts import BINS, CALIBRATION_COLUMNS
from segcore.metrics.registry import SCORES
from segcore.metrics.score_functions import ratio

COOLEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence and accuracy by bin of confidence.

    Args:
        pixels: `[15]` pixels in each bin; bin k holds confidences above k / 15 up to (k + 1) / 15.
        accuracy: `[15]` share of these pixels that is correct; NaN in an empty bin.
        confidence: `[15]` mean confidence of these pixels; NaN in an empty bin.
        ece: Expected calibration error, 0..1; NaN where nothing is scored.
        nll: Mean negative log likelihood of the true class in nats, over the pixels on the grid; NaN without any.
    """

    pixels: I64
    accuracy: F64
    confidence: F64
    ece: float
    nll: float

    @classmethod
    def of(cls, counts: F64) -> Reliability:
        """Sum calibration counts, `[15, 5]` (`CALIBRATION_COLUMNS` of each bin) or `[N, 15, 5]` of N images.

        Raises:
            EvaluationError: when the counts have another shape.
        """
        if counts.ndim not in (2, 3) or counts.shape[-2:] != (BINS, len(CALIBRATION_COLUMNS)):
            raise EvaluationError(
                f"Calibration counts are {list(counts.shape)}; expected [{BINS}, {len(CALIBRATION_COLUMNS)}] or "
                "those of N images."
            )
        images = counts.reshape(-1, *counts.shape[-2:])
        pixels, right, confidence, sampled, nll = images.sum(axis=0).T
        accuracy, mean = (ratio(column, pixels, pixels > 0) for column in (right, confidence))
        ece = float(SCORES["ece"].function().value(images))
        mean_nll = float(nll.sum() / sampled.sum()) if sampled.sum() else math.nan
        return cls(pixels.astype(np.int64), accuracy, mean, ece, mean_nll)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration of a run's confidence on one split.

    Args:
        before: Reliability of the model's own confidence.
        after: Reliability with the logits divided by the temperature; None without a temperature.
        temperature: Fitted on validation; None where validation has not been evaluated.
    """

    before: Reliability
    after: Reliability | None
    temperature: float | None


@dataclass(frozen=True, eq=False)
class Sampled:
    """`[n, C]` float32 logits and `[n]` true classes of an image's pixels on a grid, without void."""

    logits: F32
    truth: I64

    @classmethod
    def of(cls, logits: F32, truth: U8, step: int = 1, *, ignore_index: int = IGNORE_INDEX) -> Sampled:
        """Sample pixels on a grid; logits are interpolated bilinearly, as for a prediction.

        Args:
            logits: `[C, h, w]` float32 logits of the model.
            truth: `[H, W]` class ids.
            step: Distance of neighbouring pixels of the grid, see `grid_step`.
            ignore_index: Id of void.
        """
        height, width = truth.shape
        rows, columns = (np.arange(min(step // 2, size - 1), size, step) for size in (height, width))
        values = _between(_between(logits, rows, height, 1), columns, width, 2)
        classes = truth[np.ix_(rows, columns)].astype(np.int64)
        scored = classes != ignore_index
        return cls(np.ascontiguousarray(values[:, scored].T), classes[scored])

    @classmethod
    def joined(cls, parts: Sequence[Sampled]) -> Sampled:
        """Concatenate the pixels of several images or parts."""
        return cls(np.concatenate([part.logits for part in parts]), np.concatenate([part.truth for part in parts]))

    def __len__(self) -> int:
        return len(self.truth)

    def counts(self, temperature: float = 1.0) -> F64:
        """`[15, 5]` calibration counts of these pixels alone, with the logits divided by the temperature."""
        if not len(self):
            return np.zeros((BINS, len(CALIBRATION_COLUMNS)))
        logs = _log_softmax(self.logits.astype(np.float64) / temperature)
        best, rows, ones = logs.argmax(axis=1), np.arange(len(self)), np.ones(len(self))
        confidence = np.exp(logs[rows, best])
        return _binned(confidence, ones, best == self.truth, confidence, ones, -logs[rows, self.truth]).T


def grid_step(height: int, width: int, most: int) -> int:
    """The smallest step of a grid with at most `most` pixels of an image.

    >>> grid_step(360, 480, 4096)
    7
    """
    return max(1, math.ceil(math.sqrt(height * width / max(most, 1))))


def calibration_counts(
    confidence: npt.NDArray[Any], prediction: npt.NDArray[Any], truth: npt.NDArray[Any], *, ignore_index: int = 255
) -> F64:
    """Count the scored pixels of one image by confidence.

    Args:
        confidence: `[H, W]` softmax probability of the predicted class.
        prediction: `[H, W]` class ids.
        truth: `[H, W]` class ids.
        ignore_index: Pixels whose *truth* is this are left out.

    Returns:
        `[15, 5]` float64, `CALIBRATION_COLUMNS`; the last two, of the pixels on a grid, are 0: see `Sampled.counts`.

    Raises:
        EvaluationError: when the shapes differ or a confidence is not within 0..1.
    """
    if not confidence.shape == prediction.shape == truth.shape:
        shapes = ", ".join(str(list(array.shape)) for array in (confidence, prediction, truth))
        raise EvaluationError(f"Confidence, prediction and ground truth are {shapes}; they must match.")
    scored = truth != ignore_index
    values = confidence[scored].astype(np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= 1 + 1e-6):  # NaN is neither
        raise EvaluationError(f"Confidence goes from {values.min():g} to {values.max():g}; expected 0 to 1.")
    counts = _binned(values, np.ones(len(values)), (prediction == truth)[scored], values).T
    return np.pad(counts, ((0, 0), (0, len(CALIBRATION_COLUMNS) - counts.shape[1])))


def fit_temperature(logits: F32, truth: I64) -> float:
    """The temperature with the least negative log likelihood of `[n, C]` logits, given `[n]` true classes.

    The likelihood is concave in 1 / temperature, so its slope, mean true logit minus expected logit, has one zero;
    bisection finds it between temperatures of 0.05 and 20. Where all are as likely, as for equal logits, it is 20.

    Raises:
        EvaluationError: when there is no pixel, or a logit is not finite.

    >>> unsure = np.array([[1.0, 0.0]] * 4, np.float32)  # says 0.73, is right 3 times in 4
    >>> round(fit_temperature(unsure, np.array([0, 0, 0, 1])), 2)
    0.91
    """
    if not len(truth):
        raise EvaluationError("No pixel to fit a temperature to: every ground-truth pixel is ignored.")
    if not np.isfinite(logits).all():
        raise EvaluationError("A temperature can't be fitted to logits that are not finite.")
    centered = logits.astype(np.float64)
    centered -= centered.mean(axis=1, keepdims=True)  # the slope of equal logits is exactly 0
    wanted = centered[np.arange(len(truth)), truth].mean()

    def slope(sharpness: float) -> float:
        share = np.exp(_log_softmax(centered * sharpness))
        return float(wanted - (share * centered).sum(axis=1).mean())

    low, high = math.log(1 / HOTTEST), math.log(1 / COOLEST)
    for _ in range(24):  # to 1e-6 of the temperature
        middle = (low + high) / 2
        low, high = (middle, high) if slope(math.exp(middle)) > 0 else (low, middle)
    return math.exp(-(low + high) / 2)


def _binned(confidence: F64, *columns: npt.NDArray[Any]) -> F64:
    """`[columns, 15]` sums of each column by bin of confidence."""
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return np.stack([np.bincount(place, column, BINS) for column in columns])


def _log_softmax(logits: F64) -> F64:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _between(values: F32, places: I64, size: int, axis: int) -> F32:
    """Values at some of `size` pixels, interpolated linearly between pixel centres along one axis; edges repeat."""
    there = values.shape[axis]
    at = np.maximum((places + 0.5) * (there / size) - 0.5, 0)
    first = at.astype(np.int64)
    share = (at - first).astype(np.float32).reshape([-1 if index == axis else 1 for index in range(values.ndim)])
    low, high = (values.take(np.minimum(first + more, there - 1), axis) for more in (0, 1))
    return low + (high - low) * share
