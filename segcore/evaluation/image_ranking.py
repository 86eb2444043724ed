"""Ranks the images of a split by how one run, two runs or all runs scored on them, from stored counts alone.

No `[N, C, C]` array is made, so memory allows 100,000 images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import F64, I64, Bool
from segcore.errors import EvaluationError, unknown
from segcore.evaluation.stored_counts import StoredCounts, why_unknown
from segcore.labels import LabelMap
from segcore.metrics import CLASS_SCORES, SCORES, Score, Sums, statistic

if TYPE_CHECKING:
    from segcore.runs import Evaluation

JOINT = ":"  # between two names in a link


def image_scores() -> dict[str, Score]:
    """The scores of a whole image that images can be ranked by, by key."""
    return {key: score for key, score in SCORES.items() if score.ranks_images}


def lower_is_better(name: str) -> bool:
    """Whether the image with the higher score is the one to look at.

    For entropy no value is better, but the image that a model is most uncertain about is worth looking at.

    >>> lower_is_better("miou"), lower_is_better("ece"), lower_is_better("iou:Car")
    (False, True, False)
    """
    return name in SCORES and SCORES[name].higher_is_better is not True


@dataclass(frozen=True)
class Mistake:
    """One kind of error: a cell of the confusion matrix, or a row or column of it without the diagonal.

    Args:
        true: Id of the true class; None for any.
        taken: Id of the predicted class; None for any.
    """

    true: int | None
    taken: int | None

    @classmethod
    def parse(cls, text: str, labels: LabelMap) -> Mistake | None:
        """Read what `name` returned; None where it names no mistake among these classes.

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
        """The mistake's name in links: `Fence:Building`, `Fence:` (taken for anything else), `:Building`."""
        return JOINT.join("" if index is None else labels.names[index] for index in (self.true, self.taken))

    def sentence(self, labels: LabelMap) -> str:
        """The mistake's name for people: `Fence taken for Building`."""
        true = "another class" if self.true is None else labels.names[self.true]
        taken = "another class" if self.taken is None else labels.names[self.taken]
        return f"{true} taken for {taken}"


@dataclass(frozen=True, eq=False)
class ImageScores:
    """One run's scores of each image of a split; `ImageScores.of` makes one.

    Args:
        counts: The counts of the stored evaluation.
    """

    counts: StoredCounts

    @classmethod
    def of(cls, evaluation: Evaluation) -> ImageScores:
        """Sum a stored evaluation's counts by image and class."""
        scores = cls(StoredCounts(evaluation))
        _ = scores.sums  # computed here, where callers cache the result
        return scores

    @property
    def evaluation(self) -> Evaluation:
        """The stored evaluation."""
        return self.counts.evaluations[0]

    @property
    def sums(self) -> Sums:
        """`[N, C]` sums of its confusion counts."""
        return self.counts.sums

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the N images."""
        return self.evaluation.ids

    @property
    def labels(self) -> LabelMap:
        """The C classes."""
        return self.evaluation.labels

    def score(self, name: str) -> F64:
        """`[N]` one score of each image; NaN where it has none, e.g. the IoU of a class absent from it.

        Means are over the classes present in that image.

        Args:
            name: A key of `score_titles`.

        Raises:
            EvaluationError: when it is no such key.
        """
        if name in image_scores():
            return self.counts.per_image(SCORES[name])
        key, _, class_name = name.partition(JOINT)
        if key not in CLASS_SCORES or class_name not in self.labels.names:
            raise EvaluationError(unknown("score of an image", name, tuple(score_titles(self.labels))))
        return statistic(key, index=self.labels.index(class_name)).per_image(self.sums)

    def lacks(self, name: str) -> str:
        """Why no image has a score, where the file that holds its counts is the reason; else empty."""
        return why_unknown(self.evaluation, name)

    def mistaken(self, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image with this mistake."""
        image, truth, prediction, pixels = self.evaluation.cells
        wrong = truth != prediction
        if mistake.true is not None:
            wrong &= truth == mistake.true
        if mistake.taken is not None:
            wrong &= prediction == mistake.taken
        return np.bincount(image[wrong], pixels[wrong], minlength=len(self.ids)).astype(np.int64)


def class_scores(class_name: str) -> dict[str, str]:
    """The scores of one class that images can be ranked by: key -> title."""
    return {f"{key}{JOINT}{class_name}": f"{score.title} of {class_name}" for key, score in CLASS_SCORES.items()}


def score_titles(labels: LabelMap) -> dict[str, str]:
    """Every score that images can be ranked by: key -> title."""
    titles = {key: score.title for key, score in image_scores().items()}
    return titles | {key: title for name in labels.names for key, title in class_scores(name).items()}


