"""Runs against each other: scores with intervals, costs, and which differences are more than chance.

Needs no model: everything comes from what evaluations stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from segcore.errors import EvaluationError, SegcoreError, unknown
from segcore.evaluation.comparison import sentences as words
from segcore.evaluation.comparison.bootstrap_samples import Counted, draw, sums_of
from segcore.evaluation.comparison.comparable_sets import (
    ComparableSet,
    block_of,
    differences,
    image_values,
    places_of,
    pools_of,
    sequences,
)
from segcore.evaluation.comparison.costs import (
    Cost,
    ProfiledRun,
    costs,
    costs_of,
)
from segcore.evaluation.comparison.recipes import Group, groups_of
from segcore.evaluation.comparison.rows import Pair, Row
from segcore.evaluation.comparison.score_registry import (
    METRICS,
    NAN,
    Metric,
    RowScores,
    metrics_of,
)
from segcore.metrics import (
    BootstrapSamples,
    Interval,
    Sums,
    statistic,
)
from segcore.runs import Evaluation, RunRecord
from segcore.runs.temperature import stale_note
from segcore.runs.titles import run_titles

RESAMPLES = 10_000
CLASS_RESAMPLES = 2000  # of each class: enough for a picture
Read = Callable[[RunRecord, str], Evaluation | None]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs, or recipes, compared by one metric on one split.

    Args:
        runs: All of them, in the order given.
        split: The split.
        metric: What they are ranked by.
        by_seed: Whether runs of one recipe are one row.
        titles: Id of a run -> what it is called.
        evaluations: Id of a run -> its scores; those without have a problem instead.
        problems: Id of a run -> why it has no scores.
        pools: Runs scored on the same images with the same ground truth.
        groups: Runs of one recipe, every run in one.
        resamples: Draws of the images.
        seed: Of those.
    """

    runs: tuple[RunRecord, ...]
    split: str
    metric: Metric
    by_seed: bool
    titles: Mapping[str, str]
    evaluations: Mapping[str, Evaluation]
    problems: Mapping[str, str]
    pools: tuple[ComparableSet, ...]
    groups: tuple[Group, ...]
    resamples: int = RESAMPLES
    seed: int = 0
    _sums: Mapping[str, Sums] = field(default_factory=dict)
    _draws: dict[int, BootstrapSamples | None] = field(
        default_factory=dict
    )  # by pool, a row a run of it, NaN if not counted
    _pairs: dict[tuple[str, str], Pair] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        runs: Sequence[RunRecord],
        split: str,
        metric: str = "miou",
        *,
        by_seed: bool = False,
        titles: Mapping[str, str] | None = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
        read: Read = RunRecord.evaluation,
    ) -> Comparison:
        """Compare runs. Those that can't be compared with the rest are ranked apart, and `differences` names them.

        Args:
            runs: What to compare; one that can't be read becomes a row with a problem.
            split: The split whose stored evaluations are read.
            metric: Key of `METRICS`.
            by_seed: Make one row of the runs of one recipe.
            titles: Id of a run -> what it is called; the model's name, and the id where two share it, when not given.
            resamples: Draws of the images.
            seed: Of those.
            read: How to get an evaluation, e.g. from a cache.

        Raises:
            EvaluationError: when there is no such metric.
        """
        if metric not in METRICS:
            raise EvaluationError(unknown("metric", metric, METRICS))
        evaluations: dict[str, Evaluation] = {}
        problems: dict[str, str] = {}
        for run in runs:
            try:
                found = read(run, split)
            except SegcoreError as error:
                problems[run.id] = str(error)
                continue
            if found is None or not found.ids:
                problems[run.id] = f"not evaluated on {split}"
            else:
                evaluations[run.id] = found
        sums = {run_id: sums_of(each) for run_id, each in evaluations.items()}
        return cls(
            tuple(runs),
            split,
            METRICS[metric],
            by_seed,
            titles or run_titles(runs),
            evaluations,
            problems,
            pools_of(runs, evaluations, {run_id: each.true for run_id, each in sums.items()}),
            groups_of(runs),
            resamples,
            seed,
            sums,
        )

    @cached_property
    def digest(self) -> str:
        """Stands for all that it was made of, in caches of what is made of it."""
        made_of = [f"{run.path}@{run.version}:{self.titles[run.id]}" for run in self.runs]
        made_of += [self.split, self.metric.key, str(self.by_seed), str(self.resamples), str(self.seed)]
        return hashlib.sha256("\n".join(made_of).encode()).hexdigest()

    @cached_property
    def by_recipe(self) -> Comparison:
        """The same with the runs of one recipe as one row; no image is drawn again."""
        return replace(self, by_seed=True, _pairs={})

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Pool by pool, in each the best first; then those without scores."""
        found: list[Row] = []
        for place in range(len(self.pools)):
            found += sorted(self._ranked(place), key=self._order)
        return (*found, *(self._unscored(run) for run in self.runs if run.id in self.problems))

    def _ranked(self, place: int) -> list[Row]:
        draws = self._grouped(place)
        return [
            self._row(runs, place, None if draws is None or np.isnan(draws.points[index]) else draws.interval(index))
            for index, runs in enumerate(self._members(place))
        ]

    def _members(self, place: int) -> list[tuple[str, ...]]:
        """Ids of the runs of each row of a pool."""
        inside = self.pools[place].runs
        if not self.by_seed:
            return [(run_id,) for run_id in inside]
        found = [tuple(run_id for run_id in group.runs if run_id in inside) for group in self.groups]
        return [runs for runs in found if runs]

    def _drawn(self, place: int) -> BootstrapSamples | None:
        """Draws of each run of a pool, made once."""
        if place not in self._draws:
            pool = self.pools[place]
            counted = [self._counted(run_id, pool.ids) for run_id in pool.runs]
            self._draws[place] = draw(counted, pool.block, pool.clips, self.resamples, self.seed)
        return self._draws[place]

    @cached_property
    def _groupings(self) -> dict[int, BootstrapSamples | None]:
        return {}

    def _grouped(self, place: int) -> BootstrapSamples | None:
        """Draws of each row of a pool."""
        if place not in self._groupings:
            drawn, inside = self._drawn(place), self.pools[place].runs
            if drawn is not None and self.by_seed:
                places = [[inside.index(run_id) for run_id in runs] for runs in self._members(place)]
                drawn = drawn.grouped(places, seed=self.seed)
            self._groupings[place] = drawn
        return self._groupings[place]

    def _counted(self, run_id: str, ids: Sequence[str]) -> Counted | None:
        """What the metric counts of a run, for these images in this order."""
        evaluation = self.evaluations[run_id]
        counted = Counted.of(evaluation, self.metric, self._sums[run_id])
        return None if counted is None else counted.at(places_of(evaluation, ids))

    def _row(self, runs: tuple[str, ...], place: int, interval: Interval | None) -> Row:
        evaluations = [self.evaluations[run_id] for run_id in runs]
        scores = RowScores(evaluations)
        own = scores.each(self.metric.key)
        costs = [costs_of(self._priced[run_id], self.costs) for run_id in runs]
        return Row(
            runs[0],
            self._title(runs),
            runs,
            scores,
            interval,
            float(np.std(own, ddof=1)) if len(own) > 1 else NAN,
            {
                key: float(np.mean(known))
                for key in self.costs
                if (known := [each[key] for each in costs if key in each])
            },
            place,
            images=len(evaluations[0].ids),
        )

    def _unscored(self, run: RunRecord) -> Row:
        scores = dict.fromkeys(METRICS, NAN)
        cost, problem = costs_of(self._priced[run.id], self.costs), self.problems[run.id]
        return Row(run.id, self.titles[run.id], (run.id,), scores, None, NAN, cost, -1, problem=problem)

    def _title(self, runs: tuple[str, ...]) -> str:
        if len(runs) == 1:
            return self.titles[runs[0]]
        return next(group.title for group in self.groups if runs[0] in group.runs)

    def in_rows(self, among: Sequence[str]) -> list[Row]:
        """The rows that these runs are in, as they are ranked."""
        return [row for row in self.rows if any(run_id in among for run_id in row.runs)]

    @cached_property
    def costs(self) -> dict[str, Cost]:
        """The costs that any of the runs can tell, latencies on one machine among them."""
        return costs(tuple(self._priced.values()))

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics that any of the evaluations can tell."""
        return metrics_of(list(self.evaluations.values()))

    @cached_property
    def _priced(self) -> dict[str, ProfiledRun]:
        return {run.id: ProfiledRun.of(run) for run in self.runs}

    @cached_property
    def _runs(self) -> dict[str, RunRecord]:
        return {run.id: run for run in self.runs}

    def _order(self, row: Row) -> tuple[bool, float, str]:
        value = row.scores[self.metric.key]
        if value != value:
            return True, 0.0, row.title
        return False, value if self.metric.higher_is_better is False else -value, row.title

    @cached_property
    def _by_id(self) -> dict[str, Row]:
        return {run_id: row for row in self.rows for run_id in row.runs}

    def row(self, run_id: str) -> Row:
        """The row that a run is in.

        Raises:
            EvaluationError: when it is in none.
        """
        if run_id not in self._by_id:
            raise EvaluationError(unknown("run in this comparison", run_id, self._by_id))
        return self._by_id[run_id]

    @property
    def block(self) -> int:
        """Neighbouring frames that are drawn together, in the largest pool; 1 where images are drawn one by one."""
        return max(self.pools, key=lambda pool: len(pool.runs)).block if self.pools else 1

    @cached_property
    def differences(self) -> tuple[str, ...]:
        """Which runs differ in data, classes, void, images, version or division, and what can be compared even so."""
        return differences(self.runs, self.evaluations, self.pools, self.titles)

    def ranked(self, pool: int, among: Sequence[str] = ()) -> list[Row]:
        """Rows of a pool with a value of the metric, best first; of these runs alone where some are given."""
        return [
            row
            for row in self.rows
            if row.pool == pool
            and row.scores[self.metric.key] == row.scores[self.metric.key]
            and (not among or any(run_id in among for run_id in row.runs))
        ]

    def ranks(self, pool: int) -> dict[str, int]:
        """Place of each row of a pool by its id, 1 the best; none where it has no value, or no value is better."""
        rows = self.ranked(pool) if self.metric.higher_is_better is not None else []
        return {row.id: place for place, row in enumerate(rows, 1)}

    def level(self, pool: int) -> frozenset[str]:
        """Ids of the rows of a pool that its images can't separate from the best one, that one included.

        Rows without an interval of that difference are not among them; there are none where no value is better.
        """
        rows = self.ranked(pool) if self.metric.higher_is_better is not None else []
        return frozenset(row.id for row in rows if row is rows[0] or self.pair(rows[0].id, row.id).tied)

    def sentences(self, among: Sequence[str] = ()) -> list[str]:
        """Who is better than whom, and who can't be separated, in plain words; pool by pool."""
        found = []
        for place, pool in enumerate(self.pools):
            found += words.sentences(self.ranked(place, among), pool, self.metric, self.pair, self.name)
        return found

    def verdict(self, pair: Pair) -> str:
        """A pair in one plain sentence."""
        one, other = self.row(pair.a), self.row(pair.b)
        together = one.pool >= 0 and one.pool == other.pool
        where = self.pools[one.pool].where if together else f"{pair.images} images"
        return words.verdict(pair, self.metric, self.name, where)

    def caveats(self, among: Sequence[str] = ()) -> list[str]:
        """What the intervals don't tell, each once."""
        found: dict[str, None] = {}
        for place, pool in enumerate(self.pools):
            found |= dict.fromkeys(words.caveats(self.ranked(place, among), pool, self.metric, self.split))
        if self.metric.key == "ece_scaled":
            found |= dict.fromkeys(self.stale(among))
        return list(found)

    def stale(self, among: Sequence[str] = ()) -> list[str]:
        """Which runs were scaled by another temperature than validation asks for now, and what to do; at most one."""
        runs = [run for run in self.runs if run.id in self.evaluations and (not among or run.id in among)]
        note = stale_note(runs, self.split, dict(self.titles))
        return [note] if note else []

    def classes(self, among: Sequence[str], score: str = "iou") -> dict[str, tuple[Interval, ...]]:
        """A score of each class with its interval, by the id of the row.

        Args:
            among: Ids of runs, whose rows are wanted; those without scores are left out.
            score: `iou`, `precision`, `accuracy` (recall) or `dice`.
        """
        found: dict[str, tuple[Interval, ...]] = {}
        kind = statistic(score)
        for place, pool in enumerate(self.pools):
            rows = self.ranked(place, among) if among else []
            runs = [run_id for row in rows for run_id in row.runs]
            counted = [
                Counted(self._sums[run_id], kind).at(places_of(self.evaluations[run_id], pool.ids)) for run_id in runs
            ]
            draws = draw(counted, pool.block, pool.clips, min(CLASS_RESAMPLES, self.resamples), self.seed)
            if draws is not None:
                draws = draws.grouped([[runs.index(run_id) for run_id in row.runs] for row in rows], seed=self.seed)
                for index, row in enumerate(rows):
                    classes = range(len(pool.kind.classes))
                    found[row.id] = tuple(draws.interval(index, index=each) for each in classes)
        return found

    def leak(self, row: Row) -> str:
        """What is known now to be wrong with the split of any run of a row, each sentence once; empty where nothing is.

        Not kept: a leak check may be made after a comparison that an app goes on showing.
        """
        return " ".join(dict.fromkeys(filter(None, (self._runs[run_id].leak(self.split) for run_id in row.runs))))

    def name(self, run_id: str) -> str:
        """What the row of a run is called."""
        return self.row(run_id).title

    def pair(self, a: str, b: str) -> Pair:
        """Two rows, by the id of any run in them, on the images that both were scored on.

        Raises:
            EvaluationError: when one is not in this comparison.
        """
        one, other = self.row(a), self.row(b)
        key = (one.id, other.id)
        if key not in self._pairs:
            self._pairs[key] = self._pair(one, other)
        return self._pairs[key]

    def _pair(self, one: Row, other: Row) -> Pair:
        for row in (one, other):
            if row.problem:
                return Pair(one.id, other.id, NAN, problem=f"{row.title}: {row.problem}")
        if one.pool == other.pool:
            members = self._members(one.pool)
            places = members.index(one.runs), members.index(other.runs)
            return self._judged(one, other, self._grouped(one.pool), places, one.images)
        first, second = self.pools[one.pool], self.pools[other.pool]
        if first.kind != second.kind:
            return Pair(one.id, other.id, NAN, problem=f"one is of {first.called}, the other of {second.called}")
        return self._apart(one, other)

    def _apart(self, one: Row, other: Row) -> Pair:
        """A pair of two pools, on the images that both have with the same ground truth."""
        both = set(self.pools[other.pool].ids)
        ids = [sample_id for sample_id in self.pools[one.pool].ids if sample_id in both]
        mine, theirs = (self._sums[row.id].true[places_of(self.evaluations[row.id], ids)] for row in (one, other))
        alike = (mine == theirs).all(axis=1) if ids else ()
        ids = [sample_id for sample_id, same in zip(ids, alike, strict=True) if same]
        if not ids:
            return Pair(one.id, other.id, NAN, problem="they share no image with the same ground truth")
        runs = (*one.runs, *other.runs)
        values = np.array([image_values(self.evaluations[run_id], ids) for run_id in runs])
        counted = [self._counted(run_id, ids) for run_id in runs]
        known = {self.pools[row.pool].video for row in (one, other)} - {None}
        video = None if not known else True in known
        draws = draw(counted, block_of(ids, values, video), sequences(ids, video), self.resamples, self.seed)
        if draws is not None:
            split = len(one.runs)
            draws = draws.grouped([range(split), range(split, len(runs))], seed=self.seed)
        return self._judged(one, other, draws, (0, 1), len(ids))

    def _judged(
        self, one: Row, other: Row, draws: BootstrapSamples | None, places: tuple[int, int], images: int
    ) -> Pair:
        key = self.metric.key
        if draws is None:
            alone = one.scores[key] - other.scores[key] if one.pool == other.pool else NAN
            return Pair(one.id, other.id, alone, images=images)
        found = draws.pair(*places) if one.id != other.id else None
        if found is None:
            return Pair(one.id, other.id, 0.0, 0.0, 0.0, 0.5, images)
        better = None
        if found.separated and self.metric.higher_is_better is not None:
            better = one.id if (found.difference > 0) == self.metric.higher_is_better else other.id
        return Pair(one.id, other.id, found.difference, found.low, found.high, found.probability, images, better)
