"""10,000 draws of 233 images for 10 runs of 11 classes: Segcore against a plain numpy loop, both in this run.

The loop does what one would write: draw image numbers, add up their confusion matrices, take the mean IoU; it is given
the same draws (and, being slow, only some of them, scaled up), and both must agree to 1e-12. Then ECE and entropy of 60
runs, and a line on borders: the 480x360 mask of 11 classes whose bands and borders are counted once an image.

Usage: python benchmarks/bootstrap.py
"""

from __future__ import annotations

import time
from statistics import median

import cv2
import numpy as np

from segcore.arrays import F64, I64
from segcore.metrics import BINS, CALIBRATION_COLUMNS, boundary_counts, resample
from segcore.metrics.block_bootstrap import Blocks

RUNS, IMAGES, CLASSES, DRAWS, LOOPED, BLOCK = 10, 233, 11, 10_000, 300, 7
MANY = 60  # runs of a large comparison
WANTED, WANTED_BORDERS = 1.0, 30.0  # seconds; milliseconds


def runs() -> list[I64]:
    """Confusion counts of runs on the same images: most pixels right, a rare class in a tenth of them."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 30_000, (IMAGES, CLASSES))
    true[:, -1] *= rng.random(IMAGES) < 0.1
    found = []
    for run in range(RUNS):
        right = (true * rng.uniform(0.5, 0.9 + run / 200, true.shape)).astype(np.int64)
        counts = np.zeros((IMAGES, CLASSES, CLASSES), np.int64)
        counts[:, range(CLASSES), range(CLASSES)] = right
        counts[:, range(CLASSES), np.roll(range(CLASSES), 1)] += true - right
        found.append(counts)
    return found


def loop(counts: list[I64], weights: F64) -> F64:
    """`[runs, draws]` mean IoU, draw by draw."""
    values = np.empty((len(counts), len(weights)))
    for draw, row in enumerate(weights):
        chosen = np.repeat(np.arange(IMAGES), row.astype(int))
        for run, each in enumerate(counts):
            total = each[chosen].sum(axis=0)
            right, true, predicted = np.diag(total), total.sum(axis=1), total.sum(axis=0)
            values[run, draw] = np.mean(right / (true + predicted - right))
    return values


def calibrations(runs: int) -> list[F64]:
    """Calibration counts of runs on the same images."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(runs):
        counts = np.zeros((IMAGES, BINS, len(CALIBRATION_COLUMNS)))
        pixels = rng.integers(0, 20_000, (IMAGES, BINS))
        counts[:, :, 0], counts[:, :, 1], counts[:, :, 2] = pixels, rng.binomial(pixels, 0.7), 0.72 * pixels
        found.append(counts)
    return found


def timed(counts: list[F64], metric: str) -> float:
    """Seconds of all draws of a score."""
    start = time.perf_counter()
    resample(counts, metric, BLOCK, DRAWS)
    return time.perf_counter() - start


def borders() -> float:
    """Milliseconds of counting the bands and borders of one mask."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, CLASSES, (18, 24), dtype=np.uint8)
    truth = cv2.resize(coarse, (480, 360), interpolation=cv2.INTER_NEAREST)
    truth[rng.random(truth.shape) < 0.03] = 255
    guess = np.where(truth == 255, 0, np.roll(truth, 2, axis=1)).astype(np.uint8)
    guess[guess == 255] = 0
    times = []
    for _ in range(20):
        start = time.perf_counter()
        boundary_counts(guess, truth, classes=CLASSES)
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def main() -> None:
    """Check that both score the same draws alike, then print both times and their ratio."""
    counts = runs()
    resample(counts, "miou", BLOCK, 100)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        found = resample(counts, "miou", BLOCK, DRAWS)
        times.append(time.perf_counter() - start)
    segcore = median(times)

    weights = Blocks.of(IMAGES, BLOCK).draw(DRAWS, np.random.default_rng(0))
    start = time.perf_counter()
    expected = loop(counts, weights[:LOOPED])
    numpy = (time.perf_counter() - start) * DRAWS / LOOPED
    np.testing.assert_allclose(found.values[:, :LOOPED], expected, rtol=0, atol=1e-12)

    print(f"{DRAWS:,} draws of {IMAGES} images in blocks of {BLOCK}, {RUNS} runs, {CLASSES} classes")
    print(f"segcore     {segcore:8.2f} s (at most {WANTED:.0f} s wanted)")
    print(f"numpy loop  {numpy:8.2f} s (from {LOOPED} draws)")
    print(f"ratio       {numpy / segcore:8.0f} x")
    print(f"ECE         {timed(calibrations(MANY), 'ece'):8.2f} s of {MANY} runs (at most {WANTED:.0f} s wanted)")
    entropies = list(np.random.default_rng(0).random((MANY, IMAGES)))
    print(f"entropy     {timed(entropies, 'entropy'):8.2f} s of {MANY} runs")
    print(f"borders     {borders():8.1f} ms a mask of 480x360 (at most {WANTED_BORDERS:.0f} ms wanted)")


if __name__ == "__main__":
    main()
