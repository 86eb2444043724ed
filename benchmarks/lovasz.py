"""Lovasz-Softmax forward and backward: Segcore's bins against smp's sort, both in this run, and plain cross entropy.

Both are also held against the sorted loss in float64. Run: python benchmarks/lovasz.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

from segcore.training.openmp import SPIN

os.environ.setdefault(*SPIN)

import torch
from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor
from torch.nn import CrossEntropyLoss, functional

from segcore.training.losses import SegmentationLoss

SIZES = ((8, 11, 360, 480), (8, 32, 256, 256))
PATCH = 24  # pixels; ground truth is patches of one class, as real masks are
VOID = 0.1  # share of the rows

Loss = Callable[[Tensor, Tensor], Tensor]


def batch(shape: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Logits of a half-trained model, right more often than not, and ids with void."""
    images, classes, height, width = shape
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, classes, (images, 1, -(-height // PATCH), -(-width // PATCH)), generator=generator)
    target = functional.interpolate(coarse.float(), (height, width), mode="nearest-exact")[:, 0].long()
    logits = 2 * torch.randn(shape, generator=generator)
    logits.scatter_add_(1, target[:, None], torch.full((images, 1, height, width), 3.0))
    target[:, : int(VOID * height)] = 255
    return logits, target


def in_float64(logits: Tensor, target: Tensor) -> float:
    """The loss by its definition, errors sorted; smp's code takes no float64."""
    images = []
    for probabilities, ids in zip(logits.double().softmax(1), target, strict=True):
        kept = ids != 255
        probabilities, ids = probabilities[:, kept], ids[kept]
        classes = []
        for number in ids.unique():
            own = (ids == number).double()
            errors, order = (own - probabilities[number]).abs().sort(descending=True)
            own = own[order]
            loss = 1 - (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))  # 1 - IoU, ever more wrong
            classes.append((errors * loss.diff(prepend=loss.new_zeros(1))).sum())
        images.append(torch.stack(classes).mean())
    return torch.stack(images).mean().item()


def milliseconds(
    losses: dict[str, Loss], logits: Tensor, target: Tensor, repeats: int
) -> dict[str, tuple[float, float]]:
    """Each loss's (median time of forward and backward after a warm-up, value).

    They take turns, so that a busy machine slows them alike.
    """
    logits = logits.detach().requires_grad_()
    times: dict[str, list[float]] = {name: [] for name in losses}
    values: dict[str, float] = {}
    for _ in range(1 + repeats):
        for name, loss in losses.items():
            logits.grad = None
            start = time.perf_counter()
            value = loss(logits, target)
            value.backward()
            times[name].append(time.perf_counter() - start)
            values[name] = value.item()
    return {name: (1000 * median(times[name][1:]), values[name]) for name in losses}


def main() -> None:
    """One table a size and memory layout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="timed calls of each")
    repeats = parser.parse_args().repeats
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}")
    losses: dict[str, Loss] = {
        "segcore": SegmentationLoss(((1.0, "lovasz"),)),
        "smp": LovaszLoss("multiclass", ignore_index=255),
        "smp, per_image=True": LovaszLoss("multiclass", per_image=True, ignore_index=255),  # what ours is
        "plain cross entropy, for scale": CrossEntropyLoss(ignore_index=255),
    }
    for shape in SIZES:
        logits, target = batch(shape)
        exact = in_float64(logits, target)
        for layout in (torch.contiguous_format, torch.channels_last):
            found = milliseconds(losses, logits.to(memory_format=layout), target, repeats)
            print(f"\n{'x'.join(map(str, shape))}, {str(layout).removeprefix('torch.')}; ratios are to segcore's time")
            for name, (spent, value) in found.items():
                off = (
                    f"   off float64 by {abs(value - exact):.0e}" if name in ("segcore", "smp, per_image=True") else ""
                )
                print(f"  {name:31} {spent:6.0f} ms  {spent / found['segcore'][0]:5.1f} x{off}")
    print(f"\nload {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
