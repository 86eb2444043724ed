"""Confidence intervals of scores and of their differences, by bootstrap over images or blocks of frames.

The images of a split are one sample of all possible images. Sampling as many from them with replacement, many times,
and scoring each sample shows how far the score would move (Efron 1979). Frames of a video resemble their neighbours, so
they are sampled in contiguous blocks that wrap around within their clip (circular block bootstrap, Politis & Romano
1992). All runs are scored on the same samples: what makes an image hard cancels in their difference.

Bootstrap samples of few values spread too little: for n values by sqrt((n - 1) / n), and with the tails of the normal
in place of Student's t (Hesterberg, The American Statistician 69, 2015). So the percentiles 2.5 and 97.5 are moved away
from the median by `stretch(n)`: 1.01 for 233 photos, 1.4 for 6 blocks, 2.7 for 3.

A mean over classes is over the classes of the whole split in every sample. Where a sample has no pixel of a class, the
score of the class on the whole split is used, so that the mean doesn't jump when a hard class is not drawn; the class
then adds nothing to the spread. A score of one class leaves out the samples that the class is absent from. `vanished`
is the share of such samples in both cases.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, Bool
from segcore.errors import EvaluationError
from segcore.metrics.block_bootstrap import Blocks
from segcore.metrics.counts import Counts
from segcore.metrics.fold_spread import fold_half_width
from segcore.metrics.registry import ScoreFunction, statistic
from segcore.metrics.score_functions import mean_present
from segcore.metrics.student_t import t_cdf, t_quantile

_SHARE = 0.95
CELLS_AT_ONCE = 1 << 22  # weights and sums held at a time, 32 MB each
FEW_BLOCKS = 10  # below which a bootstrap over blocks says too little


@dataclass(frozen=True)
class Interval:
    """A score and its 95 % interval; NaN where nothing is scored or there is only one block.

    Args:
        value: The score of all images.
        low, high: The ends of the interval.
        images: Number of images that have something to score.
        blocks: Number of blocks that hold these images: about the number of independent values.
        vanished: Share of the samples from which a class (or everything to score) was absent.
    """

    value: float
    low: float
    high: float
    images: int
    blocks: int
    vanished: float

    @property
    def note(self) -> str:
        """A sentence on what makes the interval unreliable; empty when nothing does."""
        return _note(self.blocks, self.images, self.vanished)


@dataclass(frozen=True)
class PairedInterval:
    """The difference of two runs' scores on the same images, with its 95 % interval.

    Args:
        a, b: The interval of each run by itself, from the same samples.
        difference: a - b.
        low, high: The ends of the interval of the difference.
        probability: Probability that a has the higher value; ties count half, and few blocks move it towards 50 %.
        blocks: The smaller number of blocks of a and b.
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
        """Whether the interval excludes 0, so that the images show a difference."""
        return self.low > 0 or self.high < 0

    @property
    def note(self) -> str:
        """A sentence on what makes the interval unreliable; empty when nothing does."""
        return _note(self.blocks, min(self.a.images, self.b.images), max(self.a.vanished, self.b.vanished))


