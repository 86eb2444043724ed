"""Turns logits into class, confidence and entropy of every pixel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32Logits, F32Map, U8Mask
from segcore.data.resizing import resize_ids
from segcore.errors import EvaluationError
from segcore.evaluation.postprocess_array import decide_array

if TYPE_CHECKING:
    import torch

Logits: TypeAlias = Union[F32Logits, "torch.Tensor"]

_MEAN_LOGITS_AT_ONCE = 1 << 25  # mean logits computed at a time: 128 MB; most images whole, as a model's own are
LOGITS_AT_ONCE = 1 << 20  # upsampled at a time: 4 MB, in or near the caches; a photo of any size fits in memory


@dataclass(frozen=True, eq=False)
class Prediction:
    """The prediction of a model for an image, at the image's own size.

    Args:
        mask: `[H, W]` uint8 class ids.
        confidence: `[H, W]` float32 softmax probability of the predicted class; NaN where only classes are known.
        entropy: `[H, W]` float32 entropy of the softmax over its maximum log C: 0 is certain, 1 a uniform guess.
    """

    mask: npt.NDArray[np.uint8]
    confidence: F32Map
    entropy: F32Map

    @classmethod
    def empty(cls, height: int, width: int) -> Prediction:
        """A prediction whose pixels are still to be written."""
        confidence, entropy = np.empty((2, height, width), np.float32)
        return cls(np.empty((height, width), np.uint8), confidence, entropy)

    @classmethod
    def of_ids(cls, ids: U8Mask, height: int, width: int) -> Prediction:
        """`[h, w]` class ids without scores, enlarged to (height, width)."""
        unknown = np.full((height, width), np.nan, np.float32)
        return cls(resize_ids(ids, height, width), unknown, unknown)


def as_array(logits: Logits) -> F32Logits:
    """Logits as an array on the CPU."""
    return logits if isinstance(logits, np.ndarray) else logits.cpu().numpy()


def is_finite(logits: Logits) -> bool:
    """Whether no value is NaN or infinite."""
    if isinstance(logits, np.ndarray):
        return bool(np.isfinite(logits).all())
    return bool(logits.isfinite().all())


def decide(logits: Logits, height: int, width: int, temperature: float = 1.0) -> Prediction:
    """Compute class, confidence and entropy of `[height, width]` pixels, some rows at a time.

    The logits are enlarged bilinearly, as `torch.nn.functional.interpolate(..., align_corners=False)` does; rows and
    columns are interpolated one after the other, so that a slab of rows can be computed alone. The softmax follows.

    Args:
        logits: `[C, h, w]` float32, finite; left as it is.
        height: Rows of the prediction.
        width: Columns of the prediction.
        temperature: Divisor of the logits: above 1 makes the softmax less sure; the classes stay the same.

    Raises:
        EvaluationError: when the logits are no such array, or the temperature is not above 0.
    """
    answer = Prediction.empty(height, width)
    decide_into(answer, slice(0, height), [_checked(logits, temperature)], temperature=temperature)
    return answer


def decide_into(
    answer: Prediction,
    rows: slice,
    members: Sequence[Logits],
    *,
    weights: Sequence[float] = (1.0,),
    temperature: float = 1.0,
) -> None:
    """Do what `decide` does for some rows of an image, by one model or by the mean of several models' softmax.

    The softmax is averaged and not the logits, since the logits of two models have no common scale.

    Args:
        answer: The prediction that is written.
        rows: Rows of it that `members` cover from edge to edge.
        members: `[C, h, w]` float32 logits, one a model; each may have its own size.
        weights: Weight of each model; they sum to 1.
        temperature: As for `decide`.

    Raises:
        EvaluationError: as for `decide`.
    """
    mask, confidence, entropy = answer.mask[rows], answer.confidence[rows], answer.entropy[rows]
    height, width = mask.shape
    if len(members) == 1 and isinstance(members[0], np.ndarray):
        _check(members[0], temperature)
        decide_array(members[0], mask, confidence, entropy, temperature, LOGITS_AT_ONCE)
        return
    import torch

    scores = [_checked(logits, temperature) for logits in members]
    classes = scores[0].shape[0]
    step = max(1, LOGITS_AT_ONCE // (classes * width * len(scores)))
    with torch.inference_mode():
        for start in range(0, height, step):
            part = slice(start, start + step)
            slabs = (_slab(logits, part, height, width) for logits in scores)
            best, chosen, undecided = (
                _softmax(next(slabs), temperature) if len(scores) == 1 else _mean_softmax(slabs, weights, temperature)
            )
            confidence[part] = best.cpu().numpy()
            entropy[part] = (undecided / math.log(max(classes, 2))).clamp(0, 1).cpu().numpy()
            mask[part] = chosen.to(torch.uint8).cpu().numpy()


def mean_logits(
    members: Sequence[Logits], height: int, width: int, weights: Sequence[float]
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield logits whose softmax is the mean of the members' softmax, some rows at a time.

    An ensemble can then be counted and calibrated as one model is: its logits are divided by its own temperature.

    Args:
        members: `[C, h, w]` float32 logits, one a model.
        height: Rows that they cover.
        width: Columns that they cover.
        weights: Weight of each model; they sum to 1.

    Yields:
        (rows, `[C, rows, width]` float32).
    """
    import torch

    scores = [_checked(logits, 1.0) for logits in members]
    step = max(1, _MEAN_LOGITS_AT_ONCE // (scores[0].shape[0] * width))
    with torch.inference_mode():
        for start in range(0, height, step):
            part = slice(start, min(start + step, height))
            slabs = (_slab(logits, part, height, width) for logits in scores)
            share = _mean_share(slabs, weights, 1.0)
            yield part, share.clamp_(min=torch.finfo(share.dtype).tiny).log_()


Decided = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]  # [rows, W] confidence, class, entropy in nats


