"""Compares runs by one score: ranks them, gives intervals, and says which differences are more than chance.

No model is needed: everything is computed from stored evaluations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import F64
from segcore.errors import EvaluationError, SegcoreError, unknown
from segcore.evaluation.comparison import display, sentences
from segcore.evaluation.comparison.bootstrap_samples import Resampler
from segcore.evaluation.comparison.comparable_sets import ComparableSet, comparable_sets, differences, image_values
from segcore.evaluation.comparison.costs import Cost, ProfiledRun, costs, costs_of
from segcore.evaluation.comparison.paired_differences import PairedDifference, difference_across, difference_within
from segcore.evaluation.comparison.recipes import Group, evaluated_together, groups_of
from segcore.evaluation.comparison.rows import NAN, Row, RowScores
from segcore.evaluation.stored_counts import StoredCounts
from segcore.metrics import SCORES, Interval, Score, statistic
from segcore.runs import Evaluation, RunRecord
from segcore.runs.scored_splits import has_split, why_no_scores
from segcore.runs.temperature import stale_note
from segcore.runs.titles import run_titles

if TYPE_CHECKING:
    import altair as alt

RESAMPLES = 10_000
CLASS_RESAMPLES = 2000  # for each class: enough for a chart
Read = Callable[[RunRecord, str], Evaluation | None]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Runs, or recipes, compared by one score on one split; `Comparison.of` makes one.

    Args:
        runs: All runs, in the order given.
        split: Name of the split.
        metric: The score they are ranked by.
        by_seed: Whether runs of one recipe are one row; the folds of a cross-validation always are.
        titles: Id of a run -> the name shown to people.
        evaluations: Id of a run -> its stored evaluation; a run without one has a problem instead.
        problems: Id of a run -> why it has no scores.
        pools: Comparable sets: runs scored on the same images with the same ground truth.
        trainings: Every evaluated run once, alone or with the other folds of its cross-validation.
        recipes: Every evaluated run once, with the other runs of its recipe.
    """

    runs: tuple[RunRecord, ...]
    split: str
    metric: Score
    by_seed: bool
    titles: Mapping[str, str]
    evaluations: Mapping[str, Evaluation]
    problems: Mapping[str, str]
    pools: tuple[ComparableSet, ...]
    trainings: tuple[Group, ...]
    recipes: tuple[Group, ...]
    _resampler: Resampler
    _pairs: dict[tuple[str, str], PairedDifference] = field(default_factory=dict)

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
        """Compare runs. Runs that can't be compared with the others are ranked separately; see `differences`.

        The folds of a cross-validation are one row. Where each fold was scored on images of its own, as on validation,
        the row is scored on the images of all folds together, each by the model that has not seen it.

        Args:
            runs: The runs; one that can't be read becomes a row with a problem.
            split: The split whose stored evaluations are read.
            metric: Key of `SCORES`.
            by_seed: Make one row of the runs of one recipe.
            titles: Id of a run -> the name shown to people; by default the model's name, and the id where two share it.
            resamples: Number of bootstrap samples of the images.
            seed: Seed of the samples.
            read: Reads an evaluation, e.g. from a cache.

        Raises:
            EvaluationError: when there is no such metric.
        """
        if metric not in SCORES:
            raise EvaluationError(unknown("metric", metric, SCORES))
        evaluations: dict[str, Evaluation] = {}
        problems: dict[str, str] = {}
        for run in runs:
            try:
                evaluation = read(run, split)
            except SegcoreError as error:
                problems[run.id] = str(error)
                continue
            if evaluation is None or not evaluation.ids:
                problems[run.id] = why_no_scores(run, split)
            else:
                evaluations[run.id] = evaluation
        trainings, recipes = groups_of([run for run in runs if run.id in evaluations])
        evaluated = evaluated_together(trainings, evaluations)
        counts = {key: StoredCounts(*(evaluations[run_id] for run_id in ids)) for key, ids in evaluated.items()}
        pools = comparable_sets(runs, counts, evaluated)
        training_of = {run_id: training.runs[0] for training in trainings for run_id in training.runs}
        return cls(
            tuple(runs),
            split,
            SCORES[metric],
            by_seed,
            titles or run_titles(runs),
            evaluations,
            problems,
            pools,
            trainings,
            recipes,
            Resampler(SCORES[metric], counts, pools, resamples, seed, training_of),
        )

    @property
    def resamples(self) -> int:
        """Number of bootstrap samples of the images."""
        return self._resampler.resamples

    @cached_property
    def digest(self) -> str:
        """Identifies everything the comparison was made of, for caches of what is made of it."""
        made_of = [f"{run.path}@{run.version}:{self.titles[run.id]}" for run in self.runs]
        made_of += [self.split, self.metric.key, str(self.by_seed), str(self.resamples), str(self._resampler.seed)]
        return hashlib.sha256("\n".join(made_of).encode()).hexdigest()

    @property
    def has_seeds(self) -> bool:
        """Whether a recipe was trained with several seeds, so that `by_recipe` has fewer rows."""
        return len(self.recipes) < len(self.trainings)

    @cached_property
    def by_recipe(self) -> Comparison:
        """The same comparison with the runs of one recipe as one row; no image is sampled again."""
        return replace(self, by_seed=True, _pairs={})

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, set by set, the best of each set first; then the runs without scores."""
        rows: list[Row] = []
        for place in range(len(self.pools)):
            rows += sorted(self._scored(place), key=self._order)
        return (*rows, *(self._unscored(run) for run in self.runs if run.id in self.problems))

    def _scored(self, place: int) -> list[Row]:
        """The rows of a set, in no order."""
        samples = self._resampler.of_rows(place, self._members[place])
        return [
            self._row(
                runs, place, None if samples is None or np.isnan(samples.points[index]) else samples.interval(index)
            )
            for index, runs in enumerate(self._members[place])
        ]

    @cached_property
    def _members(self) -> list[list[tuple[str, ...]]]:
        """Of each set: ids of the evaluations of each row."""
        groups, sets = self.recipes if self.by_seed else self.trainings, [set(pool.evaluated) for pool in self.pools]
        rows = [[tuple(run_id for run_id in group.runs if run_id in inside) for group in groups] for inside in sets]
        return [[evaluated for evaluated in of_set if evaluated] for of_set in rows]

    def _row(self, evaluated: tuple[str, ...], place: int, interval: Interval | None) -> Row:
        scores = RowScores({run_id: self._resampler.counts[run_id] for run_id in evaluated}, self._resampler.trainings)
        groups = [group for group in self.trainings if any(run_id in evaluated for run_id in group.runs)]
        runs = tuple(run_id for group in groups for run_id in group.runs if run_id in self.pools[place].runs)
        costs = [costs_of(self._profiled[run_id], self.costs) for run_id in runs]
        measured = {key: [cost[key] for cost in costs if key in cost] for key in self.costs}
        return Row(
            evaluated[0],
            self._title(runs),
            runs,
            evaluated,
            scores,
            interval,
            scores.of_parts(self.metric.key),
            "folds" if len(evaluated) == 1 or len(groups) == 1 else "seeds",
            {key: float(np.mean(known)) for key, known in measured.items() if known},
            place,
            images=len(self.pools[place].ids),
        )

    def _unscored(self, run: RunRecord) -> Row:
        scores = dict.fromkeys(SCORES, NAN)
        cost, problem = costs_of(self._profiled[run.id], self.costs), self.problems[run.id]
        return Row(run.id, self.titles[run.id], (run.id,), (), scores, None, (), "folds", cost, -1, problem=problem)

    def _title(self, runs: tuple[str, ...]) -> str:
        groups = [group for group in (self.recipes if self.by_seed else self.trainings) if runs[0] in group.runs]
        return self.titles[runs[0]] if len(groups[0].runs) == 1 else groups[0].title

    def image_values(self, row: Row) -> F64:
        """`[N]` mIoU of each image of a row's set by itself; of several seeds, that of the first."""
        return image_values(self._resampler.counts[row.id], self.pools[row.pool].ids)

    def evaluation_of(self, row: Row, sample_id: str) -> Evaluation:
        """The stored evaluation that holds an image: that of the first run of a row which was scored on it.

        Raises:
            EvaluationError: when none was.
        """
        for run_id in row.runs:
            if sample_id in self.evaluations[run_id].places:
                return self.evaluations[run_id]
        raise EvaluationError(f"{row.title} was not scored on image {sample_id!r} of {self.split}.")

    def in_rows(self, among: Sequence[str]) -> list[Row]:
        """The rows that these runs are in, in the order of `rows`."""
        return [row for row in self.rows if any(run_id in among for run_id in row.runs)]

    @cached_property
    def costs(self) -> dict[str, Cost]:
        """The costs that are known of any of the runs, among them latencies on one machine."""
        return costs(tuple(self._profiled.values()), self.split)

    @cached_property
    def metrics(self) -> dict[str, Score]:
        """The scores that are known of any of the runs."""
        runs = self._resampler.counts.values()
        return {key: score for key, score in SCORES.items() if any(counts.knows(score) for counts in runs)}

    @cached_property
    def _profiled(self) -> dict[str, ProfiledRun]:
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
        """Neighbouring frames that are sampled together, in the largest set; 1 where images are sampled singly."""
        return max(self.pools, key=lambda pool: len(pool.runs)).block if self.pools else 1

    @cached_property
    def differences(self) -> tuple[str, ...]:
        """Sentences on how runs differ in data, classes, void, images or split, and what can still be compared."""
        return differences(self.runs, self.pools, {run_id: self._title((run_id,)) for run_id in self.evaluations})

    def ranked(self, pool: int, among: Sequence[str] = ()) -> list[Row]:
        """Rows of a set with a value of the metric, best first; only rows of the runs `among`, where given."""
        return [
            row
            for row in self.rows
            if row.pool == pool
            and row.scores[self.metric.key] == row.scores[self.metric.key]
            and (not among or any(run_id in among for run_id in row.runs))
        ]

    def ranks(self, pool: int) -> dict[str, int]:
        """Id of each row of a set -> its rank, 1 for the best; empty where no value is better than another."""
        rows = self.ranked(pool) if self.metric.higher_is_better is not None else []
        return {row.id: place for place, row in enumerate(rows, 1)}

    def tied_with_best(self, pool: int) -> frozenset[str]:
        """Ids of the best row of a set and of the rows whose difference from it may be chance.

        Rows without an interval of that difference are not included; empty where no value is better than another.
        """
        rows = self.ranked(pool) if self.metric.higher_is_better is not None else []
        return frozenset(row.id for row in rows if row is rows[0] or self.pair(rows[0].id, row.id).tied)

    def plot(self, pool: int = 0, *, width: int = 420, palette: Mapping[str, str] | None = None) -> alt.LayerChart:
        """Draw the score of each row of a set, `width` px wide; `palette`: title -> hex, None for the app's colours."""
        return display.plot(self.ranked(pool), self.metric, palette, [run.id for run in self.runs], width)

    def __repr__(self) -> str:
        return f"<Comparison by {self.metric.title} on {self.split}: {', '.join(row.title for row in self.rows)}>"

    def _repr_html_(self) -> str:
        """The leaderboard and what it means, for notebooks."""
        return display.html(self.rows, self.metric, (*self.differences, *self.sentences()))

    def sentences(self, among: Sequence[str] = ()) -> list[str]:
        """Sentences on which rows are better than others and which may be equal, set by set."""
        texts = []
        for place, pool in enumerate(self.pools):
            texts += sentences.sentences(self.ranked(place, among), pool, self.metric, self.pair, self.name)
        return texts

    def verdict(self, pair: PairedDifference) -> str:
        """One sentence on a pair of rows."""
        one, other = self.row(pair.a), self.row(pair.b)
        together = one.pool >= 0 and one.pool == other.pool
        where = self.pools[one.pool].where if together else f"{pair.images} images"
        return sentences.verdict(pair, self.metric, self.name, sentences.scored_with(where, one, other))

    def caveats(self, among: Sequence[str] = ()) -> list[str]:
        """Sentences on what the intervals don't cover, each once."""
        texts: dict[str, None] = {}
        for place, pool in enumerate(self.pools):
            texts |= dict.fromkeys(sentences.caveats(self.ranked(place, among), pool, self.metric, self.split))
        if self.metric.source == "calibration_scaled":
            texts |= dict.fromkeys(self.stale(among))
        return list(texts)

    def validation_note(self, pool: int) -> str:
        """A sentence on the scores of a set that are of validation: of folds, or for want of a test split; or none."""
        tested = any(has_split(self._runs[run_id].summary.dataset, "test") for run_id in self.pools[pool].runs)
        return sentences.validation_note(self.ranked(pool), self.split, tested=tested)

    def stale(self, among: Sequence[str] = ()) -> list[str]:
        """A sentence on runs scored at another temperature than validation gives now, and what to do; or none."""
        runs = [run for run in self.runs if run.id in self.evaluations and (not among or run.id in among)]
        note = stale_note(runs, self.split, dict(self.titles))
        return [note] if note else []

    def classes(self, among: Sequence[str], score: str = "iou") -> dict[str, tuple[Interval, ...]]:
        """Id of a row -> a score of each class with its interval.

        Args:
            among: Ids of the runs whose rows are wanted; those without scores are left out.
            score: A key of `CLASS_SCORES`.
        """
        intervals: dict[str, tuple[Interval, ...]] = {}
        for place, pool in enumerate(self.pools):
            rows = self.ranked(place, among) if among else []
            groups = [row.evaluated for row in rows]
            samples = self._resampler.of_classes(place, groups, statistic(score), CLASS_RESAMPLES)
            if samples is not None:
                classes = range(len(pool.label_space.classes))
                for index, row in enumerate(rows):
                    intervals[row.id] = tuple(samples.interval(index, index=class_id) for class_id in classes)
        return intervals

    def leak(self, row: Row) -> str:
        """Sentences on what is wrong with the split of any run of a row, each once; empty where nothing is.

        Not cached: a leak check may be made while an app shows this comparison.
        """
        return " ".join(dict.fromkeys(filter(None, (self._runs[run_id].leak(self.split) for run_id in row.runs))))

    def name(self, run_id: str) -> str:
        """Title of the row that a run is in."""
        return self.row(run_id).title

    def pair(self, a: str, b: str) -> PairedDifference:
        """The difference of two rows on the images that both were scored on.

        Args:
            a: Id of any run in the one row.
            b: Id of any run in the other.

        Raises:
            EvaluationError: when a run is not in this comparison.
        """
        one, other = self.row(a), self.row(b)
        key = (one.id, other.id)
        if key not in self._pairs:
            self._pairs[key] = self._difference(one, other)
        return self._pairs[key]

    def _difference(self, one: Row, other: Row) -> PairedDifference:
        for row in (one, other):
            if row.problem:
                return PairedDifference(one.id, other.id, NAN, problem=f"{row.title}: {row.problem}")
        if one.pool != other.pool:
            return difference_across(one, other, self.pools, self._resampler)
        members = self._members[one.pool]
        places = members.index(one.evaluated), members.index(other.evaluated)
        samples = self._resampler.of_rows(one.pool, members)
        return difference_within(one, other, self.metric, samples, places, one.images)
