"""The losses, each computed as sums over the pixels of a batch and a value of these sums.

To add a loss, name and describe it in `segcore.training.registry.LOSSES`, and add its `Term` to `TERMS` here.

A loss that is a mean has two sums `[2]`, numerator and denominator, so that both can be summed over processes before
the division. Ignored pixels count in neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from segcore.labels import IGNORE_INDEX
from segcore.training.losses.batch_statistics import Pixels
from segcore.training.losses.lovasz import lovasz


@dataclass(frozen=True)
class LossOptions:
    """The settings of the losses, which share the names of `TrainConfig`.

    Args:
        class_weights: `[C]` float32 for `weighted_ce`; None weights every class 1.
        label_smoothing: Probability spread over all classes, in every cross entropy except `focal`.
        focal_gamma: Exponent of `focal`.
        ohem_threshold: `ohem` learns from pixels whose true class has a lower probability.
        ohem_keep: `ohem` learns at least from this share of the scored pixels.
        boundary_width: Pixels on each side of a boundary in `boundary_ce`.
        boundary_weight: Weight of these pixels.
    """

    class_weights: Tensor | None = None
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    ohem_threshold: float = 0.7
    ohem_keep: float = 0.0625
    boundary_width: int = 3
    boundary_weight: float = 4.0


def mean(sums: Tensor) -> Tensor:
    """Numerator / denominator; 0 with a zero gradient when the denominator is 0."""
    numerator, denominator = sums.unbind()
    return numerator / denominator.where(denominator > 0, 1.0)


def cross_entropy(pixels: Pixels, weight: Tensor, smoothing: float, class_weights: Tensor | None = None) -> Tensor:
    """`[2]`: weighted cross entropy and the sum of weights.

    Label smoothing (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016) and class
    weights have the same meaning as in torch's `cross_entropy`.

    Args:
        pixels: The batch.
        weight: `[N, P]` weight of each pixel, or bool: whether it counts. 0 where ignored.
        smoothing: Probability spread evenly over all classes.
        class_weights: `[C]`, or None for equal weights.
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
    """`[2]`: (1 - p) ** gamma times the cross entropy, and the pixels; p is the probability of the true class.

    Lin et al., "Focal Loss for Dense Object Detection" (2017), without its alpha.
    """
    # Kept above 0, where the power has an infinite slope for gamma < 1.
    error = (-torch.expm1(pixels.truth)).clamp(min=torch.finfo(pixels.truth.dtype).eps)
    loss = -(error**gamma) * pixels.truth
    return torch.stack([loss.where(pixels.kept, 0.0).sum(), pixels.kept.sum().to(loss.dtype)])


def dice(pixels: Pixels) -> Tensor:
    """`[3 * C]` sums for `dice_value`: overlap of prediction and truth, predicted and true pixels by class."""
    classes, dtype = pixels.log_probabilities.shape[1], pixels.log_probabilities.dtype
    kept = pixels.kept.to(dtype)
    overlap = (pixels.truth.exp() * kept).reshape(-1)
    overlaps = overlap.new_zeros(classes).index_add(0, pixels.ids.reshape(-1), overlap)
    predicted = cast(Tensor, _Predicted.apply(pixels.log_probabilities, kept))
    true = torch.bincount(pixels.ids.where(pixels.kept, classes).reshape(-1), minlength=classes + 1)[:classes]
    return torch.cat([overlaps, predicted, true.to(dtype)])


