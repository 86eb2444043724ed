"""The training loss: a weighted sum of losses by name, the same for any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from segcore.training.losses.batch_statistics import Pixels
from segcore.training.losses.terms import LossOptions
from segcore.training.losses.user_loss import term


class SegmentationLoss(nn.Module):
    """A weighted sum of losses over logits `[N, C, H, W]` and ids `[N, H, W]`; they share one softmax.

    When several processes each hold a part of a batch, each loss is that of the whole batch: sums are added over the
    processes before they are divided. The exception is `ohem`: each process chooses the hardest of its own pixels.

    Args:
        terms: (factor, name) pairs from `parse_loss`.
        class_weights: `[C]` float32 for `weighted_ce`; None weights every class 1.
        total: Sums a vector over the processes and lets gradients through (as `torch.distributed.nn.functional`'s
            all_reduce). Called once in each forward pass in training mode, whatever the data, and never in `eval()`,
            because processes validate different batches.
        options: The other settings, fields of `LossOptions`.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        terms: Sequence[tuple[float, str]],
        *,
        class_weights: Tensor | None = None,
        total: Callable[[Tensor], Tensor] = lambda sums: sums,
        **options: Any,  # noqa: ANN401 - fields of LossOptions
    ) -> None:
        super().__init__()
        self.terms, self.total, self.options = tuple(terms), total, LossOptions(**options)
        self._computed = [term(name) for _, name in self.terms]
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Scalar loss; 0 with a zero gradient when every pixel is ignored.

        Args:
            logits: `[N, C, H, W]` of any float type; computed in float32, or in float64 for float64 logits.
            target: `[N, H, W]` int64 ids; 255 is ignored.
        """
        options = replace(self.options, class_weights=self.class_weights)
        # Autocast would compute the sums of dice in bf16.
        with torch.autocast(logits.device.type, enabled=False):
            pixels = Pixels(logits, target)
            sums = [term.sums(pixels, options) for term in self._computed]
            together = self.total(torch.cat(sums)) if self.training else torch.cat(sums)
            totals = together.split([len(part) for part in sums])
            values = [term.value(part) for term, part in zip(self._computed, totals, strict=True)]
            return torch.stack([factor * value for (factor, _), value in zip(self.terms, values, strict=True)]).sum()
