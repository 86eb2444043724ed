"""Losses over `[N, C, H, W]` logits and `[N, H, W]` ids, all with an ignore index, sharing one softmax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from segcore.labels import IGNORE_INDEX


class SegmentationLoss(nn.Module):
    """A weighted sum of losses.

    Args:
        terms: (factor, name) from `parse_loss`.
        class_weights: `[C]` float32 for `weighted_ce`.
        label_smoothing: For both cross entropies.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        terms: Sequence[tuple[float, str]],
        *,
        class_weights: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.terms = tuple(terms)
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scalar float32 loss; 0 with a zero gradient when every pixel is ignored.

        Args:
            logits: `[N, C, H, W]` of any float type; computed in float32.
            target: `[N, H, W]` int64 ids; 255 is ignored.
        """
        # Pixels as rows: free in channels_last, and softmax, gather and argmax then run over adjacent memory.
        rows = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1]).float()
        ids = target.reshape(-1)
        kept = ids != IGNORE_INDEX
        if not bool(kept.any()):
            return rows.sum() * 0.0
        log_probabilities = functional.log_softmax(rows, dim=1)
        total = rows.new_zeros(())
        for factor, name in self.terms:
            total = total + factor * self._term(name, log_probabilities, ids, kept)
        return total

    def _term(self, name: str, log_probabilities: Tensor, ids: Tensor, kept: Tensor) -> Tensor:
        if name == "dice":
            return dice_loss(log_probabilities, ids, kept)
        weights = self.class_weights if name == "weighted_ce" else None
        # Softmax of log-probabilities is itself, so cross_entropy takes them as logits where it must smooth.
        if self.label_smoothing:
            return functional.cross_entropy(
                log_probabilities, ids, weights, ignore_index=IGNORE_INDEX, label_smoothing=self.label_smoothing
            )
        return functional.nll_loss(log_probabilities, ids, weights, ignore_index=IGNORE_INDEX)


def dice_loss(log_probabilities: Tensor, ids: Tensor, kept: Tensor) -> Tensor:
    """1 - Dice with probabilities for the prediction, over the batch, averaged over the classes present in it.

    V-Net (Milletari et al. 2016), without the squares. Sums by class instead of a one-hot mask: at 32 classes that
    is the difference between reading the logits once and three times.

    Args:
        log_probabilities: `[P, C]` float32.
        ids: `[P]` int64; 255 where not `kept`.
        kept: `[P]` bool, pixels that count.
    """
    classes = log_probabilities.shape[1]
    probabilities = log_probabilities.exp()
    weight = kept.to(probabilities.dtype)
    safe = ids.where(kept, 0)
    of_truth = probabilities.gather(1, safe[:, None])[:, 0] * weight
    overlap = probabilities.new_zeros(classes).index_add(0, safe, of_truth)
    predicted = weight @ probabilities
    true = torch.bincount(safe, weight, minlength=classes).to(probabilities.dtype)
    present = true > 0
    dice = 2 * overlap[present] / (predicted[present] + true[present])
    return 1 - dice.mean()


def median_frequency_weights(pixels: npt.NDArray[np.int64], *, limit: float) -> npt.NDArray[np.float32]:
    """Class weights `median(f) / f_c`, with f_c the share of class c in the images that show it.

    Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels ..." (2015).

    Args:
        pixels: `[N, C]` scored pixels of each class in each training image.
        limit: Weights are kept within 1 / limit and limit: a class of a few pixels would take over.

    Returns:
        `[C]` float32; 1 for classes that no image shows.
    """
    shown = (pixels > 0) * pixels.sum(axis=1, keepdims=True)
    total, seen = shown.sum(axis=0), pixels.sum(axis=0)
    weights = np.ones(pixels.shape[1])
    present = seen > 0
    frequency = seen[present] / total[present]
    weights[present] = np.clip(np.median(frequency) / frequency, 1 / limit, limit) if present.any() else 1.0
    return weights.astype(np.float32)
