"""Whether a model is as sure of an image as it was of images like those it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEWEST = 5  # known images; fewer say nothing of a distribution


@dataclass(frozen=True)
class Familiarity:
    """One image's mean entropy among those of known images.

    High entropy tells that a model is undecided. Low entropy tells little: a network may be sure of what it has never
    seen (Nguyen et al., "Deep neural networks are easily fooled", 2015).

    Args:
        entropy: Of the image, 0..1.
        low: The lowest of the known ones.
        high: The highest.
        above: How many of the known ones are as high or higher.
        known: How many there are.
    """

    entropy: float
    low: float
    high: float
    above: int
    known: int

    @property
    def strange(self) -> bool:
        """Whether the model is less sure than of any image it is known to be used to."""
        return self.above == 0

    def sentence(self, split: str) -> str:
        """For people; of the images of `split`."""
        others = f"of its {self.known} {split} images ({self.low:.2f} to {self.high:.2f})"
        if self.strange:
            return f"less sure of this image (entropy {self.entropy:.2f}) than of any {others}"
        share = 100 * self.above / self.known
        return f"entropy {self.entropy:.2f}; {share:.0f} % {others} are as high or higher"


def familiarity(entropy: float, known: npt.NDArray[np.float64]) -> Familiarity | None:
    """Where an image's mean entropy stands among those of known images; None where too few are known to tell.

    Args:
        entropy: Mean over the image, 0..1.
        known: `[N]` the same of images like those the model was trained on; NaN where unknown.

    >>> familiarity(0.3, np.array([0.1, 0.2, 0.1, 0.2, 0.15])).strange
    True
    """
    values = known[~np.isnan(known)]
    if len(values) < FEWEST or np.isnan(entropy):
        return None
    above = int(np.count_nonzero(values >= entropy))
    return Familiarity(entropy, float(values.min()), float(values.max()), above, len(values))
