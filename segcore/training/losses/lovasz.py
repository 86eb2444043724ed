"""Lovasz-Softmax without sorting: errors are counted in bins, and a table gives the slope of each bin."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from segcore.training.losses.batch_statistics import Pixels

_BINS = 4096  # per class; tables of 32 classes fit the second-level cache of a core


def lovasz(pixels: Pixels) -> Tensor:
    """`[2]`: Lovasz-Softmax summed over the images, and the number of images with a scored pixel.

    Berman et al., "The Lovasz-Softmax Loss: A Tractable Surrogate for the Optimization of the Intersection-over-Union
    Measure in Neural Networks" (2018). An image's loss is the mean, over the classes present in its ground truth, of
    the Lovasz extension of 1 - IoU at the errors e: 1 - p on the class, p off it.

    The extension is the largest of all sums of slope * e, a slope being what a pixel adds to 1 - IoU when pixels turn
    wrong one after another; the largest is found by sorting pixels by error. Here they are sorted into equal bins
    only, and within a bin the slopes are the mean of two orders, the class's own pixels first and last, which have
    closed forms. As such sums are never above the largest, and differ from it by no more than the width of a bin,
    this is below the sorted loss by 0 to 1 / 4095 (0 to 3e-4 with the rounding of bins, up to 255 classes); the
    gradient is exact for what is returned. No sort, one read of the probabilities, one lookup a pixel and class.
    """
    sums = cast(Tensor, _Lovasz.apply(pixels.log_probabilities, pixels.truth.detach(), pixels.ids, pixels.kept))
    return torch.stack([sums, pixels.kept.any(dim=1).sum().to(sums.dtype)])


class _Lovasz(torch.autograd.Function):
    """The loss summed over images; the forward pass also computes its gradient, which `backward` uses."""

    @staticmethod
    def forward(ctx: Any, log_probabilities: Tensor, truth: Tensor, ids: Tensor, kept: Tensor) -> Tensor:  # noqa: ANN401
        gradient = torch.empty_like(log_probabilities)
        total = log_probabilities.new_zeros(())
        # A pixel whose probability is NaN is in no bin, but still makes the sum NaN.
        countable = kept & ~truth.isnan()
        for image, image_ids, image_kept, out in zip(log_probabilities, ids, countable, gradient, strict=True):
            probabilities = image.exp()
            total += _slopes(probabilities, image_ids, image_kept, out)
            total += out.mul_(probabilities).sum()  # slope * p, the derivative by the logarithm of p too
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        (gradient,) = ctx.saved_tensors
        return gradient * upstream, None, None, None


def _slopes(probabilities: Tensor, ids: Tensor, kept: Tensor, out: Tensor) -> Tensor:
    """Write the derivative of an image's loss by each probability; the loss is their product, and the scalar returned.

    Args:
        probabilities: `[C, P]`, or a transposed view of `[P, C]`.
        ids: `[P]`, 0 where not kept.
        kept: `[P]` bool.
        out: Like `probabilities`.
    """
    classes = len(probabilities)
    along = 0 if probabilities.is_contiguous() else 1  # the dimension of classes, in the order of memory
    if along:
        probabilities, out = probabilities.t(), out.t()
    ids, ignored = ids.unsqueeze(along), ~kept.unsqueeze(along)
    nowhere = classes * _BINS  # a bin for ignored pixels, after those of all classes
    first = torch.arange(0, nowhere, _BINS, device=ids.device, dtype=probabilities.dtype)
    bins = _bins(first.unsqueeze(1 - along), probabilities).masked_fill_(ignored, nowhere)
    own_error = 1 - probabilities.gather(along, ids)
    own_bins = _bins(first[ids], own_error).masked_fill_(ignored, nowhere).reshape(-1)

    own = _count(own_bins, classes)
    others = _count(bins.reshape(-1), classes) - _count(bins.gather(along, ids).reshape(-1), classes)
    present = own.sum(dim=1, keepdim=True) > 0
    own_slopes, others_slopes = (
        torch.cat([(slopes * present / present.sum().clamp(min=1)).reshape(-1), slopes.new_zeros(1)])
        for slopes in _table(own, others, probabilities.dtype)
    )
    torch.index_select(others_slopes, 0, bins.reshape(-1), out=out.view(-1))
    of_truth = own_slopes.index_select(0, own_bins)
    out.scatter_(along, ids, -of_truth.unsqueeze(along))  # 1 - p falls as p rises
    return of_truth.sum()


def _bins(first: Tensor, errors: Tensor) -> Tensor:
    """int32 bins of errors in 0..1, counted on from `first`."""
    return torch.add(first, errors, alpha=_BINS - 1).to(torch.int32)


def _count(bins: Tensor, classes: int) -> Tensor:
    """`[C, bins]` int64 pixels in each bin."""
    return torch.bincount(bins, minlength=classes * _BINS + 1)[:-1].view(classes, _BINS)


def _table(own: Tensor, others: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Slopes `[C, bins]` of the class's own pixels and of the others, by bin.

    With G pixels of the class, of which F are in higher bins, and B others in higher bins, 1 - IoU is
    1 - (G - F) / (G + B). One more own pixel adds 1 / (G + B). The b others of this bin turn G + B into G + B + b,
    and add (G - F) * b / ((G + B) * (G + B + b)) together.
    """
    size = own.sum(dim=1, keepdim=True)
    own_left = own.cumsum(dim=1)  # G - F: in this bin and below
    above = others.sum(dim=1, keepdim=True) - others.cumsum(dim=1)
    before = (size + above).clamp(min=1).to(dtype)
    after = (size + above + others).clamp(min=1).to(dtype)
    remaining = own_left.to(dtype) - own.to(dtype) / 2
    return (1 / before + 1 / after) / 2, remaining / (before * after)
