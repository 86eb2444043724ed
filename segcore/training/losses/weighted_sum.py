"""A weighted sum of losses by name, exact over any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from segcore.training.losses.batch_statistics import Pixels
from segcore.training.losses.lovasz import lovasz
from segcore.training.losses.terms import (
    boundary_weights,
    cross_entropy,
    dice,
    dice_value,
    focal,
    hardest,
    mean,
)


def _here(sums: Tensor) -> Tensor:
    return sums


class SegmentationLoss(nn.Module):
    """A weighted sum of losses over logits `[N, C, H, W]` and ids `[N, H, W]`; they share one softmax.

    Over processes that each hold a part of a batch, each loss is that of the whole batch: sums are added up before
    they are divided. The exception is `ohem`, where each process chooses the hardest of its own pixels.

    Args:
        terms: (factor, name) from `parse_loss`.
        class_weights: `[C]` float32 for `weighted_ce`; None is 1 each.
        label_smoothing: Probability spread over all classes, in every cross entropy but focal.
        focal_gamma: Power of `focal`.
        ohem_threshold: `ohem` learns from pixels whose truth has a lower probability,
        ohem_keep: and at least from this share of the scored pixels.
        boundary_width: Pixels on each side of a boundary in `boundary_ce`,
        boundary_weight: and what they weigh.
        total: Sums a vector over the processes, and lets gradients through (as `torch.distributed.nn.functional`'s
            all_reduce). Called once a forward pass, whatever the data, and not in `eval()`: processes validate batches
            of their own.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        terms: Sequence[tuple[float, str]],
        *,
        class_weights: Tensor | None = None,
        label_smoothing: float = 0.0,
        focal_gamma: float = 2.0,
        ohem_threshold: float = 0.7,
        ohem_keep: float = 0.0625,
        boundary_width: int = 3,
        boundary_weight: float = 4.0,
        total: Callable[[Tensor], Tensor] = _here,
    ) -> None:
        super().__init__()
        self.terms, self.total = tuple(terms), total
        self.label_smoothing, self.focal_gamma = label_smoothing, focal_gamma
        self.ohem_threshold, self.ohem_keep = ohem_threshold, ohem_keep
        self.boundary_width, self.boundary_weight = boundary_width, boundary_weight
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scalar loss; 0 with a zero gradient when every pixel is ignored.

        Args:
            logits: `[N, C, H, W]` of any float type; computed in float32, in float64 where they are.
            target: `[N, H, W]` int64 ids; 255 is ignored.
        """
        # Autocast would take the sums of dice to bf16.
        with torch.autocast(logits.device.type, enabled=False):
            pixels = Pixels(logits, target)
            sums = [self._sums(name, pixels) for _, name in self.terms]
            together = self.total(torch.cat(sums)) if self.training else torch.cat(sums)
            totals = together.split([len(part) for part in sums])
            values = [
                dice_value(part) if name == "dice" else mean(part)
                for (_, name), part in zip(self.terms, totals, strict=True)
            ]
            return torch.stack([factor * value for (factor, _), value in zip(self.terms, values, strict=True)]).sum()

    def _sums(self, name: str, pixels: Pixels) -> Tensor:
        if name == "dice":
            return dice(pixels)
        if name == "lovasz":
            return lovasz(pixels)
        if name == "focal":
            return focal(pixels, self.focal_gamma)
        if name == "ohem":
            return cross_entropy(pixels, hardest(pixels, self.ohem_threshold, self.ohem_keep), self.label_smoothing)
        if name == "boundary_ce":
            weight = boundary_weights(pixels, self.boundary_width, self.boundary_weight)
            return cross_entropy(pixels, weight, self.label_smoothing)
        class_weights = self.class_weights if name == "weighted_ce" else None
        return cross_entropy(pixels, pixels.kept, self.label_smoothing, class_weights)
