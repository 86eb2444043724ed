"""What is kept of every sample for the leak check: its detail, two hashes, its mask made small, its classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from segcore.arrays import U8Image, U8Mask
from segcore.data.class_statistics import THREADS, Progress
from segcore.data.dataset import Dataset
from segcore.errors import DatasetError

SIDE = 32  # px of the small pictures; 100,000 samples then take 220 MB
SURROUNDINGS = 7  # px, of which each is the mean that is taken off: what is left is detail, not light
BITS = 128
# Grey levels that detail must have (root mean square). What is flatter is one colour, and the noise of its encoding;
# all black pictures are not the same street. CamVid's flattest has 5.
FLAT = 1.0
_SEED = 20  # of the projections: hashes must not change from one run to the next


@dataclass(frozen=True, eq=False)
class Pictures:
    """Small versions of `N` samples.

    Args:
        ids: Of those that could be read.
        pixels: `[N]` uint64 hash over all the pixels, equal for the same picture only.
        hashes: `[N, BITS / 64]` uint64, in which pictures that look alike differ in few bits.
        mirrored: The same of the picture's mirror image.
        details: `[N, SIDE, SIDE]` int8, local contrast.
        flat: `[N]` bool, one colour only.
        masks: `[N, SIDE, SIDE]` uint8 class ids.
        classes: `[N, C]` uint32 pixels of each class.
        problems: Of every sample that can't be read: its id, and why.
    """

    ids: tuple[str, ...]
    pixels: npt.NDArray[np.uint64]
    hashes: npt.NDArray[np.uint64]
    mirrored: npt.NDArray[np.uint64]
    details: npt.NDArray[np.int8]
    flat: npt.NDArray[np.bool_]
    masks: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint32]
    problems: tuple[tuple[str, str], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of every id."""
        return {sample_id: row for row, sample_id in enumerate(self.ids)}

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.intp]:
        """Rows of those of `ids` that could be read."""
        return np.array([self.index[each] for each in ids if each in self.index], np.intp)


def read_pictures(dataset: Dataset, ids: Sequence[str], progress: Progress | None = None) -> Pictures:
    """Read samples once, and keep little of each.

    Args:
        dataset: Where they are.
        ids: Which; one that can't be read is named in `problems`.
        progress: Called with (done, total) after every sample.
    """
    count, classes = len(ids), dataset.labels.classes
    found = Pictures(
        (),
        np.empty(count, np.uint64),
        np.empty((count, BITS // 64), np.uint64),
        np.empty((count, BITS // 64), np.uint64),
        np.empty((count, SIDE, SIDE), np.int8),
        np.empty(count, bool),
        np.empty((count, SIDE, SIDE), np.uint8),
        np.empty((count, classes), np.uint32),
    )

    def keep(row: int) -> str | None:
        try:
            sample = dataset[ids[row]]
        except DatasetError as error:
            return str(error)
        detail = local_contrast(sample.image)
        found.pixels[row] = pixel_hash(sample.image)
        found.hashes[row], found.mirrored[row] = picture_hash(detail), picture_hash(detail[:, ::-1])
        found.details[row] = np.rint(detail * (127 / max(float(np.abs(detail).max()), 1e-6)))
        found.flat[row] = np.sqrt(np.square(detail).mean()) < FLAT
        found.masks[row] = cv2.resize(sample.mask, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        found.classes[row] = class_pixels(sample.mask)[:classes]
        return None

    problems: dict[int, str] = {}
    pool = ThreadPoolExecutor(THREADS)
    try:
        for row, problem in enumerate(pool.map(keep, range(count))):
            if problem:
                problems[row] = problem
            if progress:
                progress(row + 1, count)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for a hundred thousand pictures
    good = np.array([row for row in range(count) if row not in problems], np.intp)
    columns = {each.name: getattr(found, each.name) for each in fields(found) if each.name not in ("ids", "problems")}
    return replace(
        found,
        ids=tuple(ids[row] for row in good),
        problems=tuple((ids[row], text) for row, text in problems.items()),
        **({name: column[good] for name, column in columns.items()} if problems else columns),
    )


def local_contrast(image: U8Image) -> npt.NDArray[np.float32]:
    """How much brighter each place of the small picture is than its surroundings.

    Brighter or darker, re-encoded, resized or a little cropped, a picture keeps it; another street with the same sky
    above and road below has another.

    Returns:
        `[SIDE, SIDE]` float32 grey levels, mean 0.
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = grey.astype(np.float32)
    detail = small - cv2.blur(small, (SURROUNDINGS, SURROUNDINGS), borderType=cv2.BORDER_REFLECT)
    return np.asarray(detail - detail.mean(), np.float32)


def picture_hash(detail: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """Signs of `BITS` fixed random projections (SimHash: Charikar, 2002).

    Two pictures whose details have the correlation r differ in arccos(r) / pi of the bits, on average.

    Returns:
        `[BITS / 64]` uint64.
    """
    return np.packbits(_PROJECTIONS @ detail.ravel() > 0).view(np.uint64)


_PROJECTIONS = np.random.default_rng(_SEED).standard_normal((BITS, SIDE * SIDE)).astype(np.float32)


def pixel_hash(image: U8Image) -> int:
    """64 bits over size and all pixels."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(image).data)
    return int.from_bytes(digest.digest(), "little")


def class_pixels(mask: U8Mask) -> npt.NDArray[np.uint32]:
    """`[256]` pixels by class id."""
    if mask.size < 1 << 24:  # OpenCV counts in float32, exact below; many times faster than numpy
        return cv2.calcHist([np.ascontiguousarray(mask)], [0], None, [256], [0, 256]).ravel().astype(np.uint32)
    return np.bincount(mask.ravel(), minlength=256).astype(np.uint32)
