"""Values of a batch that several losses use, each computed once and only when needed."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from segcore.labels import IGNORE_INDEX

# In channels_last layout, the classes of a pixel are next to each other. With at least a vector register's width of
# classes, torch's softmax over them is fast. With fewer it is several times slower than copying into planes first.
_MIN_CLASSES = 16


class Pixels:
    """The P = H * W pixels of each of N images, with the values that the losses share.

    Args:
        logits: `[N, C, H, W]` of any float type, in any memory layout.
        target: `[N, H, W]` int64 ids; 255 is ignored.
    """

    def __init__(self, logits: Tensor, target: Tensor) -> None:
        self.logits, self.target = logits, target

    @cached_property
    def kept(self) -> Tensor:
        """`[N, P]` bool: whether a pixel is scored, not ignored."""
        return self.target.flatten(1) != IGNORE_INDEX

    @cached_property
    def ids(self) -> Tensor:
        """`[N, P]` int64 class ids; 0 where ignored, so that they can be used as indices."""
        return self.target.flatten(1).where(self.kept, 0)

    @cached_property
    def log_probabilities(self) -> Tensor:
        """`[N, C, P]` float32 (float64 for float64 logits): contiguous, or a transposed view of `[N, P, C]`."""
        logits = self.logits.flatten(2)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        if logits.stride(1) == 1 and logits.shape[1] >= _MIN_CLASSES:
            return logits.transpose(1, 2).log_softmax(2, dtype=dtype).transpose(1, 2)
        return logits.contiguous().log_softmax(1, dtype=dtype)

    @cached_property
    def truth(self) -> Tensor:
        """`[N, P]` log-probability of the true class; of class 0 where ignored."""
        return self.log_probabilities.gather(1, self.ids[:, None])[:, 0]
