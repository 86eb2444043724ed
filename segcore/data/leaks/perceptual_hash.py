"""Hashes, small details and small masks of every sample, by which the leak check compares them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8, Bool, F32Map, U8Image
from segcore.data.byte_values import value_counts
from segcore.data.dataset import Dataset
from segcore.data.index.known_facts import THREADS, Progress
from segcore.errors import DatasetError

SIDE = 32  # px, height and width of the small images; 100,000 samples then take 220 MB
SURROUNDINGS = 7  # px, the square whose mean is subtracted from each pixel, so that detail is left and no light
BITS = 128  # of a perceptual hash
# Grey levels (root mean square) below which an image is flat: one colour and the noise of its encoding. Flat images
# match nothing, since two black images are not the same street. CamVid's flattest image has 5.
FLAT = 1.0
_SEED = 20  # of the projections, fixed so that hashes never change


@dataclass(frozen=True, eq=False)
class ImageHashes:
    """Hashes and small versions of `N` samples.

    Args:
        ids: Ids of the samples that could be read.
        pixels: `[N]` uint64 hash over all pixels, equal only for identical images.
        hashes: `[N, BITS / 64]` uint64 perceptual hash: images that look alike differ in few bits.
        mirrored: `[N, BITS / 64]` uint64 perceptual hash of the mirror image.
        details: `[N, SIDE, SIDE]` int8 local contrast.
        flat: `[N]` bool, whether the image has one colour only.
        masks: `[N, SIDE, SIDE]` uint8 class ids.
        classes: `[N, C]` uint32 pixels of each class.
        problems: (id, reason) of every sample that can't be read.
    """

    ids: tuple[str, ...]
    pixels: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    mirrored: npt.NDArray[np.uint64]
    details: npt.NDArray[np.int8]
    flat: Bool
    masks: U8
    classes: npt.NDArray[np.uint32]
    problems: tuple[tuple[str, str], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each id."""
        return {sample_id: row for row, sample_id in enumerate(self.ids)}

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.intp]:
        """The rows of those of `ids` that could be read."""
        return np.array([self.index[sample_id] for sample_id in ids if sample_id in self.index], np.intp)


def hash_images(dataset: Dataset, ids: Sequence[str], progress: Progress | None = None) -> ImageHashes:
    """Read samples once and hash them.

    Args:
        dataset: The dataset they are in.
        ids: Their ids; one that can't be read is named in `problems`.
        progress: Called with (done, total) after every sample.
    """
    count, classes = len(ids), dataset.labels.classes
    result = ImageHashes(
        (),
        np.empty(count, np.uint64),
        np.empty((count, BITS // 64), np.uint64),
        np.empty((count, BITS // 64), np.uint64),
        np.empty((count, SIDE, SIDE), np.int8),
        np.empty(count, bool),
        np.empty((count, SIDE, SIDE), np.uint8),
        np.empty((count, classes), np.uint32),
    )

    def fill(row: int) -> str | None:
        try:
            sample = dataset[ids[row]]
        except DatasetError as error:
            return str(error)
        detail = local_contrast(sample.image)
        result.pixels[row] = pixel_hash(sample.image)
        result.hashes[row], result.mirrored[row] = perceptual_hash(detail), perceptual_hash(detail[:, ::-1])
        result.details[row] = np.rint(detail * (127 / max(float(np.abs(detail).max()), 1e-6)))
        result.flat[row] = np.sqrt(np.square(detail).mean()) < FLAT
        result.masks[row] = cv2.resize(sample.mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        result.classes[row] = value_counts(sample.mask)[:classes]
        return None

    problems: dict[int, str] = {}
    pool = ThreadPoolExecutor(THREADS)
    try:
        for row, problem in enumerate(pool.map(fill, range(count))):
            if problem:
                problems[row] = problem
            if progress:
                progress(row + 1, count)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for a hundred thousand images
    good = np.array([row for row in range(count) if row not in problems], np.intp)
    names = [field.name for field in fields(result) if field.name not in ("ids", "problems")]
    columns = {name: getattr(result, name) for name in names}
    return replace(
        result,
        ids=tuple(ids[row] for row in good),
        problems=tuple((ids[row], text) for row, text in problems.items()),
        **({name: column[good] for name, column in columns.items()} if problems else columns),
    )


def local_contrast(image: U8Image) -> F32Map:
    """How much brighter each pixel of the small image is than its surroundings.

    It stays the same when an image is made brighter or darker, re-encoded, resized or cropped a little. Another street
    with the same sky above and road below has another one.

    Returns:
        `[SIDE, SIDE]` float32 grey levels, mean 0.
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = grey.astype(np.float32)
    detail = small - cv2.blur(small, (SURROUNDINGS, SURROUNDINGS), borderType=cv2.BORDER_REFLECT)
    return np.asarray(detail - detail.mean(), np.float32)


def perceptual_hash(detail: F32Map) -> npt.NDArray[np.uint64]:
    """Signs of `BITS` fixed random projections (SimHash: Charikar, 2002).

    Two images whose details have the correlation r differ in arccos(r) / pi of the bits, on average.

    Returns:
        `[BITS / 64]` uint64.
    """
    return np.packbits(_PROJECTIONS @ detail.ravel() > 0).view(np.uint64)


_PROJECTIONS = np.random.default_rng(_SEED).standard_normal((BITS, SIDE * SIDE)).astype(np.float32)


def pixel_hash(image: U8Image) -> int:
    """64 bits over the size and all pixels."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(image).data)
    return int.from_bytes(digest.digest(), "little")
