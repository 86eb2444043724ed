"""Estimates from its first steps how long a training will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FEWEST_STEPS = 4  # timed, after the first, which pays for what is made once
FEWEST_SECONDS = 3.0
FORWARD = 0.4  # of the time of a training step, for as many images that are only validated
WORTH_SAYING = 30.0  # seconds; a shorter training needs no estimate


@dataclass
class Estimate:
    """The time left of one training, told once.

    Args:
        epoch_steps: Steps of an epoch.
        steps: Steps left in the training.
        validation: Validation images for each training image.
        clock: Seconds, for tests.
    """

    epoch_steps: int
    steps: int
    validation: float
    clock: Callable[[], float] = time.perf_counter
    _times: list[float] = field(default_factory=list)
    _over: bool = False

    def after_step(self) -> float | None:
        """Seconds that an epoch will take, once: after enough steps of a training that is worth it; else None."""
        if self._over:
            return None
        self._times.append(self.clock())
        timed, seconds = len(self._times) - 1, self._times[-1] - self._times[0]
        if timed < FEWEST_STEPS or seconds < FEWEST_SECONDS:
            return None
        self._over = True
        validated = timed >= self.epoch_steps  # then the time between two epochs is among those measured
        epoch = seconds / timed * self.epoch_steps * (1.0 if validated else 1.0 + FORWARD * self.validation)
        return epoch if epoch * self.steps / self.epoch_steps >= WORTH_SAYING else None
