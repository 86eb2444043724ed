"""The seed of one augmentation, from the training's seed, the epoch and the sample."""

from __future__ import annotations

import zlib

from segcore.data import Item


def draw_seed(seed: int, epoch: int, item: Item) -> int:
    """Seed of one augmentation; it does not depend on which worker computes it, or when.

    >>> draw_seed(0, 0, Item("0016E5_07959", 1)) == draw_seed(0, 0, Item("0016E5_07959", 2))
    False
    """
    return zlib.crc32(f"{seed}/{epoch}/{item.id}/{item.copy}".encode())
