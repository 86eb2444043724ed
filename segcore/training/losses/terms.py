"""The losses themselves, each as sums over the pixels of a batch.

A loss that is a mean is given as `[2]`, numerator and denominator, so that both can be summed over processes first.
Ignored pixels count in neither.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from segcore.labels import IGNORE_INDEX
from segcore.training.losses.batch_statistics import Pixels


def mean(sums: Tensor) -> Tensor:
    """Numerator / denominator; 0, with a zero gradient, where nothing was counted."""
    numerator, denominator = sums.unbind()
    return numerator / denominator.where(denominator > 0, 1.0)


def cross_entropy(pixels: Pixels, weight: Tensor, smoothing: float, class_weights: Tensor | None = None) -> Tensor:
    """`[2]`: weighted cross entropy, and the sum of weights.

    Label smoothing (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016) and class
    weights mean what they mean in torch's `cross_entropy`.

    Args:
        pixels: The batch.
        weight: `[N, P]` of each pixel, or bool: which ones count. 0 where ignored.
        smoothing: Probability spread evenly over all classes.
        class_weights: `[C]` or None.
    """
    loss = -pixels.truth
    weight = weight.to(loss.dtype)
    if class_weights is not None:
        class_weights = class_weights.to(loss.dtype)
        of_truth = class_weights[pixels.ids]
        loss = loss * of_truth
    if smoothing:
        log_probabilities = pixels.log_probabilities
        if class_weights is not None:
            log_probabilities = log_probabilities * class_weights[:, None]
        loss = (1 - smoothing) * loss - smoothing * log_probabilities.mean(dim=1)
    total = weight if class_weights is None else weight * of_truth
    return torch.stack([(loss * weight).where(weight > 0, 0.0).sum(), total.sum()])


def focal(pixels: Pixels, gamma: float) -> Tensor:
    """`[2]`: (1 - p) ** gamma times the cross entropy, and the pixels; p is the probability of the truth.

    Lin et al., "Focal Loss for Dense Object Detection" (2017), without its alpha.
    """
    # Away from 0, where the power has no slope for gamma < 1.
    doubt = (-torch.expm1(pixels.truth)).clamp(min=torch.finfo(pixels.truth.dtype).eps)
    loss = -(doubt**gamma) * pixels.truth
    return torch.stack([loss.where(pixels.kept, 0.0).sum(), pixels.kept.sum().to(loss.dtype)])


def dice(pixels: Pixels) -> Tensor:
    """`[3 * C]`: overlap of prediction and truth, predicted and true pixels by class; see `dice_value`."""
    classes, dtype = pixels.log_probabilities.shape[1], pixels.log_probabilities.dtype
    kept = pixels.kept.to(dtype)
    overlap = (pixels.truth.exp() * kept).reshape(-1)
    overlaps = overlap.new_zeros(classes).index_add(0, pixels.ids.reshape(-1), overlap)
    predicted = cast(Tensor, _Predicted.apply(pixels.log_probabilities, kept))
    true = torch.bincount(pixels.ids.where(pixels.kept, classes).reshape(-1), minlength=classes + 1)[:classes]
    return torch.cat([overlaps, predicted, true.to(dtype)])


class _Predicted(torch.autograd.Function):
    """`[C]` sums of probabilities over the kept pixels.

    Probabilities are made anew image by image, forward and backward: they stay in the cache, and no batch of them is
    kept.
    """

    @staticmethod
    def forward(ctx: Any, log_probabilities: Tensor, kept: Tensor) -> Tensor:  # noqa: ANN401 - torch's context
        ctx.save_for_backward(log_probabilities, kept)
        return torch.stack([image.exp() @ ones for image, ones in zip(log_probabilities, kept, strict=True)]).sum(dim=0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        log_probabilities, kept = ctx.saved_tensors
        result = torch.empty_like(log_probabilities)
        for image, ones, out in zip(log_probabilities, kept, result, strict=True):
            torch.exp(image, out=out)
            out.mul_(gradient[:, None]).mul_(ones)
        return result, None


def dice_value(sums: Tensor) -> Tensor:
    """1 - Dice over the batch, with probabilities for the prediction, averaged over the classes present in it.

    V-Net (Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation",
    2016), without the squares.
    """
    overlap, predicted, true = sums.view(3, -1)
    present = true > 0
    losses = 1 - 2 * overlap / (predicted + true).where(present, 1.0)
    return losses.where(present, 0.0).sum() / present.sum().clamp(min=1)


def hardest(pixels: Pixels, threshold: float, share: float) -> Tensor:
    """`[N, P]` bool: pixels whose truth has a probability below `threshold`, but at least a share of the scored ones.

    Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example Mining" (2016), by pixel.
    Equally hard pixels at the edge of the share all count.
    """
    truth = pixels.truth.detach()
    # "Not easier than" and not "harder than": what is no number must be counted, or nobody would learn of it.
    hard = pixels.kept & ~(truth >= math.log(threshold))
    wanted = math.ceil(share * int(pixels.kept.sum()))
    if int(hard.sum()) < wanted:
        limit = truth[pixels.kept].topk(wanted, largest=False, sorted=False).values.max()
        hard = pixels.kept & ~(truth > limit)
    return hard


def boundary_weights(pixels: Pixels, width: int, weight: float) -> Tensor:
    """`[N, P]` float32: `weight` within `width` pixels of a class boundary of the ground truth, 1 elsewhere, 0 ignored.

    After the weight map of U-Net (Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", 2015), with a step in place of the Gaussian.
    """
    near = near_boundary(pixels.target, width).flatten(1)
    return (1 + (weight - 1) * near).where(pixels.kept, 0.0)


def near_boundary(target: Tensor, width: int) -> Tensor:
    """`[N, H, W]` bool: pixels at most `width` away, also diagonally, from a boundary between two scored classes.

    A boundary runs between neighbours in a row or a column; the two pixels beside it are 1 away. Ignored pixels have
    none.
    """
    ids = target.to(torch.uint8)
    near = torch.zeros_like(ids, dtype=torch.bool)
    for along in (1, 2):
        before, after = _apart(ids, along, 1)
        differ = (before != after) & (before != IGNORE_INDEX) & (after != IGNORE_INDEX)
        for side in _apart(near, along, 1):
            side |= differ
    return _grow(_grow(near, width - 1, along=1), width - 1, along=2)


def _grow(near: Tensor, reach: int, along: int) -> Tensor:
    """`[N, H, W]` bool: whether any pixel within `reach` along a dimension is near.

    Windows are doubled, which takes fewer passes than max-pooling, and of one byte a pixel.
    """
    found = functional.pad(near, (reach, reach) if along == 2 else (0, 0, reach, reach))
    length = 1  # of the window that begins at each pixel
    while length < 2 * reach + 1:
        step = min(length, 2 * reach + 1 - length)
        before, after = _apart(found, along, step)
        found, length = before | after, length + step
    return found


def _apart(values: Tensor, along: int, step: int) -> tuple[Tensor, Tensor]:
    """All pixels with another one `step` after them, and those others, in the same order; views."""
    count = values.shape[along] - step
    return values.narrow(along, 0, count), values.narrow(along, step, count)
