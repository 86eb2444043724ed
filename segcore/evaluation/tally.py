"""All that is counted of a split while it is predicted, one image in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segcore.evaluation.decide import F32Logits, Prediction, decide
from segcore.metrics import (
    BOUNDARY_COLUMNS,
    Sampled,
    boundary_counts,
    calibration_counts,
    confusion_matrix,
    fit_temperature,
)
from segcore.runs.tables import CalibrationCounts

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_SAMPLED = 200_000  # pixels of a split that a temperature is fitted to; neighbours say the same
_SAMPLED_OF_ONE = 4096  # at most, of one image


@dataclass(eq=False)
class Tally:
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
    def empty(cls, images: int, classes: int, temperature: float | None, fits: bool) -> Tally:
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

    def add(self, index: int, logits: F32Logits, prediction: Prediction, truth: npt.NDArray[np.uint8]) -> None:
        """Count one image.

        Args:
            index: Its place.
            logits: `[C, h, w]` of the model.
            prediction: What was decided from them, at the size of the truth.
            truth: `[H, W]` class ids.

        Raises:
            EvaluationError: when an id is no class.
        """
        classes, found = self.confusion.shape[1], self.calibration
        self.confusion[index] = confusion_matrix(prediction.mask, truth, classes=classes)
        self.boundary[index] = boundary_counts(prediction.mask, truth, classes=classes)
        self.entropy[index] = prediction.entropy.mean()
        sampled = Sampled.of(logits, truth, min(_SAMPLED_OF_ONE, max(16, _SAMPLED // len(self.entropy))))
        found.before[index] = _with_sample(
            calibration_counts(prediction.confidence, prediction.mask, truth), sampled, 1
        )
        if self.fits:
            self.sampled.append(sampled)
        elif found.temperature is not None:
            sharp = decide(logits, truth.shape[0], truth.shape[1], found.temperature)
            counts = calibration_counts(sharp.confidence, sharp.mask, truth)
            found.after[index] = _with_sample(counts, sampled, found.temperature)

    def fit(self) -> None:
        """Fit the temperature to the pixels sampled, and count them with it, where that is wanted."""
        if not sum(map(len, self.sampled)):
            return
        logits = np.concatenate([each.logits for each in self.sampled])
        temperature = fit_temperature(logits, np.concatenate([each.truth for each in self.sampled]))
        self.calibration.temperature = temperature
        for index, each in enumerate(self.sampled):
            self.calibration.after[index] = each.counts(temperature)


def _with_sample(counts: F64, sampled: Sampled, temperature: float) -> F64:
    """Counts of all pixels, the last two columns of those on the grid."""
    return np.concatenate([counts[:, :3], sampled.counts(temperature)[:, 3:]], axis=1)