@dataclass(frozen=True, eq=False)
class BootstrapSamples:
    """Scores of R runs on the same bootstrap samples of the images.

    Args:
        values: `[R, resamples]` float64, or `[R, resamples, M]` for a score of each class.
        points: `[R]` or `[R, M]` scores of all images.
        images, blocks, vanished: `[R]` or `[R, M]`; see `Interval`.
        folds: `[R, K]` or `[R, K, M]` scores of each fold's images; NaN in rows that are no cross-validation, K = 0
            where none is.
    """

    values: F64
    points: F64
    images: I64
    blocks: I64
    vanished: F64
    folds: F64

    def interval(self, run: int = 0, *, index: int | None = None) -> Interval:
        """The score in row `run` with its interval; `index` is the class id, where there is one score a class.

        Raises:
            EvaluationError: when `index` is missing for a score of each class, or given for another.
        """
        samples, folds = self._of(run, index)
        place = run if index is None else (run, index)
        images, blocks = int(self.images[place]), int(self.blocks[place])
        ends = _percentiles(samples, blocks, 0.0, folds)
        return Interval(float(self.points[place]), *ends, images, blocks, float(self.vanished[place]))

    def pair(self, a: int, b: int, *, index: int | None = None) -> PairedInterval:
        """The difference of runs a and b; arguments as for `interval`."""
        one, other = self.interval(a, index=index), self.interval(b, index=index)
        (mine, mine_folds), (theirs, their_folds) = self._of(a, index), self._of(b, index)
        difference, folds = mine - theirs, mine_folds - their_folds
        blocks = min(one.blocks, other.blocks)
        gap = one.value - other.value
        low, high = _percentiles(difference, blocks, -1.0, folds)
        return PairedInterval(one, other, gap, low, high, _probability(difference, blocks, folds), blocks)

    def grouped(
        self, groups: Sequence[Sequence[int]], *, trainings: Sequence[Hashable] | None = None, seed: int = 0
    ) -> BootstrapSamples:
        """Means over groups of runs, e.g. the seeds of a recipe; one row a group.

        The uncertainty from the choice of seeds is added to each sample as normal noise, with the standard error of the
        mean of S runs times Student's t for S - 1 degrees of freedom over the normal's 1.96. A difference of two groups
        contains the noise of both. A group of one run keeps its row, without noise. Seeds contain what folds tell of
        training, so the folds of several runs are not kept.

        The folds of one cross-validation share most of their training images, so they are no independent trainings:
        of several cross-validations, each counts once, with the mean of its folds.

        Args:
            groups: Rows of the runs of each group.
            trainings: What each row was trained in, the same for the folds of a cross-validation; each alone when not
                given.
            seed: Seed of the noise.
        """
        rng = np.random.default_rng(seed)
        values, points = [], []
        alone = np.array([len(group) == 1 for group in groups]).reshape(-1, *[1] * (self.folds.ndim - 1))
        for group in map(list, groups):
            means = np.stack([self.points[rows].mean(axis=0) for rows in _by_training(group, trainings)])
            noise = _seed_noise(means, self.blocks[group[0]], self.values.shape[1], rng)
            values.append(self.values[group].mean(axis=0) + noise)
            points.append(self.points[group].mean(axis=0))
        first = [group[0] for group in groups]
        images, blocks, vanished = self.images[first], self.blocks[first], self.vanished[first]
        folds = np.where(alone, self.folds[first], np.nan)
        return BootstrapSamples(np.stack(values), np.stack(points), images, blocks, vanished, folds)

    def _of(self, run: int, index: int | None) -> tuple[F64, F64]:
        """(samples of a score, its values on each fold)."""
        if (self.values.ndim == 3) == (index is None):
            what = "is one of each class: say which, index=0" if index is None else "is of all classes: leave index out"
            raise EvaluationError(f"This score {what}.")
        if index is None:
            return self.values[run], self.folds[run]
        return self.values[run, :, index], self.folds[run, :, index]


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
    """The interval of a score, or of the difference of two runs' scores on the same images.

    Args:
        counts_a: `[N, C, C]` confusion counts of each image, rows = truth. For boundary scores its `boundary_counts`,
            `[N, C, 10]`; for `ece` its `calibration_counts`, `[N, 15, 5]`; for `entropy` `[N]`, the mean of each image.
        counts_b: Counts of another run, of the same images in the same order.
        metric: A key of `SCORES`, or `statistic(name, index=..., without=...)`.
        block: Images in a block: 1 for photos, `block_length` for frames.
        resamples: Number of bootstrap samples.
        seed: Seed of the samples; the same seed, images and blocks give the same samples, whatever the counts.
        groups: The clip of each image; no block holds images of two clips. One clip when not given.

    Raises:
        EvaluationError: when there are no counts, or a and b are not of the same images and classes.

    >>> photos = np.array([[[8, 2], [1, 9]], [[7, 3], [3, 7]]] * 50)
    >>> interval = bootstrap(photos, metric="pixel_accuracy")
    >>> round(interval.value, 3), round(interval.low, 2), round(interval.high, 2)
    (0.775, 0.76, 0.79)
    """
    both = [counts_a] if counts_b is None else [counts_a, counts_b]
    samples = resample(both, metric, block, resamples, seed, groups=groups)
    if samples.values.ndim == 3:
        raise EvaluationError(f"{metric!r} is one score a class; choose one: statistic({metric!r}, index=0).")
    return samples.interval(0) if counts_b is None else samples.pair(0, 1)


