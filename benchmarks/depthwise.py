"""A training step in bf16 autocast with depthwise convolutions in bf16 and in float32, and their ratio.

usage: python benchmarks/depthwise.py
"""

from __future__ import annotations

import os
import statistics
import time

from segcore.training.openmp import SPIN

os.environ.setdefault(*SPIN)

import torch

from segcore.models import create_model
from segcore.training.hardware import depthwise_in_float32

BATCH, HEIGHT, WIDTH, CLASSES = 4, 240, 320, 31
WARM_UP, STEPS = 3, 7


def images_per_second(name: str, *, float32: bool) -> float:
    """Median over steps: forward in autocast, cross entropy, backward, AdamW."""
    torch.manual_seed(0)
    model = create_model(name, encoder_weights=None, classes=CLASSES).to(memory_format=torch.channels_last).train()
    if float32:
        depthwise_in_float32(model)
    optimizer = torch.optim.AdamW(model.parameters())
    images = torch.randn(BATCH, HEIGHT, WIDTH, 3).permute(0, 3, 1, 2)
    target = torch.randint(0, CLASSES, (BATCH, HEIGHT, WIDTH))
    seconds = []
    for _ in range(WARM_UP + STEPS):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(images)
        torch.nn.functional.cross_entropy(logits.float(), target).backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    return BATCH / statistics.median(seconds[WARM_UP:])


def main() -> None:
    """Both sides in turn, for four architectures on EfficientNet-Lite0."""
    print(f"{torch.get_num_threads()} threads, batch {BATCH}, {HEIGHT}x{WIDTH}, torch {torch.__version__}")
    for name in ("fcn8s", "unet", "pspnet", "deeplabv3plus"):
        slow, fast = (images_per_second(name, float32=float32) for float32 in (False, True))
        print(f"{name:14s} bf16 {slow:5.2f} img/s   depthwise in float32 {fast:5.2f} img/s   {fast / slow:.2f}x")


if __name__ == "__main__":
    main()
