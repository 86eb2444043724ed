"""Do 95 % intervals hold the truth on frames of video? Scores whose truth and whose autocorrelation are known.

    python benchmarks/block_coverage.py [--splits 400]

Every split draws the pixel accuracy of its frames from a first-order autoregressive process, clip by clip, around 0.5,
and gives the interval of their mean: by single frames, and by blocks of the length that `block_length` chooses.
"""

from __future__ import annotations

import argparse

import numpy as np

from segcore.arrays import F64, I64
from segcore.metrics import block_length, bootstrap

PIXELS, SPREAD, RESAMPLES = 1000, 50, 500  # pixels of a frame; standard deviation of the correct ones
SETTINGS = (  # frames of a clip, clips, correlation of neighbouring frames
    *((11, 1, memory) for memory in (0.5, 0.8, 0.95)),
    *((60, 1, memory) for memory in (0.0, 0.5, 0.8, 0.9)),
    *((233, 1, memory) for memory in (0.0, 0.5, 0.8, 0.9, 0.95)),
    (1000, 1, 0.9),
    *((232 // clips, clips, 0.9) for clips in (2, 4, 8)),
)


def scores(frames: int, memory: float, rng: np.random.Generator) -> F64:
    """`[N]` correct pixels of the frames of a clip, around half of them."""
    values = rng.normal(size=frames)
    for index in range(1, frames):
        values[index] = memory * values[index - 1] + (1 - memory**2) ** 0.5 * values[index]
    return PIXELS / 2 + SPREAD * values


def counts(correct: F64) -> I64:
    """`[N, 2, 2]` confusion counts of frames with so many correct pixels; each class has half of the pixels."""
    right = (correct / 2).round().astype(np.int64).clip(0, PIXELS // 2)
    wrong = PIXELS // 2 - right
    return np.stack([np.stack([right, wrong], axis=1), np.stack([wrong, right], axis=1)], axis=1)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="Do 95 % intervals hold the truth on frames of video?")
    parser.add_argument("--splits", type=int, default=400, help="splits a setting (default: 400)")
    splits = parser.parse_args().splits
    print("| clips x frames | correlation | single frames | blocks | mean length |\n|---|---:|---:|---:|---:|")
    for frames, clips, memory in SETTINGS:
        rng, held, lengths = np.random.default_rng(0), [0, 0], 0
        groups = np.repeat(np.arange(clips), frames).tolist()
        for split in range(splits):
            correct = np.concatenate([scores(frames, memory, rng) for _ in range(clips)])
            length = block_length(correct, groups)
            lengths += length
            for place, block in enumerate((1, length)):
                interval = bootstrap(counts(correct), None, "pixel_accuracy", block, RESAMPLES, split, groups=groups)
                held[place] += interval.low <= 0.5 <= interval.high
        single, blocks = (f"{100 * number / splits:.0f} %" for number in held)
        print(f"| {clips} x {frames} | {memory} | {single} | {blocks} | {lengths / splits:.1f} |", flush=True)


if __name__ == "__main__":
    main()
