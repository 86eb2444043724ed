"""Counting one 480x360 mask of 11 classes and void: Segcore against torchmetrics, both in this run, on one core.

Masks of noise, and masks of regions as real ones are (where one cell of the histogram is hit many times in a row). Both
must count the same; and a cell of more than 2^24 pixels, which float32 can't hold, must be exact.

Usage: python benchmarks/confusion.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import torch
from torchmetrics.classification import MulticlassConfusionMatrix

from segcore.arrays import U8
from segcore.metrics import confusion_matrix

CLASSES, HEIGHT, WIDTH, REPEATS, WANTED = 11, 360, 480, 60, 10.0


def milliseconds(work: Callable[[], object]) -> float:
    """Median wall time of one call, after a warm-up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def masks() -> dict[str, tuple[U8, U8]]:
    """(prediction, truth) of noise, and of regions with 10 % of the pixels wrong."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, CLASSES, (HEIGHT, WIDTH), dtype=np.uint8)
    truth = rng.integers(0, CLASSES + 1, (HEIGHT, WIDTH), dtype=np.uint8)
    truth[truth == CLASSES] = 255
    coarse = rng.integers(0, CLASSES + 1, (6, 8), dtype=np.uint8)
    regions = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    regions[regions == CLASSES] = 255
    guess = np.where((regions == 255) | (rng.random(regions.shape) < 0.1), noise, regions).astype(np.uint8)
    return {"noise": (noise, truth), "regions": (guess, regions)}


def main() -> None:
    """Check that both count the same, then print both times and their ratio."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    metric = MulticlassConfusionMatrix(CLASSES, ignore_index=255, validate_args=False)
    for name, (prediction, truth) in masks().items():
        tensors = torch.from_numpy(prediction).long(), torch.from_numpy(truth).long()
        ours = confusion_matrix(prediction, truth, classes=CLASSES)
        np.testing.assert_array_equal(ours, metric(*tensors).numpy())
        segcore = milliseconds(lambda pair=(prediction, truth): confusion_matrix(*pair, classes=CLASSES))
        torchmetrics = milliseconds(lambda pair=tensors: metric.update(*pair))
        print(f"{name:8} segcore {segcore:6.3f} ms   torchmetrics {torchmetrics:6.3f} ms (validate_args=False, update)")
        print(f"{'':8} ratio {torchmetrics / segcore:.1f} x (at least {WANTED:.0f} x wanted)")
    large = np.zeros((1, (1 << 24) + 3), np.uint8)
    counted = int(confusion_matrix(large, large, classes=1)[0, 0])
    print(f"exact    2^24 + 3 pixels of one cell are counted as 2^24 + {counted - (1 << 24)}")


if __name__ == "__main__":
    main()
