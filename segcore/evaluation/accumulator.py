"""All that is counted of a split while it is predicted, one image in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.evaluation.postprocess import Prediction, decide_into
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

if TYPE_CHECKING:
    import torch

    Part = tuple[slice, torch.Tensor]


_SAMPLED = 200_000  # pixels of a split that a temperature is fitted to; neighbours say the same
_SAMPLED_OF_ONE = 4096  # at most, of one image


@dataclass(eq=False)
class Accumulator:
    """Counts of N images.

    Args:
        confusion: `[N, C, C]` int64, rows = truth.
        boundary: `[N, C, 10]` int64.
        entropy: `[N]` mean of each image.
        calibration: Counts by confidence, and the temperature.
        fits: Whether the temperature is to be fitted to these images.
        sampled: Pixels it is fitted to, image by image.
    """

    confusion: I64
    boundary: I64
    entropy: F64
    calibration: CalibrationCounts
    fits: bool
    sampled: list[Sampled] = field(default_factory=list)

    @classmethod
    def empty(cls, images: int, classes: int, temperature: float | None, fits: bool) -> Accumulator:
        """Of so many images, none counted yet.

        Args:
            images: How many.
            classes: C.
            temperature: What their logits are divided by for a second look, where known.
            fits: Whether to fit one instead.
        """
        return cls(
            np.zeros((images, classes, classes), np.int64),
            np.zeros((images, classes, len(BOUNDARY_COLUMNS)), np.int64),
            np.zeros(images),
            CalibrationCounts.empty(images, temperature),
            fits,
        )

    def count(self, index: int, parts: Iterable[Part], truth: npt.NDArray[np.uint8]) -> Prediction:
        """Predict one image and count it.

        Args:
            index: Its place.
            parts: (rows, logits that cover them), as `Predictor.parts` gives them.
            truth: `[H, W]` class ids.

        Returns:
            What is decided, at the size of the truth.

        Raises:
            EvaluationError: when an id is no class, or the predictor refuses.
        """
        classes, found = self.confusion.shape[1], self.calibration
        plain, scaled, sampled = self._decide(parts, truth)
        self.confusion[index] = confusion_matrix(plain.mask, truth, classes=classes)
        self.boundary[index] = boundary_counts(plain.mask, truth, classes=classes)
        self.entropy[index] = plain.entropy.mean()
        found.before[index] = _counts(plain, truth, sampled, 1.0)
        if scaled is not None and found.temperature is not None:
            found.after[index] = _counts(scaled, truth, sampled, found.temperature)
        if self.fits:
            self.sampled.append(sampled)
        return plain

    def fit(self) -> None:
        """Fit the temperature to the pixels sampled, and count them with it, where that is wanted."""
        if not sum(map(len, self.sampled)):
            return
        every = Sampled.joined(self.sampled)
        self.calibration.temperature = temperature = fit_temperature(every.logits, every.truth)
        for index, each in enumerate(self.sampled):
            self.calibration.after[index] = each.counts(temperature)

    def _decide(
        self, parts: Iterable[Part], truth: npt.NDArray[np.uint8]
    ) -> tuple[Prediction, Prediction | None, Sampled]:
        """The prediction, the one at the temperature where it is known, and the pixels on the grid."""
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
            sampled.append(Sampled.of(logits.cpu().numpy(), truth[rows], step))
        return plain, scaled, Sampled.joined(sampled)


def _counts(prediction: Prediction, truth: npt.NDArray[np.uint8], sampled: Sampled, temperature: float) -> F64:
    """Counts of all pixels, the last two columns of those on the grid."""
    counts = calibration_counts(prediction.confidence, prediction.mask, truth)
    return np.concatenate([counts[:, :3], sampled.counts(temperature)[:, 3:]], axis=1)
