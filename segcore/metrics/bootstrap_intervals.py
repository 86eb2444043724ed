"""Is it real? Intervals of scores and of their differences, by drawing images, or blocks of frames, again.

The images of a split are one sample of those there could be. Drawing as many again from them, with replacement, many
times over, and scoring each draw shows how far the score would move (Efron 1979). Frames of a video resemble their
neighbours, so they are drawn in contiguous blocks that wrap around within their clip (the circular block bootstrap of
Politis & Romano 1992). All runs get the same draws: what makes an image hard cancels in their difference.

Draws of few values spread too little: of n, by sqrt((n - 1) / n), and with the normal's tails in place of Student's t
(Hesterberg, The American Statistician 69, 2015). So the percentiles 2.5 and 97.5 are moved away from the median,
by `stretch(n)`: 1.01 for 233 photos, 1.4 for 6 blocks, 2.7 for 3.

Classes absent from a draw: a mean over classes is over the classes of the whole split in every draw. Where a draw has
no pixel of one, its score on the whole split stands in, so that the mean doesn't jump when a hard class is not drawn;
the class then adds nothing to the spread. A score of one class is left out of the draws it is absent from. Both are
told by `vanished`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.errors import EvaluationError
from segcore.metrics.block_bootstrap import Blocks
from segcore.metrics.score_functions import Counts, ScoreFunction, mean_present, statistic
from segcore.metrics.student_t import t_cdf, t_quantile

_SHARE = 0.95
_CELLS = 1 << 22  # weights and sums held at a time, 32 MB each
FEW_BLOCKS = 10  # under which a bootstrap over blocks says too little


@dataclass(frozen=True)
class Interval:
    """A score and the 95 % interval it is known to. NaN where there is none: nothing scored, or one block only.

    Args:
        value: The score of all images.
        low, high: The interval.
        images: Images that have something to score.
        blocks: Blocks that hold them: about as many independent values there are.
        vanished: Share of the draws from which a class (or all there is to score) was absent.
    """

    value: float
    low: float
    high: float
    images: int
    blocks: int
    vanished: float

    @property
    def note(self) -> str:
        """What keeps the interval from being worth much, one sentence; empty when nothing does."""
        return _note(self.blocks, self.images, self.vanished)


@dataclass(frozen=True)
class PairedInterval:
    """How much better a is than b on the same images, and the 95 % interval of that.

    Args:
        a, b: Each by itself, from the same draws.
        difference: a - b.
        low, high: Its interval.
        probability: That a is the better one, ties counted half, with what few blocks leave open.
        blocks: As in `Interval`.
    """

    a: Interval
    b: Interval
    difference: float
    low: float
    high: float
    probability: float
    blocks: int

    @property
    def separated(self) -> bool:
        """Whether the interval leaves out 0: the images can tell the two apart."""
        return self.low > 0 or self.high < 0

    @property
    def note(self) -> str:
        """As of `Interval`."""
        return _note(self.blocks, min(self.a.images, self.b.images), max(self.a.vanished, self.b.vanished))


@dataclass(frozen=True, eq=False)
class BootstrapSamples:
    """Scores of R runs on the same draws of images.

    Args:
        values: `[R, resamples]` float64, or `[R, resamples, M]` of a score that is one a class.
        points: `[R]` or `[R, M]`: of all images.
        images, blocks: `[R]` or `[R, M]`: see `Interval`.
        vanished: `[R]` or `[R, M]`: likewise.
    """

    values: F64
    points: F64
    images: I64
    blocks: I64
    vanished: F64

    def interval(self, run: int = 0, *, index: int | None = None) -> Interval:
        """Of one run.

        Args:
            run: Which.
            index: Of a score that is one a class: the class.
        """
        draws, point, images, blocks, vanished = self._of(run, index)
        return Interval(point, *_percentiles(draws, blocks, 0.0), images, blocks, vanished)

    def pair(self, a: int, b: int, *, index: int | None = None) -> PairedInterval:
        """Of run a over run b."""
        one, other = self.interval(a, index=index), self.interval(b, index=index)
        difference = self._of(a, index)[0] - self._of(b, index)[0]
        blocks = min(one.blocks, other.blocks)
        gap = one.value - other.value
        low, high = _percentiles(difference, blocks, -1.0)
        return PairedInterval(one, other, gap, low, high, _probability(difference, blocks), blocks)

    def grouped(self, groups: Sequence[Sequence[int]], *, seed: int = 0) -> BootstrapSamples:
        """Means over groups of runs, one row a group: the seeds of a recipe.

        What other seeds would change is added to each draw: normal, with the standard error of the mean of S runs times
        Student's t for S - 1 degrees of freedom over the normal's 1.96. A pair holds that of both groups, each at its
        own t. A group of one keeps its row, and tells nothing of other seeds.

        Args:
            groups: Rows of each group.
            seed: Of what is added.
        """
        rng = np.random.default_rng(seed)
        points = np.stack([self.points[list(group)].mean(axis=0) for group in groups])
        first = [group[0] for group in groups]
        values = np.stack(
            [
                self.values[list(group)].mean(axis=0)
                + _of_seeds(self.points[list(group)], self.blocks[group[0]], self.values.shape[1], rng)
                for group in groups
            ]
        )
        return BootstrapSamples(values, points, self.images[first], self.blocks[first], self.vanished[first])

    def _of(self, run: int, index: int | None) -> tuple[F64, float, int, int, float]:
        if (self.values.ndim == 3) == (index is None):
            what = "is one of each class: say which, index=0" if index is None else "is of all classes: leave index out"
            raise EvaluationError(f"This score {what}.")
        place = run if index is None else (run, index)
        draws = self.values[run] if index is None else self.values[run, :, index]
        found = self.points[place], self.images[place], self.blocks[place], self.vanished[place]
        return draws, float(found[0]), int(found[1]), int(found[2]), float(found[3])


def bootstrap(
    counts_a: Counts,
    counts_b: Counts | None = None,
    metric: str | ScoreFunction = "miou",
    block: int = 1,
    resamples: int = 10_000,
    seed: int = 0,
    *,
    groups: Sequence[Hashable] | None = None,
) -> Interval | PairedInterval:
    """The interval of a score, or of how much better a is than b on the same images.

    Args:
        counts_a: `[N, C, C]` confusion counts of each image, rows = truth. For boundary scores its `boundary_counts`,
            `[N, C, 10]`; for `ece` its `calibration_counts`, `[N, 15, 5]`; for `entropy` `[N]`, the mean of each image.
        counts_b: Another run's, of the same images in the same order.
        metric: A name in `STATISTICS`, or `statistic(name, index=..., without=...)`.
        block: Images in a block: 1 for photos, `block_length` for frames.
        resamples: Number of draws.
        seed: The same seed, images and blocks draw the same, whatever the counts.
        groups: The clip of each image; blocks stay within one. One clip when not given.

    Raises:
        EvaluationError: when the counts are none, or a and b are not of the same images and classes.

    >>> photos = np.array([[[8, 2], [1, 9]], [[7, 3], [3, 7]]] * 50)
    >>> found = bootstrap(photos, metric="pixel_accuracy")
    >>> round(found.value, 3), round(found.low, 2), round(found.high, 2)
    (0.775, 0.76, 0.79)
    """
    both = [counts_a] if counts_b is None else [counts_a, counts_b]
    draws = resample(both, metric, block, resamples, seed, groups=groups)
    if draws.values.ndim == 3:
        raise EvaluationError(f"{metric!r} is one score a class; choose one: statistic({metric!r}, index=0).")
    return draws.interval(0) if counts_b is None else draws.pair(0, 1)


def resample(
    counts: Sequence[Counts],
    metric: str | ScoreFunction = "miou",
    block: int = 1,
    resamples: int = 10_000,
    seed: int = 0,
    *,
    groups: Sequence[Hashable] | None = None,
) -> BootstrapSamples:
    """Score R runs on the same draws of images; see `bootstrap`.

    Each draw is a row of integer weights of the images; its sums are that row times the sums of each image, in float64,
    which holds integers up to 2^53 exactly.

    Args:
        counts: R times `[N, C, C]` (or `Sums`, `C` times smaller; or as `bootstrap` says), of the same images in the
            same order.
        metric: See `bootstrap`, and so on.
        block: Images in a block.
        resamples: Number of draws.
        seed: Of the draws.
        groups: The clip of each image.

    Raises:
        EvaluationError: when there are none, or they are not of the same images and classes.
    """
    kind = statistic(metric) if isinstance(metric, str) else metric
    parts = _parts(counts, kind)  # [R, N, K, M]
    runs, images, terms, classes = parts.shape
    if resamples < 1:
        raise EvaluationError(f"{resamples} resamples; expected 1 or more.")
    plan = Blocks.of(images, block, groups)
    points = kind.values(parts.sum(axis=1))  # [R, M]
    flat = np.ascontiguousarray(parts.transpose(1, 0, 2, 3)).reshape(images, -1)
    step = max(1, _CELLS // max(images, flat.shape[1]))
    rng = np.random.default_rng(seed)
    values, lost = [], np.zeros((runs, classes))
    for start in range(0, resamples, step):
        weights = plan.draw(min(step, resamples - start), rng)
        drawn = kind.values((weights @ flat).reshape(-1, runs, terms, classes))  # [draws, R, M]
        gone = np.isnan(drawn) & ~np.isnan(points)
        if gone.any():
            lost += gone.sum(axis=0) if not kind.mean else gone.any(axis=2, keepdims=True).sum(axis=0)
        values.append(_mean_of_classes(drawn, points) if kind.mean else drawn)
    occurs = _occurs(kind, parts)
    found = BootstrapSamples(
        np.concatenate(values).swapaxes(0, 1),
        mean_present(points)[:, None] if kind.mean else points,
        occurs.sum(axis=1),
        np.array([[plan.holding(each) for each in run.T] for run in occurs]),
        (lost[:, :1] if kind.mean else lost) / resamples,
    )
    return _first_class(found) if kind.mean else found


def _occurs(kind: ScoreFunction, parts: F64) -> npt.NDArray[np.bool_]:
    """`[R, N, M]` which images have something to score, of each class; `[R, N, 1]` of any where they are averaged."""
    occurs = np.logical_not(np.isnan(kind.values(parts)))
    return np.logical_or.reduce(occurs, axis=2, keepdims=True) if kind.mean else occurs


def _parts(counts: Sequence[Counts], kind: ScoreFunction) -> F64:
    if not counts:
        raise EvaluationError("No counts to draw from; expected those of one run or more.")
    parts = [kind.parts(each) for each in counts]
    for each in parts:
        if each.shape != parts[0].shape:
            raise EvaluationError(
                f"Counts of {parts[0].shape[0]} images and of {each.shape[0]} ({parts[0].shape[2]} and "
                f"{each.shape[2]} classes) can't be drawn together; expected the same images of every run."
            )
    if not len(parts[0]):
        raise EvaluationError("Counts of no image; expected one image or more.")
    return np.stack(parts)


def _mean_of_classes(drawn: F64, points: F64) -> F64:
    """`[draws, R, M]` -> `[draws, R, 1]`, the score on the whole split standing in for a class that was not drawn."""
    if drawn.shape[2] == 1:
        return drawn
    nothing = np.isnan(drawn)
    if not nothing.any():
        return drawn.mean(axis=2, keepdims=True)
    mean = mean_present(np.where(nothing, points, drawn))
    mean[nothing.all(axis=2)] = np.nan
    return mean[:, :, None]


def _first_class(draws: BootstrapSamples) -> BootstrapSamples:
    return BootstrapSamples(
        draws.values[:, :, 0], draws.points[:, 0], draws.images[:, 0], draws.blocks[:, 0], draws.vanished[:, 0]
    )


def _of_seeds(points: F64, blocks: I64, draws: int, rng: np.random.Generator) -> F64:
    """`[S, ...]` scores of the runs of a recipe -> `[draws, ...]`: how far their mean may be from that of all seeds."""
    runs = len(points)
    if runs == 1:
        return np.zeros((draws, *points.shape[1:]))
    error = points.std(axis=0, ddof=1) / math.sqrt(runs)
    # The interval is stretched for few blocks of images, which don't make the seeds fewer.
    later = np.vectorize(stretch, otypes=[np.float64])(np.maximum(blocks, 2))
    return np.multiply.outer(rng.standard_normal(draws), error * _tails(runs - 1) / later)


def _tails(degrees: int) -> float:
    """How much wider a 95 % interval is by Student's t than by the normal."""
    share = (1 + _SHARE) / 2
    return t_quantile(share, degrees) / NormalDist().inv_cdf(share)


