"""Draws blocks of neighbouring frames for bootstrap samples, and chooses their length."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, Bool
from segcore.errors import EvaluationError

_QUIET = 5  # lags in a row whose correlation must be small; the rule's sqrt(log10(n)) is less for all n below 10^25


@dataclass(frozen=True, eq=False)
class Blocks:
    """Circular blocks of images; no block holds images of two clips.

    A block begins at any image and wraps around at the end of its clip; a clip shorter than a block is one block. Every
    image is drawn equally often. A sample has as many blocks as the images fill; the last one is cut where needed.

    Args:
        images: Number N of images.
        table: `[N, longest]` the images of the block that begins at each image; N after the end of a shorter block.
        chance: `[N]` probability that a block begins at the image.
        number: Number of blocks that the images fill: N / L for blocks of L images in one clip.
        tile: `[N]` index of the image's block when every clip is cut into blocks from its start.
    """

    images: int
    table: I64
    chance: F64
    number: float
    tile: I64

    @classmethod
    def of(cls, images: int, block: int, groups: Sequence[Hashable] | None = None) -> Blocks:
        """Plan blocks of `block` images; `groups` are the clips of the images, in the order of time within a clip.

        Raises:
            EvaluationError: when the block is shorter than one image, or there is not one group for each image.
        """
        if block < 1:
            raise EvaluationError(f"Blocks of {block} images; expected 1 or more.")
        clips = _clips(images, groups)
        longest = min(block, max(map(len, clips)))
        table = np.full((images, longest), images, np.int64)
        chance, tile = np.zeros(images), np.zeros(images, np.int64)
        number, tiles = 0.0, 0
        for clip in clips:
            length = min(block, len(clip))
            for offset in range(length):
                table[clip, offset] = np.roll(clip, -offset)
            chance[clip] = 1 / length
            tile[clip] = tiles + np.arange(len(clip)) // length
            tiles = int(tile[clip[-1]]) + 1
            number += len(clip) / length
        return cls(images, table, chance / number, number, tile)

    def draw(self, draws: int, rng: np.random.Generator) -> F64:
        """`[draws, N]` how often each image is in each sample."""
        whole = int(self.number + 1e-9)
        rest = self.number - whole
        starts = self._starts(draws, whole + (rest > 1e-9), rng)
        drawn = self.table[starts]  # [draws, blocks, longest]
        if rest > 1e-9:
            lengths = (self.table < self.images).sum(axis=1)[starts[:, -1]]
            over = np.arange(self.table.shape[1]) >= np.rint(rest * lengths)[:, None]
            drawn[:, -1][over] = self.images
        drawn += (np.arange(draws) * (self.images + 1))[:, None, None]
        counted = np.bincount(drawn.ravel(), minlength=draws * (self.images + 1))
        return counted.reshape(draws, -1)[:, : self.images].astype(np.float64)

    def holding(self, occurs: Bool) -> int:
        """The number of independent blocks that hold the images where `occurs` (`[N]`) is true, approximately."""
        return min(len(np.unique(self.tile[occurs])), max(1, int(self.number + 1e-9)))

    def _starts(self, draws: int, blocks: int, rng: np.random.Generator) -> I64:
        if self.chance.min() == self.chance.max():
            return rng.integers(self.images, size=(draws, blocks))
        ends = self.chance.cumsum()
        return np.searchsorted(ends / ends[-1], rng.random((draws, blocks)), side="right")


def block_length(values: npt.ArrayLike, groups: Sequence[Hashable] | None = None) -> int:
    """The number of neighbouring frames of video to draw together, from the autocorrelation of their scores.

    The automatic rule of Politis & White (Econometric Reviews 23, 2004, as corrected by Patton, Politis & White 2009)
    for circular blocks: (2 G^2 / D)^(1/3) n^(1/3) of the autocovariances up to the lag where they fade, here pooled
    over clips. The longest block of several runs is taken, so that all runs share their samples. Few frames don't show
    their autocorrelation, so a block has at least sqrt(n) of the n frames of the longest clip, the batch length of
    Flegal, Haran & Jones (Statistical Science 23, 2008), and at most a third of the clip or 3 sqrt(n), whichever is
    less (3 of 11, 16 to 46 of 233). Photos need no blocks: they are drawn one by one.

    Args:
        values: `[N]` a score of each image in the order of time, e.g. `per_image(counts)["miou"]`, or `[R, N]` scores
            of R runs; NaN where there is none.
        groups: The clip of each image; one clip when not given.

    Raises:
        EvaluationError: when there are no values, or there is not one group for each image.

    >>> block_length([0.5] * 11), block_length([0.5, 0.6, 0.4], groups=["a", "b", "c"])
    (3, 1)
    """
    table = np.atleast_2d(np.asarray(values, np.float64))
    if table.ndim != 2 or not table.size:
        raise EvaluationError(f"Values of images are {list(table.shape)}; expected [N] or [R, N] scores in time order.")
    clips = _clips(table.shape[1], groups)
    longest = max(map(len, clips))
    if longest == 1:
        return 1
    least = math.isqrt(longest - 1) + 1
    most = max(1, min(longest // 3, math.ceil(3 * math.sqrt(longest))))
    longest_block = max(_politis_white(_filled(row), clips) for row in table)
    return min(max(math.ceil(round(longest_block, 9)), least), most)


def _politis_white(values: F64, clips: list[I64]) -> float:
    """The block length by the rule of Politis & White, in frames."""
    frames = len(values)
    most = min(math.ceil(math.sqrt(frames)) + 5, max(map(len, clips)) - 1)
    covariance = _autocovariance(values, clips, most)
    if covariance[0] <= 1e-18:
        return 1.0
    correlation = covariance / covariance[0]
    small = np.abs(correlation[1:]) < 2 * math.sqrt(math.log10(frames) / frames)
    fades = next((lag for lag in range(len(small)) if small[lag : lag + _QUIET].all()), len(small))
    lags = np.arange(1, most + 1)
    window = np.clip(2 * (1 - lags / (2 * max(fades, 1))), 0, 1)  # flat top, then down to 0 at twice the lag
    # G = sum |k| R(k), g(0) = sum R(k) over both signs of k; D = 4/3 g(0)^2
    weighted = 2 * (window * lags * covariance[lags]).sum()
    density = covariance[0] + 2 * (window * covariance[lags]).sum()
    if density <= 0:  # neighbours are opposites: blocks would not help
        return 1.0
    return float((1.5 * weighted**2 / density**2 * frames) ** (1 / 3))


def _autocovariance(values: F64, clips: list[I64], most: int) -> F64:
    """`[most + 1]` autocovariance at each lag, of pairs of images within a clip, about the mean of all images."""
    centered = values - values.mean()
    covariance = np.zeros(most + 1)
    for clip in clips:
        series = centered[clip]
        for lag in range(min(most, len(series) - 1) + 1):
            covariance[lag] += series[: len(series) - lag] @ series[lag:]
    return covariance / len(values)


def _filled(values: F64) -> F64:
    """The values with NaN replaced by their mean, so that images without a score have no effect."""
    known = ~np.isnan(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)


def _clips(images: int, groups: Sequence[Hashable] | None) -> list[I64]:
    """Indices of the images of each clip."""
    if groups is None:
        return [np.arange(images)]
    if len(groups) != images:
        raise EvaluationError(f"{len(groups)} groups of {images} images; expected one for each image.")
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return [np.array(clip) for clip in places.values()]
