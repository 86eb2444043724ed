"""Scores of a comparison's runs on bootstrap samples of the images, each computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError
from segcore.evaluation.comparison.comparable_sets import ComparableSet, block_of, image_values, places_of, sequences
from segcore.evaluation.stored_counts import StoredCounts, at
from segcore.metrics import BootstrapSamples, Counts, Score, ScoreFunction, resample

Groups: TypeAlias = Sequence[tuple[str, ...]]  # ids of the runs of each row


class Resampler:
    """Draws bootstrap samples of images and scores runs on them.

    Args:
        score: The score.
        counts: Id of a run -> its counts.
        pools: Comparable sets of these runs.
        resamples: Number of samples.
        seed: Seed of the samples.
    """

    def __init__(
        self,
        score: Score,
        counts: Mapping[str, StoredCounts],
        pools: Sequence[ComparableSet],
        resamples: int,
        seed: int,
    ) -> None:
        self.score, self.counts, self.pools, self.resamples, self.seed = score, counts, pools, resamples, seed
        self._of_runs: dict[int, BootstrapSamples | None] = {}
        self._of_rows: dict[tuple[int, Groups], BootstrapSamples | None] = {}

    def of_rows(self, place: int, groups: Groups) -> BootstrapSamples | None:
        """Samples of the rows of a comparable set, NaN for a row whose counts are missing; None when all are.

        Args:
            place: Index of the set.
            groups: Ids of the runs of each row.
        """
        key = place, tuple(groups)
        if key not in self._of_rows:
            pool = self.pools[place]
            if place not in self._of_runs:
                self._of_runs[place] = self._sampled(pool.runs, pool.ids, pool.block, pool.clips)
            self._of_rows[key] = self._grouped(self._of_runs[place], pool.runs, groups)
        return self._of_rows[key]

    def of_images(self, groups: Groups, ids: Sequence[str], video: bool | None) -> BootstrapSamples | None:
        """Samples of rows on images that all of them were scored on.

        Args:
            groups: Ids of the runs of each row.
            ids: The images.
            video: Whether they are frames of video; None where unknown.
        """
        runs = [run_id for group in groups for run_id in group]
        values = np.array([image_values(self.counts[run_id].evaluation, ids) for run_id in runs])
        samples = self._sampled(runs, ids, block_of(ids, values, video), sequences(ids, video))
        return self._grouped(samples, runs, groups)

    def of_classes(
        self, place: int, groups: Groups, function: ScoreFunction, resamples: int
    ) -> BootstrapSamples | None:
        """Samples of a score of each class, for rows of a comparable set.

        Args:
            place: Index of the set.
            groups: Ids of the runs of each row.
            function: Computes the score from confusion counts.
            resamples: Number of samples.
        """
        pool = self.pools[place]
        runs = [run_id for group in groups for run_id in group]
        counts = [at(self.counts[run_id].sums, places_of(self.counts[run_id].evaluation, pool.ids)) for run_id in runs]
        samples = draw(counts, function, pool.block, pool.clips, min(resamples, self.resamples), self.seed)
        return self._grouped(samples, runs, groups)

    def _sampled(
        self, runs: Sequence[str], ids: Sequence[str], block: int, clips: Sequence[str]
    ) -> BootstrapSamples | None:
        counts = [self._counts(run_id, ids) for run_id in runs]
        return draw(counts, self.score.function(), block, clips, self.resamples, self.seed)

    def _counts(self, run_id: str, ids: Sequence[str]) -> Counts | None:
        """The counts that the score is computed from, for these images in this order."""
        counts = self.counts[run_id].of(self.score)
        return None if counts is None else at(counts, places_of(self.counts[run_id].evaluation, ids))

    def _grouped(
        self, samples: BootstrapSamples | None, runs: Sequence[str], groups: Groups
    ) -> BootstrapSamples | None:
        if samples is None or [(run_id,) for run_id in runs] == list(groups):
            return samples
        places = [[runs.index(run_id) for run_id in group] for group in groups]
        return samples.grouped(places, seed=self.seed)


def draw(
    counts: Sequence[Counts | None],
    function: ScoreFunction,
    block: int,
    clips: Sequence[str],
    resamples: int,
    seed: int,
) -> BootstrapSamples | None:
    """All runs on the same samples, one row each, NaN for a run without counts.

    None where no run has counts, or they can't be sampled together.
    """
    known = {place: run for place, run in enumerate(counts) if run is not None}
    if not known:
        return None
    try:
        samples = resample(list(known.values()), function, block, resamples, seed, groups=clips)
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
    )
