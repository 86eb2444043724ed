"""Colour masks to ids: one table lookup against one pass a colour. Run: python benchmarks/decode.py."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from segcore.labels import CAMVID32, LabelMap

HEIGHT, WIDTH = 720, 960
REPEATS = 15


def naive(rgb: np.ndarray, labels: LabelMap) -> np.ndarray:
    """The usual loop: compare the whole mask with every colour."""
    ids = np.full(rgb.shape[:2], 255, np.uint8)
    for index, color in enumerate(labels.colors):
        ids[(rgb == color).all(axis=-1)] = index
    return ids


def street_like(labels: LabelMap) -> np.ndarray:
    """A mask of patches, as real masks are, in every class."""
    patches = np.random.default_rng(0).integers(0, labels.classes, (HEIGHT // 24, WIDTH // 24), np.uint8)
    return patches.repeat(24, axis=0).repeat(24, axis=1)


def fastest(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> None:
    """Print both times and their ratio, for a mask of patches and for noise (the worst case)."""
    labels = CAMVID32.with_ignored(())
    noise = np.random.default_rng(0).integers(0, labels.classes, (HEIGHT, WIDTH), np.uint8)
    for name, ids in (("patches", street_like(labels)), ("noise", noise)):
        rgb = labels.to_rgb(ids)
        assert (labels.to_ids(rgb) == ids).all() and (naive(rgb, labels) == ids).all()
        lookup = fastest(lambda rgb=rgb: labels.to_ids(rgb), REPEATS)
        loop = fastest(lambda rgb=rgb: naive(rgb, labels), 3)
        print(
            f"{WIDTH}x{HEIGHT}, {labels.classes} colours, {name}: lookup {lookup:.1f} ms, loop {loop:.0f} ms, "
            f"{loop / lookup:.0f} times"
        )


if __name__ == "__main__":
    main()
