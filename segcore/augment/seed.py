"""Seeds of single augmentations."""

from __future__ import annotations

import zlib

from segcore.data import Item


def draw_seed(seed: int, epoch: int, item: Item) -> int:
    """Seed of one augmentation: the same whichever worker makes it, and when.

    >>> draw_seed(0, 0, Item("0016E5_07959", 1)) == draw_seed(0, 0, Item("0016E5_07959", 2))
    False
    """
    return zlib.crc32(f"{seed}/{epoch}/{item.id}/{item.copy}".encode())
