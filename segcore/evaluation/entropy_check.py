"""Compares the entropy of one image with the entropies of images like those a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcore.arrays import F64

FEWEST = 5  # known images; fewer don't describe a distribution


@dataclass(frozen=True)
class EntropyCheck:
    """The mean entropy of one image compared with those of known images.

    High entropy shows that a model is uncertain. Low entropy shows little: a network may be certain of images unlike
    any that it was trained on (Nguyen et al., "Deep neural networks are easily fooled", 2015).

    Args:
        entropy: Mean entropy of the image, 0..1.
        low: Lowest mean entropy of the known images.
        high: Highest mean entropy of the known images.
        above: Number of known images whose mean entropy is as high or higher.
        known: Number of known images.
    """

    entropy: float
    low: float
    high: float
    above: int
    known: int

    @property
    def unusual(self) -> bool:
        """Whether the model is less certain than on any known image."""
        return self.above == 0

    def sentence(self, split: str) -> str:
        """The result for people; `split` names the split that the known images are of."""
        others = f"of its {self.known} {split} images ({self.low:.2f} to {self.high:.2f})"
        if self.unusual:
            return f"less sure of this image (entropy {self.entropy:.2f}) than of any {others}"
        share = 100 * self.above / self.known
        return f"entropy {self.entropy:.2f}; {share:.0f} % {others} are as high or higher"


def check_entropy(entropy: float, known: F64) -> EntropyCheck | None:
    """Compare an image's mean entropy, 0..1, with the `[N]` means of known images; None where too few are known.

    >>> check_entropy(0.3, np.array([0.1, 0.2, 0.1, 0.2, 0.15])).unusual
    True
    """
    values = known[~np.isnan(known)]
    if len(values) < FEWEST or np.isnan(entropy):
        return None
    above = int(np.count_nonzero(values >= entropy))
    return EntropyCheck(entropy, float(values.min()), float(values.max()), above, len(values))
