"""Accumulates the counts of a split while its images are predicted one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from segcore.arrays import F64, I64, U8Mask
from segcore.evaluation.postprocess import Logits, Prediction, as_array, decide_into
from segcore.metrics import (
    BOUNDARY_COLUMNS,
    Sampled,
    boundary_counts,
    calibration_counts,
    confusion_matrix,
    fit_temperature,
    grid_step,
)
from segcore.runs.parquet_tables import CalibrationCounts

Part = tuple[slice, Logits]
_SAMPLED = 200_000  # pixels of a split that a temperature is fitted to, since neighbouring pixels are alike
_SAMPLED_OF_ONE = 4096  # pixels of one image at most


@dataclass(eq=False)
class Accumulator:
    """Counts of N images.

    Args:
        confusion: `[N, C, C]` int64, rows = truth.
        boundary: `[N, C, 10]` int64.
        entropy: `[N]` mean of each image.
        calibration: Counts by confidence, and the temperature.
        fits: Whether the temperature is fitted to these images.
        sampled: Index of an image -> pixels of it that the temperature is fitted to.
    """

    confusion: I64
    boundary: I64
    entropy: F64
    calibration: CalibrationCounts
    fits: bool
    sampled: dict[int, Sampled] = field(default_factory=dict)

    @classmethod
    def empty(cls, images: int, classes: int, temperature: float | None, fits: bool) -> Accumulator:
        """Zero counts of images; their calibration is also counted at the temperature, where it is known.

        Args:
            images: Number N of images.
            classes: Number C of classes.
            temperature: The temperature fitted earlier; None where there is none.
            fits: Whether the temperature is fitted to these images.
        """
        return cls(
            np.zeros((images, classes, classes), np.int64),
            np.zeros((images, classes, len(BOUNDARY_COLUMNS)), np.int64),
            np.zeros(images),
            CalibrationCounts.empty(images, temperature),
            fits,
        )

    def count_mask(self, index: int, mask: U8Mask, truth: U8Mask) -> None:
        """Count the classes and borders of the image at `index`, of whose prediction only the mask is known.

        Args:
            index: Index of the image; threads may count different ones at the same time.
            mask: `[H, W]` predicted class ids.
            truth: `[H, W]` class ids.

        Raises:
            EvaluationError: when the sizes differ or an id is no class.
        """
        classes = self.confusion.shape[1]
        self.confusion[index] = confusion_matrix(mask, truth, classes=classes)
        self.boundary[index] = boundary_counts(mask, truth, classes=classes)

    def count(self, index: int, parts: Iterable[Part], truth: U8Mask, mask: U8Mask | None = None) -> Prediction:
        """Predict the image at `index`, at the size of its ground truth, and count it.

        Args:
            index: Index of the image.
            parts: (rows, logits that cover them), as `Predictor.parts` yields them.
            truth: `[H, W]` class ids.
            mask: `[H, W]` predicted class ids, where they are more than the best of the logits.

        Raises:
            EvaluationError: when an id is no class, or the image can't be predicted.
        """
        calibration = self.calibration
        plain, scaled, sampled = self._decide(parts, truth)
        if mask is not None:
            plain = replace(plain, mask=mask)
            scaled = scaled and replace(scaled, mask=mask)
        self.count_mask(index, plain.mask, truth)
        self.entropy[index] = plain.entropy.mean()
        calibration.before[index] = _counts(plain, truth, sampled, 1.0)
        if scaled is not None and calibration.temperature is not None:
            calibration.after[index] = _counts(scaled, truth, sampled, calibration.temperature)
        if self.fits:
            self.sampled[index] = sampled
        return plain

    def fit(self) -> None:
        """Fit the temperature to the sampled pixels and count them at it; does nothing without sampled pixels."""
        if not sum(map(len, self.sampled.values())):
            return
        pixels = Sampled.joined([self.sampled[index] for index in sorted(self.sampled)])
        self.calibration.temperature = temperature = fit_temperature(pixels.logits, pixels.truth)
        for index, sampled in self.sampled.items():
            self.calibration.after[index] = sampled.counts(temperature)

    def _decide(self, parts: Iterable[Part], truth: U8Mask) -> tuple[Prediction, Prediction | None, Sampled]:
        """The prediction, the prediction at the temperature where it is known, and the pixels on the grid."""
        height, width = truth.shape
        step = grid_step(height, width, min(_SAMPLED_OF_ONE, max(16, _SAMPLED // len(self.entropy))))
        temperature = None if self.fits else self.calibration.temperature
        plain = Prediction.empty(height, width)
        scaled = None if temperature is None else Prediction.empty(height, width)
        sampled = []
        for rows, logits in parts:
            decide_into(plain, rows, [logits])
            if scaled is not None and temperature is not None:
                decide_into(scaled, rows, [logits], temperature=temperature)
            sampled.append(Sampled.of(as_array(logits), truth[rows], step))
        return plain, scaled, Sampled.joined(sampled)


def _counts(prediction: Prediction, truth: U8Mask, sampled: Sampled, temperature: float) -> F64:
    """`[15, 5]` calibration counts of an image; the last two columns are those of the pixels on the grid."""
    counts = calibration_counts(prediction.confidence, prediction.mask, truth)
    return np.concatenate([counts[:, :3], sampled.counts(temperature)[:, 3:]], axis=1)
