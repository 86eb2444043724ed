"""Finds images that are the same or look alike: candidates by their hashes, confirmed by their details."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32
from segcore.data.leaks.perceptual_hash import ImageHashes

# Two images with at least this correlation of local contrast look alike. Measured on CamVid: frames of different drives
# or more than 1 s apart stay below 0.6 (once 0.71, within the slow clip of val); frames 0.2 s apart have a median of
# 0.76, 1/15 s apart 0.94; the same image keeps 0.98 as a JPEG of quality 5, 0.92 when it is made 60 grey levels
# brighter or darker, 0.88 with 1.6 times the contrast, 0.94 without 1 % of each side. So images look alike when they
# are as similar as frames within `MEMORY_SECONDS`.
ALIKE = 0.75
# Hashes of candidates may differ in this many bits. At a correlation of 0.75, 29 of 128 bits differ on average, with a
# standard deviation of 5; for unrelated images 64 differ, with a standard deviation of 6.
RADIUS = 45
MOST_CANDIDATES = 64  # compared with one image: where a camera stands still, all frames are candidates
_BLOCK = 1 << 22  # pairs of hashes compared at once: 32 MB
_CHUNK = 4096  # pairs confirmed at once

Rows = npt.NDArray[np.intp]


class Match(NamedTuple):
    """An image and the image it is most like.

    Args:
        row, partner: Their rows in `ImageHashes`.
        alike: Correlation of their local contrast, 1 when all pixels are the same.
        exact: Whether all pixels are the same.
        mirrored: Whether the image is like the partner's mirror image.
    """

    row: int
    partner: int
    alike: float
    exact: bool = False
    mirrored: bool = False


def find_matches(images: ImageHashes, rows: Rows, others: Rows) -> list[Match]:
    """For each of `rows` its best match among `others`, where there is one. Flat images match nothing.

    Every hash is compared with every other one by counting bits: 80,000 with 20,000 takes one to two minutes on two
    cores, while reading as many images takes a quarter of an hour.
    """
    rows, others = rows[~images.flat[rows]], others[~images.flat[others]]
    if not len(rows) or not len(others):
        return []
    best: dict[int, Match] = {}
    for row, partner in _same_pixels(images, rows, others):
        best[row] = Match(row, partner, 1.0, exact=True)
    left = np.array([row for row in rows if row not in best], np.intp)
    for hashes, flipped in ((images.hashes, False), (images.mirrored, True)):
        for pairs in _candidates(hashes[left], images.hashes[others]):
            near = np.stack([left[pairs[:, 0]], others[pairs[:, 1]]], axis=1)
            alike = correlations(images, near[:, 0], near[:, 1], mirrored=flipped)
            for (row, partner), value in zip(near.tolist(), alike.tolist(), strict=True):
                if value >= ALIKE and (row not in best or value > best[row].alike):
                    best[row] = Match(row, partner, value, mirrored=flipped)
    return [best[row] for row in rows.tolist() if row in best]


def correlations(images: ImageHashes, rows: Rows, others: Rows, *, mirrored: bool = False) -> F32:
    """Correlation of local contrast, pair by pair.

    Args:
        images: The images that rows refer to.
        rows: First image of each pair.
        others: Second image of each pair.
        mirrored: Take the mirror image of the first.

    Returns:
        `[len(rows)]` float32 in -1..1; 0 where an image is flat.
    """
    result = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        details = images.details[rows[part]]
        result[part] = np.einsum(
            "ij,ij->i", _unit(details[:, :, ::-1] if mirrored else details), _unit(images.details[others[part]])
        )
    result[images.flat[rows] | images.flat[others]] = 0
    return result


def _unit(details: npt.NDArray[np.int8]) -> F32:
    vectors = details.reshape(len(details), -1).astype(np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _same_pixels(images: ImageHashes, rows: Rows, others: Rows) -> Iterator[tuple[int, int]]:
    known = dict(zip(images.pixels[others].tolist(), others.tolist(), strict=True))
    for row, pixels in zip(rows.tolist(), images.pixels[rows].tolist(), strict=True):
        if pixels in known:
            yield row, known[pixels]


def _candidates(hashes: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> Iterator[Rows]:
    """Pairs `[K, 2]` of indices whose hashes differ in few bits; for each hash the nearest `MOST_CANDIDATES`."""
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
