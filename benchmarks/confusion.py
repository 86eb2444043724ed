"""Counting one 480x360 mask of 11 classes and void: Segcore against torchmetrics, both in this run, on one core.

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

from segcore.metrics import confusion_matrix

CLASSES, HEIGHT, WIDTH, REPEATS = 11, 360, 480, 60


def milliseconds(work: Callable[[], object]) -> float:
    """Median wall time of one call, after a warm-up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def main() -> None:
    """Check that both count the same, then print both times and their ratio."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    prediction = rng.integers(0, CLASSES, (HEIGHT, WIDTH), dtype=np.uint8)
    truth = rng.integers(0, CLASSES + 1, (HEIGHT, WIDTH), dtype=np.uint8)
    truth[truth == CLASSES] = 255

    metric = MulticlassConfusionMatrix(CLASSES, ignore_index=255, validate_args=False)
    prediction_tensor, truth_tensor = torch.from_numpy(prediction).long(), torch.from_numpy(truth).long()
    ours = confusion_matrix(prediction, truth, classes=CLASSES)
    np.testing.assert_array_equal(ours, metric(prediction_tensor, truth_tensor).numpy())

    segcore = milliseconds(lambda: confusion_matrix(prediction, truth, classes=CLASSES))
    torchmetrics = milliseconds(lambda: metric.update(prediction_tensor, truth_tensor))
    print(f"segcore      {segcore:7.3f} ms")
    print(f"torchmetrics {torchmetrics:7.3f} ms (validate_args=False, update alone)")
    print(f"ratio        {torchmetrics / segcore:7.1f} x")


if __name__ == "__main__":
    main()
