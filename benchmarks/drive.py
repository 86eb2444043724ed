"""Milliseconds a frame of the embedded drive takes on one core, against its budget of 150, and cached reads.

Run: python benchmarks/drive.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from segcore.data.drive import draw_frame, records

BUDGET = 150.0  # ms, image and mask together
READ_BUDGET = 20.0  # ms


def timed(work: Callable[[int], object], numbers: Iterable[int]) -> np.ndarray:
    """Milliseconds of each call."""
    spent = []
    for number in numbers:
        start = time.perf_counter()
        work(number)
        spent.append((time.perf_counter() - start) * 1000)
    return np.array(spent)


def report(name: str, spent: np.ndarray, budget: float) -> None:
    """One line: median, 95th percentile, and the ratio to the budget."""
    median, late = np.percentile(spent, [50, 95])
    print(f"{name:28s} median {median:6.1f} ms   p95 {late:6.1f} ms   median / {budget:.0f} ms = {median / budget:.2f}")


def main() -> None:
    """Draw all frames in order, then read them back from a cache."""
    cv2.setNumThreads(1)
    first = timed(draw_frame, [0])
    print(f"{'first frame of a process':28s} {first[0]:6.1f} ms (textures are drawn once)")
    report("draw, in order", timed(draw_frame, range(1, 101)), BUDGET)
    with tempfile.TemporaryDirectory() as folder:
        rows = records(cache=Path(folder))
        report("draw and keep", timed(lambda number: rows[number].image(), range(0, 101, 5)), BUDGET)
        report("read a kept image", timed(lambda number: rows[number].image(), range(0, 101, 5)), READ_BUDGET)
        report("read a kept mask", timed(lambda number: rows[number].mask(), range(0, 101, 5)), READ_BUDGET)


if __name__ == "__main__":
    main()
