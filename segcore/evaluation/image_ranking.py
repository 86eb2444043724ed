"""Which images to look at first: ranked by how one run, two, or all of them did. From stored counts alone.

Nothing dense in both classes is made of the counts, so 100,000 images are ranked as 11 are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import F64, I64, Bool
from segcore.errors import EvaluationError, RunError, unknown
from segcore.evaluation.comparison.bootstrap_samples import Counted, sums_of
from segcore.evaluation.comparison.score_registry import METRICS, metrics_of
from segcore.labels import LabelMap
from segcore.metrics import CLASS_SCORES, Sums, statistic

if TYPE_CHECKING:
    from segcore.runs import Evaluation


# All that splits are compared by; the mIoU of one image is its mIoU by image.
SCORES = {key: metric.title for key, metric in METRICS.items() if key != "image_miou"}
# Of entropy neither more nor less is better, but the image that a model is most undecided about is the one to look at.
LOWER_IS_BETTER = frozenset(key for key in SCORES if METRICS[key].higher_is_better is not True)
JOINT = ":"  # between two names in a link


@dataclass(frozen=True)
class Mistake:
    """One way to be wrong: a cell of the confusion matrix, or all of a row or column but the diagonal.

    Args:
        true: Id of the true class; None for any.
        taken: Id of the class it was taken for; None for any.
    """

    true: int | None
    taken: int | None

    @classmethod
    def parse(cls, text: str, labels: LabelMap) -> Mistake | None:
        """What `name` wrote; None where it names no mistake among these classes.

        >>> from segcore.labels import CAMVID11
        >>> Mistake.parse("Fence:Building", CAMVID11), Mistake.parse(":Road", CAMVID11), Mistake.parse("x", CAMVID11)
        (Mistake(true=7, taken=1), Mistake(true=None, taken=3), None)
        """
        ids: dict[str, int | None] = {name: index for index, name in enumerate(labels.names)} | {"": None}
        for place in (place for place, letter in enumerate(text) if letter == JOINT):
            true, taken = text[:place], text[place + 1 :]
            if true in ids and taken in ids and true != taken:
                return cls(ids[true], ids[taken])
        return None

    def name(self, labels: LabelMap) -> str:
        """Short, for a link: `Fence:Building`, `Fence:` (taken for anything else), `:Building`."""
        return JOINT.join("" if index is None else labels.names[index] for index in (self.true, self.taken))

    def sentence(self, labels: LabelMap) -> str:
        """For people: `Fence taken for Building`."""
        true = "another class" if self.true is None else labels.names[self.true]
        taken = "another class" if self.taken is None else labels.names[self.taken]
        return f"{true} taken for {taken}"


@dataclass(frozen=True, eq=False)
class ImageScores:
    """One run's scores of each image of a split.

    Args:
        evaluation: What it has stored.
        sums: Its counts summed by image and class.
    """

    evaluation: Evaluation
    sums: Sums

    @classmethod
    def of(cls, evaluation: Evaluation) -> ImageScores:
        """Sum a stored evaluation's counts."""
        return cls(evaluation, sums_of(evaluation))

    @property
    def ids(self) -> tuple[str, ...]:
        """The images, N of them."""
        return self.evaluation.ids

    @property
    def labels(self) -> LabelMap:
        """The classes, C of them."""
        return self.evaluation.labels

    def score(self, name: str) -> F64:
        """`[N]` one score of each image; NaN where it has none, e.g. the IoU of a class absent from it.

        Means are over the classes present in that image.

        Args:
            name: A key of `score_titles`.

        Raises:
            EvaluationError: when it is no such key.
        """
        if name in SCORES:
            found = Counted.of(self.evaluation, METRICS[name], self.sums)
            return np.full(len(self.ids), np.nan) if found is None else found.each
        kind, _, class_name = name.partition(JOINT)
        if kind not in CLASS_SCORES or class_name not in self.labels.names:
            raise EvaluationError(unknown("score of an image", name, tuple(score_titles(self.labels))))
        return statistic(kind, index=self.labels.index(class_name)).each(self.sums)

    def lacks(self, name: str) -> str:
        """Why not one image has a score that is read from a file of its own; empty where that isn't the reason."""
        if name not in SCORES or not METRICS[name].file:
            return ""
        if not (self.evaluation.path / METRICS[name].file).is_file():
            return self.evaluation.missing
        try:
            found = self.evaluation.boundary_counts, self.evaluation.calibration_counts
        except RunError as error:
            return str(error)
        if name == "ece_scaled" and found[1] is not None and found[1].temperature is None:
            split = self.evaluation.split
            return f"It was evaluated on {split} before there was a temperature: evaluate val, then {split} again."
        return ""

    def mistaken(self, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image that were mistaken in this way."""
        image, truth, prediction, pixels = self.evaluation.cells
        found = truth != prediction
        if mistake.true is not None:
            found &= truth == mistake.true
        if mistake.taken is not None:
            found &= prediction == mistake.taken
        return np.bincount(image[found], pixels[found], minlength=len(self.ids)).astype(np.int64)


def class_scores(class_name: str) -> dict[str, str]:
    """The scores of one class that images can be ranked by: key -> title."""
    return {f"{key}{JOINT}{class_name}": f"{title} of {class_name}" for key, title in CLASS_SCORES.items()}


def score_titles(labels: LabelMap) -> dict[str, str]:
    """Every score that images can be ranked by: key -> title."""
    return SCORES | {key: title for name in labels.names for key, title in class_scores(name).items()}


@dataclass(frozen=True, eq=False)
class Ranking:
    """Images in the order to look at them; of equal ones the earlier in the split comes first.

    Args:
        ids: Images that have a value.
        places: `[K]` int64, where each of them stands in `Triage.ids`.
        values: `[K]` float64, what they are ranked by.
        left_out: How many of the asked ones have no value.
    """

    ids: tuple[str, ...]
    places: I64
    values: F64
    left_out: int


@dataclass(frozen=True, eq=False)
class Triage:
    """Several runs' scores of the images of one split, side by side.

    Args:
        ids: Every image that any of them scored, N of them, in the split's order.
        runs: R of them.
        places: For each run, where its images stand among `ids`.
    """

    ids: tuple[str, ...]
    runs: tuple[ImageScores, ...]
    places: tuple[I64, ...]

    @classmethod
    def of(cls, runs: Sequence[ImageScores]) -> Triage:
        """Bring runs together that may have scored other images."""
        ids = runs[0].ids if runs else ()
        if any(run.ids != ids for run in runs):
            ids = tuple(dict.fromkeys(sample_id for run in runs for sample_id in run.ids))
        index = {sample_id: place for place, sample_id in enumerate(ids)}
        places = [
            np.arange(len(ids)) if run.ids == ids else np.array([index[each] for each in run.ids], np.int64)
            for run in runs
        ]
        return cls(ids, tuple(runs), tuple(places))

    @cached_property
    def known(self) -> dict[str, str]:
        """The scores of `SCORES` that any of the runs has stored: key -> title."""
        found = metrics_of([run.evaluation for run in self.runs])
        return {key: title for key, title in SCORES.items() if key in found or key == next(iter(SCORES))}

    def scores(self, name: str) -> F64:
        """`[R, N]` a score of every image by every run; NaN where there is none."""
        table = np.full((len(self.runs), len(self.ids)), np.nan)
        for run in range(len(self.runs)):
            table[run] = self.score(run, name)
        return table

    def score(self, run: int, name: str) -> F64:
        """`[N]` a score of every image by one run; NaN where there is none."""
        values = np.full(len(self.ids), np.nan)
        values[self.places[run]] = self.runs[run].score(name)
        return values

    def present(self, class_id: int) -> Bool:
        """`[N]` whether an image's ground truth holds a class."""
        found = np.zeros(len(self.ids), bool)
        for run, places in zip(self.runs, self.places, strict=True):
            found[places] |= run.sums.true[:, class_id] > 0
        return found

    def mistaken(self, run: int, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image that a run mistook in this way."""
        found = np.zeros(len(self.ids), np.int64)
        found[self.places[run]] = self.runs[run].mistaken(mistake)
        return found

    def worst(self, run: int, score: str, keep: Bool | None = None) -> Ranking:
        """The lowest score of one run first (the highest, where less is better)."""
        return self.ranked(self.score(run, score), score in LOWER_IS_BETTER, keep)

    def difference(self, run: int, than: int, score: str, keep: Bool | None = None) -> Ranking:
        """Where one run is better than another: values are by how much, below 0 where it is worse."""
        ours, theirs = self.score(run, score), self.score(than, score)
        return self.ranked(theirs - ours if score in LOWER_IS_BETTER else ours - theirs, True, keep)

    def all_fail(self, score: str, keep: Bool | None = None) -> Ranking:
        """Where even the best of all runs is bad: values are its score."""
        return self.ranked(best(self.scores(score), score)[0], score in LOWER_IS_BETTER, keep)

    def most(self, values: Mapping[str, float], keep: Bool | None = None) -> Ranking:
        """The highest of some other values first; images without one are left out."""
        found = np.array([values.get(sample_id, np.nan) for sample_id in self.ids], np.float64)
        return self.ranked(found, True, keep)

    def in_order(self, values: F64, keep: Bool | None = None) -> Ranking:
        """As the split has them; images without a value stay."""
        shown = np.flatnonzero(np.ones(len(self.ids), bool) if keep is None else keep)
        return self._ranking(shown, values, 0)

    def ranked(self, values: F64, descending: bool, keep: Bool | None = None) -> Ranking:
        """Images by `values`, `[N]`; those that are NaN are left out, those that `keep` denies are not asked for."""
        asked = np.ones(len(self.ids), bool) if keep is None else keep
        shown = np.flatnonzero(asked & ~np.isnan(values))
        order = shown[np.argsort(-values[shown] if descending else values[shown], kind="stable")]
        return self._ranking(order, values, int(np.count_nonzero(asked)) - len(order))

    def _ranking(self, order: I64, values: F64, left_out: int) -> Ranking:
        return Ranking(tuple(self.ids[index] for index in order), order, values[order], left_out)


def best(scores: F64, name: str) -> tuple[F64, I64]:
    """Of `[R, N]` scores the best of each image, and the run that has it (the first of equals; -1 where none has one).

    Args:
        scores: As `Triage.scores` returns them.
        name: Which score they are.
    """
    if not len(scores):
        return np.empty(0), np.empty(0, np.int64)
    sign = -1 if name in LOWER_IS_BETTER else 1
    filled = np.where(np.isnan(scores), -np.inf, sign * scores)
    run = filled.argmax(axis=0)
    values = np.take_along_axis(scores, run[None], axis=0)[0]
    return values, np.where(np.isnan(values), -1, run)
