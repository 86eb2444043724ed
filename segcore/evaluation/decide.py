"""From logits to an answer for every pixel: class, confidence and entropy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError

if TYPE_CHECKING:
    import torch

F32Map = npt.NDArray[np.float32]  # [H, W]
F32Logits = npt.NDArray[np.float32]  # [C, h, w]

_CHUNK = 1 << 21  # logits upsampled at a time: 8 MB, near the caches, and a photo of any size fits in memory


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of an image, at the image's own size.

    Args:
        mask: `[H, W]` uint8 class ids.
        confidence: `[H, W]` float32 softmax probability of the predicted class.
        entropy: `[H, W]` float32 entropy of the softmax over its maximum log C: 0 is certain, 1 a uniform guess.
    """

    mask: npt.NDArray[np.uint8]
    confidence: F32Map
    entropy: F32Map


def decide(logits: F32Logits | torch.Tensor, height: int, width: int, temperature: float = 1.0) -> Prediction:
    """Class, confidence and entropy of `[height, width]` pixels, some rows at a time.

    Bilinear as `torch.nn.functional.interpolate(..., align_corners=False)`; rows and columns are interpolated one
    after the other, so that a slab of rows can be had by itself. The softmax follows.

    Args:
        logits: `[C, h, w]` float32, finite; left as it is.
        height: Rows of the answer.
        width: Columns of the answer.
        temperature: What logits are divided by: above 1 makes the softmax less sure; the classes stay the same.

    Raises:
        EvaluationError: when the logits are no such array, or the temperature is not above 0.
    """
    import torch
    from torch.nn.functional import interpolate

    _check(logits, temperature)
    # torch warns of an array that it could not write to, so such a one is copied.
    scores = logits if isinstance(logits, torch.Tensor) else torch.from_numpy(np.require(logits, requirements="W"))
    classes, rows, _ = scores.shape
    mask = np.empty((height, width), np.uint8)
    confidence, entropy = np.empty((2, height, width), np.float32)
    with torch.inference_mode():
        # Centre of each row to be made, in rows of the logits.
        centers = ((torch.arange(height, device=scores.device) + 0.5) * (rows / height) - 0.5).clamp(0, rows - 1)
        above = centers.floor().long()
        below = (above + 1).clamp(max=rows - 1)
        weight = (centers - above)[:, None]
        step = max(1, _CHUNK // (classes * width))
        for start in range(0, height, step):
            part = slice(start, start + step)
            slab = torch.lerp(scores[:, above[part]], scores[:, below[part]], weight[part])
            slab = interpolate(slab[None], size=(slab.shape[1], width), mode="bilinear", align_corners=False)[0]
            best, chosen = slab.max(dim=0)
            slab -= best
            if temperature != 1.0:
                slab /= temperature
            share = slab.exp()
            total = share.sum(dim=0)  # the winner's share is exp(0) / total
            undecided = total.log() - (share * slab).sum(dim=0) / total  # -sum p log p
            confidence[part] = total.reciprocal().cpu().numpy()
            entropy[part] = (undecided / math.log(max(classes, 2))).clamp(0, 1).cpu().numpy()
            mask[part] = chosen.to(torch.uint8).cpu().numpy()
    return Prediction(mask, confidence, entropy)


def _check(logits: F32Logits | torch.Tensor, temperature: float) -> None:
    kind = str(logits.dtype).removeprefix("torch.")
    if logits.ndim != 3 or kind != "float32" or 0 in logits.shape:
        raise EvaluationError(f"Can't decide on logits of {kind} {list(logits.shape)}; expected float32 [C, h, w].")
    if not (math.isfinite(temperature) and temperature > 0):
        raise EvaluationError(f"A temperature of {temperature:g}; expected a number above 0, such as 1.")