def stretch(blocks: int) -> float:
    """How much too narrow the percentile interval of so many blocks is.

    >>> [round(stretch(blocks), 2) for blocks in (2, 3, 6, 23, 233)]
    [9.17, 2.69, 1.44, 1.08, 1.01]
    """
    return math.sqrt(blocks / (blocks - 1)) * _tails(blocks - 1)


def _percentiles(draws: F64, blocks: int, least: float) -> tuple[float, float]:
    """The percentile interval, stretched about the median, within `least` and 1."""
    draws = draws[~np.isnan(draws)]
    if blocks < 2 or not draws.size:
        return math.nan, math.nan
    low, middle, high = np.quantile(draws, ((1 - _SHARE) / 2, 0.5, (1 + _SHARE) / 2))
    low, high = (middle + stretch(blocks) * (end - middle) for end in (low, high))
    return max(float(low), least), min(float(high), 1.0)


def _probability(differences: F64, blocks: int) -> float:
    """That the difference is above 0; 0.975 where the interval begins there.

    The share of the draws above 0, in standard deviations of the normal, is read off Student's t for so many blocks.
    Where all draws are on one side, the deviations between 0 and their median are taken.
    """
    differences = differences[~np.isnan(differences)]
    if blocks < 2 or not differences.size:
        return math.nan
    share = float((differences > 0).mean() + (differences == 0).mean() / 2)
    if 0 < share < 1:
        away = NormalDist().inv_cdf(share)
    else:
        away = float(np.median(differences)) / max(float(differences.std()), 1e-12)
    return t_cdf(away * math.sqrt((blocks - 1) / blocks), blocks - 1)


def _note(blocks: int, images: int, vanished: float) -> str:
    if images == 0:
        return "Nothing to score."
    if blocks < 2:
        one = "One image" if images == 1 else f"{images} images that are one block"
        return f"{one}: no interval can be given."
    if blocks < FEW_BLOCKS:
        what = f"{images} images" if blocks == images else f"{images} images in {blocks} independent blocks"
        return f"{what}: the interval is a rough guide, and can't rank models that are close."
    if vanished > 0.01:
        return f"A class is absent from {vanished:.0%} of the draws; its spread is not in the interval."
    return ""