def _softmax(slab: torch.Tensor, temperature: float) -> Decided:
    """Decide `[C, rows, W]` logits of one model, which are overwritten."""
    best, chosen = slab.max(dim=0)
    slab -= best
    if temperature != 1.0:
        slab /= temperature
    share = slab.exp()
    total = share.sum(dim=0)  # the winner's share is exp(0) / total
    undecided = total.log() - slab.mul_(share).sum(dim=0) / total  # -sum p log p
    return total.reciprocal(), chosen, undecided


def _mean_softmax(slabs: Iterable[torch.Tensor], weights: Sequence[float], temperature: float) -> Decided:
    """Decide the `[C, rows, W]` logits of several models."""
    import torch

    share = _mean_share(slabs, weights, temperature)
    best, chosen = share.max(dim=0)
    return best, chosen, torch.special.entr(share).sum(dim=0)


def _mean_share(slabs: Iterable[torch.Tensor], weights: Sequence[float], temperature: float) -> torch.Tensor:
    """The weighted mean `[C, rows, W]` of the models' softmax."""
    import torch

    share = sum(weight * (slab / temperature).softmax(dim=0) for slab, weight in zip(slabs, weights, strict=True))
    assert isinstance(share, torch.Tensor)
    return share


def _slab(logits: torch.Tensor, part: slice, height: int, width: int) -> torch.Tensor:
    """Rows `part` of the logits upsampled to `[C, height, width]`, as a tensor of its own."""
    import torch
    from torch.nn.functional import interpolate

    rows = logits.shape[1]
    if logits.shape[1:] == (height, width):
        return logits[:, part].clone()
    # Centre of each row to be made, in rows of the logits.
    centers = ((torch.arange(height, device=logits.device)[part] + 0.5) * (rows / height) - 0.5).clamp(0, rows - 1)
    above = centers.floor().long()
    below = (above + 1).clamp(max=rows - 1)
    slab = torch.lerp(logits[:, above], logits[:, below], (centers - above)[:, None])
    return interpolate(slab[None], size=(slab.shape[1], width), mode="bilinear", align_corners=False)[0]


def _check(logits: Logits, temperature: float) -> None:
    kind = str(logits.dtype).removeprefix("torch.")
    if logits.ndim != 3 or kind != "float32" or 0 in logits.shape:
        raise EvaluationError(f"Can't decide on logits of {kind} {list(logits.shape)}; expected float32 [C, h, w].")
    if not (math.isfinite(temperature) and temperature > 0):
        raise EvaluationError(f"A temperature of {temperature:g}; expected a number above 0, such as 1.")


def _checked(logits: Logits, temperature: float) -> torch.Tensor:
    import torch

    _check(logits, temperature)
    if isinstance(logits, torch.Tensor):
        return logits
    # torch warns of an array that it could not write to, so such a one is copied.
    return torch.from_numpy(np.require(logits, requirements="W"))
