"""Whether a model that says 0.8 is right 8 times in 10.

Pixels are sorted into 15 bins of equal width by the confidence of the predicted class (its softmax probability); in
each, the share that is right is held against the mean confidence. The expected calibration error is the mean gap,
weighted by pixels (Guo, Pleiss, Sun & Weinberger 2017, arXiv 1706.04599). Void pixels are never counted.

One number, the temperature, that all logits are divided by, mends most of it and changes no class. It is the one with
the least negative log likelihood on *validation*, never on test, fitted to pixels on a grid. Temperatures above 1 say
that the model was too sure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32, F64, I64
from segcore.errors import EvaluationError
from segcore.labels import IGNORE_INDEX
from segcore.metrics.counts import BINS, CALIBRATION_COLUMNS
from segcore.metrics.registry import SCORES

COOLEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True, eq=False)
class Reliability:
    """How sure a model was and how often right, bin by bin of confidence.

    Args:
        pixels: `[15]` pixels in each bin; bin k holds confidences above k / 15 up to (k + 1) / 15.
        accuracy: `[15]` the share of them that is right; NaN in an empty bin.
        confidence: `[15]` their mean confidence; likewise.
        ece: Expected calibration error, 0..1: the gap of the two, averaged over pixels. NaN where nothing is scored.
        nll: Mean negative log likelihood of the true class, of pixels on a grid, in nats; NaN where none was.
    """

    pixels: I64
    accuracy: F64
    confidence: F64
    ece: float
    nll: float

    @classmethod
    def of(cls, counts: F64) -> Reliability:
        """Of counts summed over images.

        Args:
            counts: `[15, 5]`, or `[N, 15, 5]` of N images: `CALIBRATION_COLUMNS` of each bin.

        Raises:
            EvaluationError: when they are of another shape.
        """
        if counts.ndim not in (2, 3) or counts.shape[-2:] != (BINS, len(CALIBRATION_COLUMNS)):
            raise EvaluationError(
                f"Calibration counts are {list(counts.shape)}; expected [{BINS}, {len(CALIBRATION_COLUMNS)}] or "
                "those of N images."
            )
        images = counts.reshape(-1, *counts.shape[-2:])
        pixels, right, confidence, sampled, nll = images.sum(axis=0).T
        filled = pixels > 0
        accuracy, mean = (np.divide(each, pixels, np.full(BINS, np.nan), where=filled) for each in (right, confidence))
        return cls(
            pixels.astype(np.int64),
            accuracy,
            mean,
            float(SCORES["ece"].function().value(images)),
            float(nll.sum() / sampled.sum()) if sampled.sum() else math.nan,
        )


@dataclass(frozen=True, eq=False)
class Calibration:
    """How well a run's confidence is calibrated on one split.

    Args:
        before: As the model gives it.
        after: With its logits divided by the temperature; None where no temperature is known.
        temperature: Fitted on validation; None where validation has not been evaluated.
    """

    before: Reliability
    after: Reliability | None
    temperature: float | None


@dataclass(frozen=True, eq=False)
class Sampled:
    """Pixels of an image on a grid, without void.

    Args:
        logits: `[n, C]` float32.
        truth: `[n]` true classes.
    """

    logits: F32
    truth: I64

    @classmethod
    def of(
        cls, logits: F32, truth: npt.NDArray[np.uint8], step: int = 1, *, ignore_index: int = IGNORE_INDEX
    ) -> Sampled:
        """Take every so many-th pixel of every so many-th row; logits are interpolated, as a prediction's are.

        Args:
            logits: `[C, h, w]` float32 of the model.
            truth: `[H, W]` class ids.
            step: Distance of the pixels, see `grid_step`.
            ignore_index: Void.
        """
        height, width = truth.shape
        rows, columns = (np.arange(min(step // 2, size - 1), size, step) for size in (height, width))
        values = _between(_between(logits, rows, height, 1), columns, width, 2)
        classes = truth[np.ix_(rows, columns)].astype(np.int64)
        scored = classes != ignore_index
        return cls(np.ascontiguousarray(values[:, scored].T), classes[scored])

    @classmethod
    def joined(cls, parts: Sequence[Sampled]) -> Sampled:
        """All of them as one."""
        return cls(np.concatenate([each.logits for each in parts]), np.concatenate([each.truth for each in parts]))

    def __len__(self) -> int:
        return len(self.truth)

    def counts(self, temperature: float = 1.0) -> F64:
        """`[15, 5]` calibration counts of these pixels alone, every one of them on the grid."""
        found = np.zeros((BINS, len(CALIBRATION_COLUMNS)))
        if len(self):
            scaled = self.logits.astype(np.float64) / temperature
            logs = _log_softmax(scaled)
            best = logs.argmax(axis=1)
            share = np.exp(logs[np.arange(len(self)), best])
            nll = -logs[np.arange(len(self)), self.truth]
            ones = np.ones(len(self))
            found[:] = _binned(share, ones, best == self.truth, share, ones, nll).T
        return found


def grid_step(height: int, width: int, most: int) -> int:
    """The least step of a grid that takes at most so many pixels of an image.

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
        `[15, 5]` float64, `CALIBRATION_COLUMNS`; the last two, of a grid, are 0: see `Sampled.counts`.

    Raises:
        EvaluationError: when the shapes differ or a confidence is none.
    """
    if not confidence.shape == prediction.shape == truth.shape:
        shapes = ", ".join(str(list(each.shape)) for each in (confidence, prediction, truth))
        raise EvaluationError(f"Confidence, prediction and ground truth are {shapes}; they must match.")
    scored = truth != ignore_index
    values = confidence[scored].astype(np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= 1 + 1e-6):  # NaN is neither
        raise EvaluationError(f"Confidence goes from {values.min():g} to {values.max():g}; expected 0 to 1.")
    found = np.zeros((BINS, len(CALIBRATION_COLUMNS)))
    found[:, :3] = _binned(values, np.ones(len(values)), (prediction == truth)[scored], values).T
    return found


def fit_temperature(logits: F32, truth: I64) -> float:
    """The temperature with the least negative log likelihood.

    The likelihood is concave in 1 / temperature, so its slope, mean true logit minus expected logit, has one zero; it
    is found by bisection, between temperatures of 0.05 and 20.

    Args:
        logits: `[n, C]`.
        truth: `[n]` true classes.

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
    centered -= centered.mean(axis=1, keepdims=True)
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
    """Each column summed by bin of confidence: `[columns, 15]`."""
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return np.stack([np.bincount(place, column, BINS) for column in columns])


def _log_softmax(logits: F64) -> F64:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _between(values: F32, places: I64, size: int, axis: int) -> F32:
    """Values at these pixels of `size`, interpolated along one axis; pixel centres, edges held."""
    there = values.shape[axis]
    at = np.clip((places + 0.5) * (there / size) - 0.5, 0, there - 1)
    first = at.astype(np.int64)
    share = (at - first).astype(np.float32).reshape([-1 if each == axis else 1 for each in range(values.ndim)])
    low, high = (values.take(np.minimum(first + more, there - 1), axis) for more in (0, 1))
    return np.asarray(low + (high - low) * share, np.float32)
