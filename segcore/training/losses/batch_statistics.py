"""What the losses read of a batch, each thing computed once and only when a loss asks for it."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from segcore.labels import IGNORE_INDEX

# In channels_last a pixel's classes lie side by side. torch's softmax along them is quick from the width of a vector
# register on, and several times slower below it than along planes, a copy into planes included.
_ROW = 16


class Pixels:
    """The P = H * W pixels of each of N images.

    Args:
        logits: `[N, C, H, W]` of any float type, in any memory layout.
        target: `[N, H, W]` int64 ids; 255 is ignored.
    """

    def __init__(self, logits: Tensor, target: Tensor) -> None:
        self.logits, self.target = logits, target

    @cached_property
    def kept(self) -> Tensor:
        """`[N, P]` bool: not ignored."""
        return self.target.flatten(1) != IGNORE_INDEX

    @cached_property
    def ids(self) -> Tensor:
        """`[N, P]` int64; 0 where ignored, so that they can index."""
        return self.target.flatten(1).where(self.kept, 0)

    @cached_property
    def log_probabilities(self) -> Tensor:
        """`[N, C, P]` float32 (float64 of float64 logits): contiguous, or a transposed view of `[N, P, C]`."""
        logits = self.logits.flatten(2)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        if logits.stride(1) == 1 and logits.shape[1] >= _ROW:
            return logits.transpose(1, 2).log_softmax(2, dtype=dtype).transpose(1, 2)
        return logits.contiguous().log_softmax(1, dtype=dtype)

    @cached_property
    def truth(self) -> Tensor:
        """`[N, P]`: log-probability of the true class; of class 0 where ignored."""
        return self.log_probabilities.gather(1, self.ids[:, None])[:, 0]