class _Predicted(torch.autograd.Function):
    """`[C]` sums of probabilities over the kept pixels.

    Probabilities are computed again for each image, forward and backward, so that they fit the processor's cache and no
    batch of them is kept in memory.
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
    """1 - Dice of the predicted probabilities over the batch, averaged over the classes present in it.

    V-Net (Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation",
    2016), without the squares.
    """
    overlap, predicted, true = sums.view(3, -1)
    present = true > 0
    losses = 1 - 2 * overlap / (predicted + true).where(present, 1.0)
    return losses.where(present, 0.0).sum() / present.sum().clamp(min=1)


def hardest(pixels: Pixels, threshold: float, share: float) -> Tensor:
    """`[N, P]` bool: pixels whose true class is less probable than `threshold`, and at least a share of the scored.

    Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example Mining" (2016), by pixel.
    When pixels at the limit of the share are equally hard, all of them count.
    """
    truth = pixels.truth.detach()
    # Written as "not easier than", so that a NaN counts as hard and reaches the loss, where it is noticed.
    hard = pixels.kept & ~(truth >= math.log(threshold))
    wanted = math.ceil(share * int(pixels.kept.sum()))
    if int(hard.sum()) < wanted:
        limit = truth[pixels.kept].topk(wanted, largest=False, sorted=False).values.max()
        hard = pixels.kept & ~(truth > limit)
    return hard


def boundary_weights(pixels: Pixels, width: int, weight: float) -> Tensor:
    """`[N, P]` float32: `weight` within `width` pixels of a class boundary of the ground truth, 1 elsewhere, 0 ignored.

    Similar to the weight map of U-Net (Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", 2015), with a step instead of the Gaussian.
    """
    near = near_boundary(pixels.target, width).flatten(1)
    return (1 + (weight - 1) * near).where(pixels.kept, 0.0)


def near_boundary(target: Tensor, width: int) -> Tensor:
    """`[N, H, W]` bool: pixels at most `width` away, also diagonally, from a boundary between two scored classes.

    A boundary lies between two neighbours in a row or a column; both pixels beside it are 1 away. Ignored pixels have
    no boundary.
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

    Doubling the windows takes fewer passes than max-pooling, and one byte per pixel.
    """
    grown = functional.pad(near, (reach, reach) if along == 2 else (0, 0, reach, reach))
    length = 1  # of the window that begins at each pixel
    while length < 2 * reach + 1:
        step = min(length, 2 * reach + 1 - length)
        before, after = _apart(grown, along, step)
        grown, length = before | after, length + step
    return grown


def _apart(values: Tensor, along: int, step: int) -> tuple[Tensor, Tensor]:
    """Views of all pixels that have another one `step` after them, and of those others, in the same order."""
    count = values.shape[along] - step
    return values.narrow(along, 0, count), values.narrow(along, step, count)


@dataclass(frozen=True)
class Term:
    """How one loss is computed.

    Args:
        sums: Returns the sums of a batch, a vector; each process has its own, and they are added up.
        value: Returns the loss from the added sums.
    """

    sums: Callable[[Pixels, LossOptions], Tensor]
    value: Callable[[Tensor], Tensor] = mean


def _weighted_ce(pixels: Pixels, options: LossOptions) -> Tensor:
    return cross_entropy(pixels, pixels.kept, options.label_smoothing, options.class_weights)


def _ohem(pixels: Pixels, options: LossOptions) -> Tensor:
    return cross_entropy(pixels, hardest(pixels, options.ohem_threshold, options.ohem_keep), options.label_smoothing)


def _boundary_ce(pixels: Pixels, options: LossOptions) -> Tensor:
    weights = boundary_weights(pixels, options.boundary_width, options.boundary_weight)
    return cross_entropy(pixels, weights, options.label_smoothing)


TERMS: dict[str, Term] = {
    "ce": Term(lambda pixels, options: cross_entropy(pixels, pixels.kept, options.label_smoothing)),
    "weighted_ce": Term(_weighted_ce),
    "dice": Term(lambda pixels, _: dice(pixels), dice_value),
    "focal": Term(lambda pixels, options: focal(pixels, options.focal_gamma)),
    "lovasz": Term(lambda pixels, _: lovasz(pixels)),
    "ohem": Term(_ohem),
    "boundary_ce": Term(_boundary_ce),
}