def resample(
    counts: Sequence[Counts],
    metric: str | ScoreFunction = "miou",
    block: int = 1,
    resamples: int = 10_000,
    seed: int = 0,
    *,
    groups: Sequence[Hashable] | None = None,
    folds: npt.ArrayLike | None = None,
) -> BootstrapSamples:
    """Score R runs on the same bootstrap samples of images.

    Each sample is a row of integer weights of the images; its sums are that row times the sums of each image, in
    float64, which holds integers up to 2^53 exactly. `counts` holds, for each run, counts as `bootstrap` takes them
    (or `Sums`, `C` times smaller), of the same images in the same order. `folds` is the fold of each image, where the
    runs are cross-validations: intervals then hold the luck of training too (`fold_spread`). The other arguments are
    those of `bootstrap`.

    Raises:
        EvaluationError: when there are no counts, or they are not of the same images and classes.
    """
    score = statistic(metric) if isinstance(metric, str) else metric
    terms = _stacked_terms(counts, score)  # [R, N, K, M]
    runs, images, number, classes = terms.shape
    if resamples < 1:
        raise EvaluationError(f"{resamples} resamples; expected 1 or more.")
    plan = Blocks.of(images, block, groups)
    points = score.formula(terms.sum(axis=1))  # [R, M]
    flat = np.ascontiguousarray(terms.transpose(1, 0, 2, 3)).reshape(images, -1)
    step = max(1, CELLS_AT_ONCE // max(images, flat.shape[1]))
    rng = np.random.default_rng(seed)
    values, lost = [], np.zeros((runs, classes))
    for start in range(0, resamples, step):
        weights = plan.draw(min(step, resamples - start), rng)
        sampled = score.formula((weights @ flat).reshape(-1, runs, number, classes))  # [samples, R, M]
        gone = np.isnan(sampled) & ~np.isnan(points)
        if gone.any():
            lost += (np.logical_or.reduce(gone, axis=2, keepdims=True) if score.mean_of_classes else gone).sum(axis=0)
        values.append(_mean_of_classes(sampled, points) if score.mean_of_classes else sampled)
    of_folds = _scores_of_folds(terms, score, points, folds)  # [R, K, M]
    scored: Bool = np.logical_not(np.isnan(score.formula(terms)))  # [R, N, M]
    if score.mean_of_classes:
        scored, points = np.logical_or.reduce(scored, axis=2, keepdims=True), mean_present(points)[:, None]
    blocks = np.array([[plan.holding(occurs) for occurs in run.T] for run in scored])
    sampled_scores = np.concatenate(values).swapaxes(0, 1)
    arrays: list[Any] = [sampled_scores, points, scored.sum(axis=1), blocks, lost / resamples, of_folds]
    return BootstrapSamples(*(array[..., 0] if score.mean_of_classes else array for array in arrays))


def _stacked_terms(counts: Sequence[Counts], score: ScoreFunction) -> F64:
    """`[R, N, K, M]` terms of a score; EvaluationError where the counts are not of the same images and classes."""
    if not counts:
        raise EvaluationError("No counts to draw from; expected those of one run or more.")
    terms = [score.terms(run) for run in counts]
    images, _, classes = terms[0].shape
    for other in terms:
        if other.shape != terms[0].shape:
            raise EvaluationError(
                f"Counts of {images} images and of {other.shape[0]} ({classes} and {other.shape[2]} classes) can't be "
                "drawn together; expected the same images of every run."
            )
    if not images:
        raise EvaluationError("Counts of no image; expected one image or more.")
    return np.stack(terms)


def _scores_of_folds(terms: F64, score: ScoreFunction, points: F64, folds: npt.ArrayLike | None) -> F64:
    """`[R, K, M]` scores of the images of each fold; M is 1 for a mean of classes."""
    labels = np.unique(folds, return_inverse=True)[1] if folds is not None else np.zeros(terms.shape[1], np.intp)
    if len(labels) != terms.shape[1]:
        raise EvaluationError(f"{len(labels)} folds of {terms.shape[1]} images; expected one for each image.")
    count = int(labels.max()) + 1 if folds is not None else 0
    sums = np.zeros((count, terms.shape[0], *terms.shape[2:]))
    for fold in range(count):
        sums[fold] = terms[:, labels == fold].sum(axis=1)
    values = score.formula(sums)  # [K, R, M]
    return (_mean_of_classes(values, points) if score.mean_of_classes else values).swapaxes(0, 1)


def _mean_of_classes(sampled: F64, points: F64) -> F64:
    """`[samples, R, M]` -> `[samples, R, 1]`; `points` replace the classes that are absent from a sample."""
    if sampled.shape[2] == 1:
        return sampled
    absent = np.isnan(sampled)
    if not absent.any():
        return sampled.mean(axis=2, keepdims=True)
    mean = mean_present(np.where(absent, points, sampled))
    mean[absent.all(axis=2)] = np.nan
    return mean[:, :, None]


def _by_training(group: Sequence[int], trainings: Sequence[Hashable] | None) -> list[list[int]]:
    """The rows of each training of a group; where all are of one, each row."""
    rows: dict[Hashable, list[int]] = {}
    for row in group:
        rows.setdefault(row if trainings is None else trainings[row], []).append(row)
    return list(rows.values()) if len(rows) > 1 else [[row] for row in group]


def _seed_noise(points: F64, blocks: I64, samples: int, rng: np.random.Generator) -> F64:
    """`[S, ...]` scores of S seeds -> `[samples, ...]` noise: the uncertainty of their mean as a mean of all seeds."""
    runs = len(points)
    if runs == 1:
        return np.zeros((samples, *points.shape[1:]))
    error = points.std(axis=0, ddof=1) / math.sqrt(runs)
    # The interval is stretched later for few blocks of images, which must not widen this part.
    later = np.vectorize(stretch, otypes=[np.float64])(np.maximum(blocks, 2))
    return np.multiply.outer(rng.standard_normal(samples), error * _tails(runs - 1) / later)


def _tails(degrees: int) -> float:
    """The ratio of a 95 % interval's width by Student's t to that by the normal."""
    share = (1 + _SHARE) / 2
    return t_quantile(share, degrees) / NormalDist().inv_cdf(share)


def stretch(blocks: int) -> float:
    """The factor by which the percentile interval of this number of blocks is too narrow.

    >>> [round(stretch(blocks), 2) for blocks in (2, 3, 6, 23, 233)]
    [9.17, 2.69, 1.44, 1.08, 1.01]
    """
    return math.sqrt(blocks / (blocks - 1)) * _tails(blocks - 1)


def _percentiles(samples: F64, blocks: int, least: float, folds: F64) -> tuple[float, float]:
    """The percentile interval, stretched about the median and widened for folds, within `least` and 1."""
    samples = samples[~np.isnan(samples)]
    if blocks < 2 or not samples.size:
        return math.nan, math.nan
    low, middle, high = np.quantile(samples, ((1 - _SHARE) / 2, 0.5, (1 + _SHARE) / 2))
    more = fold_half_width(folds, float(samples.var()), _SHARE)
    low = middle - math.hypot(stretch(blocks) * (middle - low), more)
    high = middle + math.hypot(stretch(blocks) * (high - middle), more)
    return max(float(low), least), min(float(high), 1.0)


def _probability(differences: F64, blocks: int, folds: F64) -> float:
    """Probability that the difference is above 0; 0.975 where the interval begins there.

    The share of the samples above 0 gives a normal quantile, whose probability is that of Student's t for this number
    of blocks. Where all samples are on one side, the quantile is their median over their standard deviation.
    """
    differences = differences[~np.isnan(differences)]
    if blocks < 2 or not differences.size:
        return math.nan
    share = float((differences > 0).mean() + (differences == 0).mean() / 2)
    if 0 < share < 1:
        away = NormalDist().inv_cdf(share)
    else:
        away = float(np.median(differences)) / max(float(differences.std()), 1e-12)
    half, more = _half_width(differences), fold_half_width(folds, float(differences.var()), _SHARE)
    away *= half / math.hypot(half, more / stretch(blocks)) if more else 1.0
    return t_cdf(away * math.sqrt((blocks - 1) / blocks), blocks - 1)


def _half_width(samples: F64) -> float:
    """Half the width of the interval that normal samples would have."""
    return NormalDist().inv_cdf((1 + _SHARE) / 2) * float(samples.std())


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
