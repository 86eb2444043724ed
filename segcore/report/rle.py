"""Run-length codes of COCO: counts of 0, 1, 0, 1, ... pixels down the columns, and their compressed text.

The text is that of COCO's own tools: differences to the count two before, in digits of 5 bits and a sign.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segcore.arrays import I64, U8

_DIGITS = 7  # of 5 bits: enough for differences below 2**34 pixels


def runs_of_classes(mask: U8) -> Iterator[tuple[int, I64]]:
    """(id, counts) of every id in a mask, in one pass over it.

    Args:
        mask: `[H, W]` uint8 ids.

    Yields:
        Counts that begin with the pixels before the first of the id (perhaps 0) and sum to `H * W`.

    >>> [(index, counts.tolist()) for index, counts in runs_of_classes(np.array([[1, 2], [1, 1]], np.uint8))]
    [(1, [0, 2, 1, 1]), (2, [2, 1, 1])]
    """
    flat = np.asfortranarray(mask).ravel("F")
    if not flat.size:
        return
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    stops = np.append(starts[1:], flat.size)
    values = flat[starts]
    for index in np.unique(values):
        mine = values == index
        borders = np.stack([starts[mine], stops[mine]], axis=1).ravel()
        counts = np.diff(borders, prepend=0, append=flat.size)
        yield int(index), counts if counts[-1] else counts[:-1]


def compress(counts: I64) -> str:
    """Counts as COCO's compressed text.

    >>> compress(np.array([0, 2, 1, 1]))
    '021O'
    """
    rest = counts.astype(np.int64)  # a copy
    rest[3:] -= counts[1:-2]  # the first three are written as they are
    table = np.zeros((len(rest), _DIGITS), np.uint8)
    going = np.ones(len(rest), bool)
    for place in range(_DIGITS):
        digit = rest & 31
        rest >>= 5
        more = going & np.where(digit & 16, rest != -1, rest != 0)
        table[going, place] = (digit + 32 * more + 48)[going]
        going = more
    return table[table > 0].tobytes().decode("ascii")