@dataclass(frozen=True, eq=False)
class Ranking:
    """Images in order; of images with equal values the earlier in the split comes first.

    Args:
        ids: Ids of the K images that have a value.
        places: `[K]` int64 place of each of them in `Triage.ids`.
        values: `[K]` float64 values they are ranked by.
        left_out: Number of requested images without a value.
    """

    ids: tuple[str, ...]
    places: I64
    values: F64
    left_out: int


@dataclass(frozen=True, eq=False)
class Triage:
    """Scores of the images of one split by several runs; `Triage.of` makes one.

    Args:
        ids: Ids of all N images that any run was scored on, in the split's order.
        runs: Scores of R runs.
        places: For each run, the places of its images in `ids`.
    """

    ids: tuple[str, ...]
    runs: tuple[ImageScores, ...]
    places: tuple[I64, ...]

    @classmethod
    def of(cls, runs: Sequence[ImageScores]) -> Triage:
        """Combine runs, which may have been scored on different images."""
        ids = runs[0].ids if runs else ()
        if any(run.ids != ids for run in runs):
            ids = tuple(dict.fromkeys(sample_id for run in runs for sample_id in run.ids))
        index = {sample_id: place for place, sample_id in enumerate(ids)}
        places = [
            np.arange(len(ids)) if run.ids == ids else np.array([index[sample_id] for sample_id in run.ids], np.int64)
            for run in runs
        ]
        return cls(ids, tuple(runs), tuple(places))

    @cached_property
    def known(self) -> dict[str, str]:
        """The scores of whole images that are known of any run, and mIoU in any case: key -> title."""
        return {
            key: score.title
            for key, score in image_scores().items()
            if key == "miou" or any(run.counts.knows(score) for run in self.runs)
        }

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
        present = np.zeros(len(self.ids), bool)
        for run, places in zip(self.runs, self.places, strict=True):
            present[places] |= run.sums.true[:, class_id] > 0
        return present

    def mistaken(self, run: int, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image with this mistake of a run."""
        pixels = np.zeros(len(self.ids), np.int64)
        pixels[self.places[run]] = self.runs[run].mistaken(mistake)
        return pixels

    def worst(self, run: int, score: str, keep: Bool | None = None) -> Ranking:
        """Images by the score of one run, the worst first."""
        return self.ranked(self.score(run, score), lower_is_better(score), keep)

    def difference(self, run: int, than: int, score: str, keep: Bool | None = None) -> Ranking:
        """Images by how much better run is than `than`; values are below 0 where it is worse."""
        ours, theirs = self.score(run, score), self.score(than, score)
        return self.ranked(theirs - ours if lower_is_better(score) else ours - theirs, True, keep)

    def all_fail(self, score: str, keep: Bool | None = None) -> Ranking:
        """Images by the score of the best run on each, the worst first."""
        return self.ranked(best(self.scores(score), score)[0], lower_is_better(score), keep)

    def most(self, values: Mapping[str, float], keep: Bool | None = None) -> Ranking:
        """Images by other values, the highest first; images without one are left out."""
        column = np.array([values.get(sample_id, np.nan) for sample_id in self.ids], np.float64)
        return self.ranked(column, True, keep)

    def in_order(self, values: F64, keep: Bool | None = None) -> Ranking:
        """Images in the split's order; images without a value stay."""
        shown = np.flatnonzero(np.ones(len(self.ids), bool) if keep is None else keep)
        return self._ranking(shown, values, 0)

    def ranked(self, values: F64, descending: bool, keep: Bool | None = None) -> Ranking:
        """Images sorted by their value.

        Args:
            values: `[N]`; images with NaN are left out.
            descending: Whether the highest comes first.
            keep: `[N]` which images are requested; None for all.
        """
        requested = np.ones(len(self.ids), bool) if keep is None else keep
        shown = np.flatnonzero(requested & ~np.isnan(values))
        order = shown[np.argsort(-values[shown] if descending else values[shown], kind="stable")]
        return self._ranking(order, values, int(np.count_nonzero(requested)) - len(order))

    def _ranking(self, order: I64, values: F64, left_out: int) -> Ranking:
        return Ranking(tuple(self.ids[index] for index in order), order, values[order], left_out)


def best(scores: F64, name: str) -> tuple[F64, I64]:
    """The best score of each image, and the run that has it: the first of equal ones, -1 where no run has a score.

    Args:
        scores: `[R, N]`, as `Triage.scores` returns them.
        name: Key of the score.
    """
    if not len(scores):
        return np.empty(0), np.empty(0, np.int64)
    sign = -1 if lower_is_better(name) else 1
    filled = np.where(np.isnan(scores), -np.inf, sign * scores)
    run = filled.argmax(axis=0)
    values = np.take_along_axis(scores, run[None], axis=0)[0]
    return values, np.where(np.isnan(values), -1, run)
