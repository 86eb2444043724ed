"""Which images to look at first: ranked by how one run, two, or all of them did. From stored counts alone.

Nothing dense in both classes is made of the counts, so 100,000 images are ranked as 11 are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError, unknown
from segcore.labels import LabelMap

if TYPE_CHECKING:
    from segcore.runs import Evaluation
    from segcore.runs.tables import Cells

Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

SCORES = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy", "entropy": "entropy"}
LOWER_IS_BETTER = ("entropy",)
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
class Tally:
    """One run's counts of a split, summed by image and class.

    Args:
        ids: The images, N of them.
        labels: The classes, C of them.
        entropy: `[N]` float64 mean entropy in 0..1; NaN where unknown.
        right: `[N, C]` int64 pixels of each true class that were found.
        true: `[N, C]` int64 scored pixels of each true class.
        predicted: `[N, C]` int64 scored pixels that were called so.
        cells: Image, truth, prediction and pixels of every non-zero count, `[M]` each.
    """

    ids: tuple[str, ...]
    labels: LabelMap
    entropy: F64
    right: I64
    true: I64
    predicted: I64
    cells: Cells

    @classmethod
    def of(cls, evaluation: Evaluation) -> Tally:
        """Sum a stored evaluation's rows."""
        classes, ids = evaluation.labels.classes, evaluation.ids
        image, truth, prediction, pixels = evaluation.cells

        def summed(index: U8, weights: I64) -> I64:
            # float64 holds every count below 2^53 pixels exactly
            flat = np.bincount(image * classes + index, weights, minlength=len(ids) * classes)
            return flat.astype(np.int64).reshape(len(ids), classes)

        return cls(
            ids,
            evaluation.labels,
            evaluation.of_images("entropy"),
            summed(truth, np.where(truth == prediction, pixels, 0)),
            summed(truth, pixels),
            summed(prediction, pixels),
            evaluation.cells,
        )

    @property
    def total(self) -> I64:
        """`[C, C]` int64 counts of the split, rows = truth."""
        table = np.zeros((self.labels.classes, self.labels.classes), np.int64)
        _, truth, prediction, pixels = self.cells
        np.add.at(table, (truth, prediction), pixels)
        return table

    def score(self, name: str) -> F64:
        """`[N]` one score of each image; NaN where it has none, e.g. the IoU of a class absent from it.

        Means are over the classes present in that image, as in `segcore.metrics.per_image`.

        Args:
            name: A key of `score_titles`.

        Raises:
            EvaluationError: when it is no such key.
        """
        if name == "entropy":
            return self.entropy
        if name == "pixel_accuracy":
            return _ratio(self.right.sum(axis=1), self.true.sum(axis=1))
        present = self.true > 0
        union = np.where(present, self.true + self.predicted - self.right, 0)
        if name == "miou":
            return _ratio(np.nan_to_num(_ratio(self.right, union)).sum(axis=1), present.sum(axis=1))
        for index, each in enumerate(self.labels.names):
            if name == iou_of(each):
                return _ratio(self.right[:, index], union[:, index])
        raise EvaluationError(unknown("score of an image", name, tuple(score_titles(self.labels))))

    def mistaken(self, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image that were mistaken in this way."""
        image, truth, prediction, pixels = self.cells
        found = truth != prediction
        if mistake.true is not None:
            found &= truth == mistake.true
        if mistake.taken is not None:
            found &= prediction == mistake.taken
        return np.bincount(image[found], pixels[found], minlength=len(self.ids)).astype(np.int64)


def iou_of(class_name: str) -> str:
    """The key of the IoU of one class."""
    return f"iou{JOINT}{class_name}"


def score_titles(labels: LabelMap) -> dict[str, str]:
    """Every score that images can be ranked by: key -> title."""
    return SCORES | {iou_of(name): f"IoU of {name}" for name in labels.names}


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
    """Several runs' tallies of one split, side by side.

    Args:
        ids: Every image that any of them scored, N of them, in the split's order.
        tallies: One a run, R of them.
        places: For each tally, where its images stand among `ids`.
    """

    ids: tuple[str, ...]
    tallies: tuple[Tally, ...]
    places: tuple[I64, ...]

    @classmethod
    def of(cls, tallies: Sequence[Tally]) -> Triage:
        """Bring tallies together that may have scored other images."""
        ids = tallies[0].ids if tallies else ()
        if any(tally.ids != ids for tally in tallies):
            ids = tuple(dict.fromkeys(sample_id for tally in tallies for sample_id in tally.ids))
        index = {sample_id: place for place, sample_id in enumerate(ids)}
        places = [
            np.arange(len(ids)) if tally.ids == ids else np.array([index[each] for each in tally.ids], np.int64)
            for tally in tallies
        ]
        return cls(ids, tuple(tallies), tuple(places))

    def scores(self, name: str) -> F64:
        """`[R, N]` a score of every image by every run; NaN where there is none."""
        table = np.full((len(self.tallies), len(self.ids)), np.nan)
        for run in range(len(self.tallies)):
            table[run] = self.score(run, name)
        return table

    def score(self, run: int, name: str) -> F64:
        """`[N]` a score of every image by one run; NaN where there is none."""
        values = np.full(len(self.ids), np.nan)
        values[self.places[run]] = self.tallies[run].score(name)
        return values

    def present(self, class_id: int) -> Bool:
        """`[N]` whether an image's ground truth holds a class."""
        found = np.zeros(len(self.ids), bool)
        for tally, places in zip(self.tallies, self.places, strict=True):
            found[places] |= tally.true[:, class_id] > 0
        return found

    def mistaken(self, run: int, mistake: Mistake) -> I64:
        """`[N]` int64 pixels of each image that a run mistook in this way."""
        found = np.zeros(len(self.ids), np.int64)
        found[self.places[run]] = self.tallies[run].mistaken(mistake)
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


def _ratio(part: npt.NDArray[np.generic], whole: I64) -> F64:
    """`part / whole`, NaN where there is nothing."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
