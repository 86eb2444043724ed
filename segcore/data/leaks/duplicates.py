"""Pictures that are the same, or look so, found by their hashes and confirmed by their details."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.data.leaks.perceptual_hash import Pictures

# Correlation of local contrast from which two pictures count as one. Measured on CamVid: frames of different drives or
# more than 1 s apart stay below 0.6 (once 0.71, within the slow clip of val); frames 0.2 s apart have 0.76 in the
# middle, 1/15 s apart 0.94; the same picture keeps 0.98 as a JPEG of quality 5, 0.92 when it is made 60 grey levels
# brighter or darker, 0.88 with 1.6 times the contrast, 0.94 without 1 % of each side. So it means: as alike as frames
# within `MEMORY_SECONDS`, or nearer.
ALIKE = 0.75
# Bits that two hashes may differ in. At a correlation of 0.75, 29 of 128 do on average, with a deviation of 5; of
# unrelated pictures 64 do, with 6.
RADIUS = 45
MOST_CANDIDATES = 64  # of one picture that are confirmed: a camera that stands still makes all of them alike
_BLOCK = 1 << 22  # pairs of hashes looked at in one go: 32 MB
_CHUNK = 4096  # pairs confirmed in one go

Rows = npt.NDArray[np.intp]


class Match(NamedTuple):
    """A picture and the one it is most like.

    Args:
        row, partner: Among all pictures.
        alike: Correlation of their local contrast, 1 when all pixels are the same.
        exact: All pixels are the same.
        mirrored: It is like the other's mirror image.
    """

    row: int
    partner: int
    alike: float
    exact: bool = False
    mirrored: bool = False


def find_matches(pictures: Pictures, rows: Rows, others: Rows) -> list[Match]:
    """For each of `rows` its best match among `others`, where there is one. Flat pictures match nothing.

    Every hash is compared with every other one, by counting bits: 80,000 with 20,000 takes one to two minutes on two
    cores, while reading as many pictures takes a quarter of an hour.
    """
    rows, others = rows[~pictures.flat[rows]], others[~pictures.flat[others]]
    if not len(rows) or not len(others):
        return []
    best: dict[int, Match] = {}
    for row, partner in _same_pixels(pictures, rows, others):
        best[row] = Match(row, partner, 1.0, exact=True)
    left = np.array([row for row in rows if row not in best], np.intp)
    for hashes, flipped in ((pictures.hashes, False), (pictures.mirrored, True)):
        for pairs in _candidates(hashes[left], pictures.hashes[others]):
            found = np.stack([left[pairs[:, 0]], others[pairs[:, 1]]], axis=1)
            alike = correlations(pictures, found[:, 0], found[:, 1], mirrored=flipped)
            for (row, partner), value in zip(found.tolist(), alike.tolist(), strict=True):
                if value >= ALIKE and (row not in best or value > best[row].alike):
                    best[row] = Match(row, partner, value, mirrored=flipped)
    return [best[row] for row in rows.tolist() if row in best]


def correlations(pictures: Pictures, rows: Rows, others: Rows, *, mirrored: bool = False) -> npt.NDArray[np.float32]:
    """Correlation of local contrast, pair by pair, `[len(rows)]` in -1..1; 0 where one is flat.

    Args:
        pictures: Where both are.
        rows: The one of each pair; its mirror image where `mirrored`.
        others: The other.
        mirrored: See `rows`.
    """
    found = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        details = pictures.details[rows[part]]
        found[part] = np.einsum(
            "ij,ij->i", _unit(details[:, :, ::-1] if mirrored else details), _unit(pictures.details[others[part]])
        )
    found[pictures.flat[rows] | pictures.flat[others]] = 0
    return found


def _unit(details: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    vectors = details.reshape(len(details), -1).astype(np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _same_pixels(pictures: Pictures, rows: Rows, others: Rows) -> Iterator[tuple[int, int]]:
    known = dict(zip(pictures.pixels[others].tolist(), others.tolist(), strict=True))
    for row, pixels in zip(rows.tolist(), pictures.pixels[rows].tolist(), strict=True):
        if pixels in known:
            yield row, known[pixels]


def _candidates(hashes: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> Iterator[Rows]:
    """Pairs `[K, 2]` of places whose hashes differ in few bits, the nearest `MOST_CANDIDATES` of each at most."""
    size = max(1, _BLOCK // max(1, len(others)))
    for start in range(0, len(hashes), size):
        block = hashes[start : start + size]
        apart = np.zeros((len(block), len(others)), np.uint8)
        for word in range(hashes.shape[1]):
            apart += np.bitwise_count(block[:, None, word] ^ others[None, :, word])
        near = apart <= RADIUS
        for row in np.flatnonzero(near.sum(axis=1) > MOST_CANDIDATES):
            near[row] = False
            near[row, np.argpartition(apart[row], MOST_CANDIDATES)[:MOST_CANDIDATES]] = True
        pairs = np.argwhere(near)
        if len(pairs):
            pairs[:, 0] += start
            yield pairs
