"""Scores of a comparison's runs on bootstrap samples of the images, each computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.arrays import I64
from segcore.errors import EvaluationError
from segcore.evaluation.comparison.comparable_sets import ComparableSet, block_of, image_values, sequences
from segcore.evaluation.stored_counts import StoredCounts, at
from segcore.metrics import BootstrapSamples, Counts, Score, ScoreFunction, resample

Groups: TypeAlias = Sequence[tuple[str, ...]]  # ids of the evaluations of each row


class Resampler:
    """Draws bootstrap samples of images and scores runs on them.

    Args:
        score: The score.
        counts: Id of a run, or of the first fold of a cross-validation -> its counts.
        pools: Comparable sets of these evaluations.
        resamples: Number of samples.
        seed: Seed of the samples.
        trainings: Id of a run -> that of its training, the same for the folds of a cross-validation.
    """

    def __init__(
        self,
        score: Score,
        counts: Mapping[str, StoredCounts],
        pools: Sequence[ComparableSet],
        resamples: int,
        seed: int,
        trainings: Mapping[str, str],
    ) -> None:
        self.trainings = trainings
        self.score, self.counts, self.pools, self.resamples, self.seed = score, counts, pools, resamples, seed
        self._of_evaluated: dict[int, BootstrapSamples | None] = {}
        self._of_rows: dict[tuple[int, Groups], BootstrapSamples | None] = {}

    def of_rows(self, place: int, groups: Groups) -> BootstrapSamples | None:
        """Samples of the rows of a comparable set, NaN for a row whose counts are missing; None when all are.

        Args:
            place: Index of the set.
            groups: Ids of the evaluations of each row.
        """
        key = place, tuple(groups)
        if key not in self._of_rows:
            pool = self.pools[place]
            if place not in self._of_evaluated:
                self._of_evaluated[place] = self._sampled(pool.evaluated, pool.ids, pool.block, pool.clips)
            self._of_rows[key] = self._grouped(self._of_evaluated[place], pool.evaluated, groups)
        return self._of_rows[key]

    def of_images(self, groups: Groups, ids: Sequence[str], video: bool | None) -> BootstrapSamples | None:
        """Samples of rows on images that all of them were scored on.

        Args:
            groups: Ids of the evaluations of each row.
            ids: The images.
            video: Whether they are frames of video; None where unknown.
        """
        evaluated = [evaluation_id for group in groups for evaluation_id in group]
        values = np.array([image_values(self.counts[evaluation_id], ids) for evaluation_id in evaluated])
        samples = self._sampled(evaluated, ids, block_of(ids, values, video), sequences(ids, video))
        return self._grouped(samples, evaluated, groups)

    def of_classes(
        self, place: int, groups: Groups, function: ScoreFunction, resamples: int
    ) -> BootstrapSamples | None:
        """Samples of a score of each class, for rows of a comparable set.

        Args:
            place: Index of the set.
            groups: Ids of the evaluations of each row.
            function: Computes the score from confusion counts.
            resamples: Number of samples.
        """
        pool = self.pools[place]
        evaluated = [evaluation_id for group in groups for evaluation_id in group]
        stored = [self.counts[evaluation_id] for evaluation_id in evaluated]
        counts = [at(one.sums, one.at(pool.ids)) for one in stored]
        folds, fewer = _folds(stored, pool.ids), min(resamples, self.resamples)
        samples = _without_folds(draw(counts, function, pool.block, pool.clips, fewer, self.seed, folds), stored)
        return self._grouped(samples, evaluated, groups)

    def _sampled(
        self, evaluated: Sequence[str], ids: Sequence[str], block: int, clips: Sequence[str]
    ) -> BootstrapSamples | None:
        stored = [self.counts[evaluation_id] for evaluation_id in evaluated]
        counts = [self._counts(one, ids) for one in stored]
        folds = _folds(stored, ids)
        return _without_folds(
            draw(counts, self.score.function(), block, clips, self.resamples, self.seed, folds), stored
        )

    def _counts(self, stored: StoredCounts, ids: Sequence[str]) -> Counts | None:
        """The counts that the score is computed from, for these images in this order."""
        counts = stored.of(self.score)
        return None if counts is None else at(counts, stored.at(ids))

    def _grouped(
        self, samples: BootstrapSamples | None, evaluated: Sequence[str], groups: Groups
    ) -> BootstrapSamples | None:
        if samples is None or [(evaluation_id,) for evaluation_id in evaluated] == list(groups):
            return samples
        places = [[evaluated.index(evaluation_id) for evaluation_id in group] for group in groups]
        trainings = [self.trainings[evaluation_id] for evaluation_id in evaluated]
        return samples.grouped(places, trainings=trainings, seed=self.seed)


def _folds(evaluated: Sequence[StoredCounts], ids: Sequence[str]) -> I64 | None:
    """`[N]` the fold of each image, by which all cross-validations divide them; None without one such division."""
    divisions = {tuple(_in_order(counts.folds[counts.at(ids)])) for counts in evaluated if len(counts.evaluations) > 1}
    return np.array(divisions.pop(), np.int64) if len(divisions) == 1 else None


def _without_folds(samples: BootstrapSamples | None, evaluated: Sequence[StoredCounts]) -> BootstrapSamples | None:
    """The samples without scores of folds in the rows of runs that are no cross-validation."""
    if samples is None or not samples.folds.size:
        return samples
    folds = samples.folds.copy()
    folds[[len(counts.evaluations) == 1 for counts in evaluated]] = np.nan
    return replace(samples, folds=folds)


def _in_order(folds: I64) -> I64:
    """The folds numbered as they first occur: two divisions alike are equal, whatever their numbers."""
    _, first, inverse = np.unique(folds, return_index=True, return_inverse=True)
    ranks: I64 = first.argsort().argsort()
    return ranks[inverse]


def draw(
    counts: Sequence[Counts | None],
    function: ScoreFunction,
    block: int,
    clips: Sequence[str],
    resamples: int,
    seed: int,
    folds: I64 | None = None,
) -> BootstrapSamples | None:
    """All evaluations on the same samples, one row each, NaN for one without counts.

    None where none has counts, or they can't be sampled together.
    """
    known = {place: run for place, run in enumerate(counts) if run is not None}
    if not known:
        return None
    try:
        samples = resample(list(known.values()), function, block, resamples, seed, groups=clips, folds=folds)
    except EvaluationError:
        return None
    return samples if len(known) == len(counts) else _spread(samples, list(known), len(counts))


def _spread(samples: BootstrapSamples, places: Sequence[int], runs: int) -> BootstrapSamples:
    """The rows of samples at these places among `runs` rows, with nothing scored in the others."""

    def rows(known: npt.NDArray[Any], nothing: float) -> npt.NDArray[Any]:
        table = np.full((runs, *known.shape[1:]), nothing, known.dtype)
        table[list(places)] = known
        return table

    return BootstrapSamples(
        rows(samples.values, np.nan),
        rows(samples.points, np.nan),
        rows(samples.images, 0),
        rows(samples.blocks, 0),
        rows(samples.vanished, 0),
        rows(samples.folds, np.nan),
    )
