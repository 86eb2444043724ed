"""Scores as functions of sums over images, so that they can be had of any set of images, drawn ones too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64
from segcore.errors import EvaluationError, unknown
from segcore.metrics.calibration import BINS, CALIBRATION_COLUMNS

Of = Literal["confusion", "boundary", "calibration", "calibration_scaled", "entropy"]


@dataclass(frozen=True, eq=False)
class Sums:
    """All that a score needs of confusion counts, a fraction of their size: `[N, C]` each.

    Args:
        right: Pixels of a class that were found.
        true: Pixels of a class.
        predicted: Pixels called so.
    """

    right: I64
    true: I64
    predicted: I64

    def __len__(self) -> int:
        return len(self.true)

    @classmethod
    def of(cls, counts: I64, without: Iterable[int] = ()) -> Sums:
        """Sum the rows and columns of `[N, C, C]` confusion counts.

        Args:
            counts: Integers, rows = truth.
            without: True classes whose pixels are left out.

        Raises:
            EvaluationError: when the shape is another, a count is negative, or `without` names no class.
        """
        counts = drop_rows(checked(counts, (3,)), without)
        return cls(np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1))


Counts = npt.NDArray[Any] | Sums


@dataclass(frozen=True, eq=False)
class ScoreFunction:
    """A score made of sums over images.

    Args:
        name: Its name.
        of: What it is counted from: `confusion` counts `[N, C, C]` (or their `Sums`), `boundary` counts `[N, C, 10]`,
            `calibration` counts `[N, 15, 5]` (`calibration_scaled`: those at the temperature), or `[N]` `entropy`.
        parts: Counts of N images -> the sums it needs, `[N, K, M]`: K of them for M classes (1 for all together).
        values: `[..., K, M]` sums of those over images -> `[..., M]`; NaN where the truth has nothing of a class.
        mean: Whether the M values are averaged into the score.
    """

    name: str
    of: Of
    parts: Callable[[Counts], F64]
    values: Callable[[F64], F64]
    mean: bool

    def value(self, counts: Counts) -> F64:
        """The score of all images together: a number, or `[M]` where it is one of each class."""
        found = self.values(self.parts(counts).sum(axis=0))
        return mean_present(found) if self.mean else found

    def each(self, counts: Counts) -> F64:
        """The score of each image by itself: `[N]`, or `[N, M]` where it is one of each class; NaN where it has none.

        Means are over the classes present in *that* image.
        """
        found = self.values(self.parts(counts))
        return mean_present(found) if self.mean else found


def statistic(name: str, *, index: int | None = None, without: Iterable[int] = ()) -> ScoreFunction:
    """A score by name, for `bootstrap` and `resample`.

    Args:
        name: One of `STATISTICS`. `iou`, `accuracy`, `precision`, `dice` and those that begin with `class_` have one
            value a class.
        index: Of those, only this class.
        without: True classes whose pixels are left out, e.g. void where it was trained as a class.

    Raises:
        EvaluationError: when there is no such score or class.

    >>> statistic("iou", index=0).value(np.array([[[3, 1], [0, 4]]])).tolist()
    0.75
    """
    if name not in STATISTICS:
        raise EvaluationError(unknown("metric", name, STATISTICS))
    kind, left_out = STATISTICS[name], tuple(without)
    if index is not None and kind.mean:
        each = [key for key, other in STATISTICS.items() if not other.mean]
        raise EvaluationError(f"{name!r} is no score of one class; {', '.join(each)} are.")

    def parts(counts: Counts) -> F64:
        found = np.stack(kind.parts(_source(counts, kind.of, left_out)), axis=1).astype(np.float64)
        if index is None:
            return found
        if not 0 <= index < found.shape[2]:
            raise EvaluationError(f"No class {index}; expected 0 to {found.shape[2] - 1}.")
        return found[:, :, index : index + 1]

    return ScoreFunction(name, kind.of, parts, kind.values, kind.mean or index is not None)


def _source(counts: Counts, of: Of, without: tuple[int, ...]) -> Counts:
    """The counts as the parts of a score take them.

    Raises:
        EvaluationError: when they are of another kind, or classes can't be left out of them.
    """
    if of == "boundary":
        found = _array(counts, "Boundary counts", (None, len(BOUNDARY_COLUMNS)), "as of boundary_counts of each image")
        if without:
            found = found.copy()
            found[:, list(without)] = 0
        return found
    if of != "confusion":
        if without:
            raise EvaluationError("Classes can be left out of confusion and boundary counts alone.")
        if of == "entropy":
            return _array(counts, "Entropies", (), "the mean of each image")
        shape = (BINS, len(CALIBRATION_COLUMNS))
        return _array(counts, "Calibration counts", shape, "as of calibration_counts of each image")
    if isinstance(counts, Sums):
        if without:
            raise EvaluationError("Classes can't be left out of sums any more: give confusion counts, or Sums.of them.")
        return counts
    return Sums.of(counts, without)


def _array(counts: Counts, what: str, shape: tuple[int | None, ...], how: str) -> npt.NDArray[Any]:
    """Counts of `[N, *shape]`; None stands for any number.

    Raises:
        EvaluationError: when they are of another shape.
    """
    if not isinstance(counts, Sums) and counts.ndim == len(shape) + 1:
        got = counts.shape[1:]
        if all(wanted is None or wanted == there for wanted, there in zip(shape, got, strict=True)):
            return counts
    given = "sums" if isinstance(counts, Sums) else list(counts.shape)
    expected = ", ".join(["N", *("C" if each is None else str(each) for each in shape)])
    raise EvaluationError(f"{what} are {given}; expected [{expected}], {how}.")


def ratio(part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic], where: npt.NDArray[np.bool_]) -> F64:
    """`part / whole` where `where`, NaN elsewhere."""
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=where)


def mean_present(values: F64) -> F64:
    """`[..., M]` -> `[...]`: the mean over what is not NaN; NaN where all is."""
    present = ~np.isnan(values)
    number = present.sum(axis=-1)
    return ratio(np.where(present, values, 0.0).sum(axis=-1), number, number > 0)


def checked(counts: I64, dimensions: tuple[int, ...]) -> I64:
    """Confusion counts as int64.

    Raises:
        EvaluationError: when they are none.
    """
    if counts.ndim not in dimensions or counts.shape[-1] != counts.shape[-2] or counts.dtype.kind not in "iu":
        expected = " or ".join("[N, C, C]" if ndim == 3 else "[C, C]" for ndim in dimensions)
        raise EvaluationError(
            f"Confusion counts are {counts.dtype} {list(counts.shape)}; expected {expected} integers, rows = truth, "
            "as confusion_matrix returns them."
        )
    if counts.size and counts.min() < 0:
        raise EvaluationError(f"Confusion counts go down to {counts.min()}; expected 0 or more pixels in every cell.")
    return counts.astype(np.int64, copy=False)


def drop_rows(counts: I64, without: Iterable[int]) -> I64:
    """`[N, C, C]` counts with the rows of these true classes at 0.

    Raises:
        EvaluationError: when one is no class.
    """
    ids = sorted(set(without))
    if not ids:
        return counts
    classes = counts.shape[-1]
    if ids[0] < 0 or ids[-1] >= classes:
        raise EvaluationError(f"Can't leave out classes {ids}; expected ids 0 to {classes - 1}.")
    counts = counts.copy()
    counts[:, ids] = 0
    return counts


@dataclass(frozen=True)
class _Kind:
    parts: Callable[..., tuple[npt.NDArray[np.generic], ...]]  # each [N, M]
    values: Callable[[F64], F64]
    mean: bool
    of: Of = "confusion"


def _share(sums: F64) -> F64:
    """Parts (numerator, denominator, true pixels)."""
    return ratio(sums[..., 0, :], sums[..., 1, :], sums[..., 2, :] > 0)


def _precision(sums: F64) -> F64:
    return ratio(sums[..., 0, :], np.maximum(sums[..., 1, :], 1), sums[..., 2, :] > 0)  # never predicted: 0 of none


def _weighted(sums: F64) -> F64:
    true = sums[..., 2, :]
    pixels = true.sum(axis=-1, keepdims=True)
    return ratio((true * np.nan_to_num(_share(sums))).sum(axis=-1, keepdims=True), pixels, pixels > 0)


def _f1(sums: F64) -> F64:
    """Parts (border found, true border, right border, predicted border): harmonic mean of precision and recall."""
    found, true, right, predicted = np.moveaxis(sums, -2, 0)
    recall = ratio(found, true, true > 0)
    precision = right / np.maximum(predicted, 1)  # never predicted: 0 of none
    return np.where(true > 0, 2 * precision * recall / np.maximum(precision + recall, 1e-300), np.nan)


def _iou_parts(sums: Sums) -> tuple[I64, I64, I64]:
    return sums.right, sums.true + sums.predicted - sums.right, sums.true


def _dice_parts(sums: Sums) -> tuple[I64, I64, I64]:
    return 2 * sums.right, sums.true + sums.predicted, sums.true


def _accuracy_parts(sums: Sums) -> tuple[I64, I64, I64]:
    return sums.right, sums.true, sums.true


def _precision_parts(sums: Sums) -> tuple[I64, I64, I64]:
    return sums.right, sums.predicted, sums.true


def _pixel_parts(sums: Sums) -> tuple[I64, ...]:
    right, pixels = (each.sum(axis=1, keepdims=True) for each in (sums.right, sums.true))
    return right, pixels, pixels


def _image_parts(sums: Sums) -> tuple[npt.NDArray[np.generic], ...]:
    """The mIoU of each image by itself, and whether it has one."""
    alone = mean_present(_share(np.stack(_iou_parts(sums), axis=1)))[:, None]
    scored = ~np.isnan(alone)
    return np.nan_to_num(alone), scored, scored


# What boundary_counts counts of each class. A band is 2 % of the diagonal or 3 px wide, a border is one pixel wide.
BOUNDARY_COLUMNS = (
    "band_true",  # pixels in the band of the truth
    "band_predicted",
    "band_both",  # in both, and of the class in both
    "band3_true",
    "band3_predicted",
    "band3_both",
    "border_true",  # pixels of the true border
    "border_found",  # of those, with a predicted one in reach
    "border_predicted",
    "border_right",  # of those, with a true one in reach
)


def _band_parts(start: int) -> Callable[[I64], tuple[I64, ...]]:
    def parts(counts: I64) -> tuple[I64, ...]:
        true, predicted, both = (counts[:, :, start + place] for place in range(3))
        return both, true + predicted - both, true

    return parts


def _border_parts(counts: I64) -> tuple[I64, ...]:
    true, found, predicted, right = (counts[:, :, place] for place in range(6, 10))
    return found, true, right, predicted


def _bin_parts(counts: F64) -> tuple[F64]:
    """By how many pixels right ones and confidence differ, bin by bin; after the bins, all pixels."""
    pixels, right, confidence = (counts[:, :, place] for place in range(3))
    return (np.concatenate([right - confidence, pixels.sum(axis=1, keepdims=True)], axis=1),)


def _gap(sums: F64) -> F64:
    """Bins are summed over images before their gap is taken: one that is too sure makes up for one that is not."""
    gaps, pixels = sums[..., 0, :-1], sums[..., 0, -1:]
    return ratio(np.abs(gaps).sum(axis=-1, keepdims=True), pixels, pixels > 0)


def _mean_parts(values: F64) -> tuple[npt.NDArray[np.generic], ...]:
    """A value of each image, and whether it has one."""
    known = ~np.isnan(values)[:, None]
    return np.nan_to_num(values)[:, None], known, known


STATISTICS: dict[str, _Kind] = {
    "miou": _Kind(_iou_parts, _share, True),
    "image_miou": _Kind(_image_parts, _share, True),
    "pixel_accuracy": _Kind(_pixel_parts, _share, True),
    "mean_accuracy": _Kind(_accuracy_parts, _share, True),
    "mean_dice": _Kind(_dice_parts, _share, True),
    "frequency_weighted_iou": _Kind(_iou_parts, _weighted, True),
    "iou": _Kind(_iou_parts, _share, False),
    "accuracy": _Kind(_accuracy_parts, _share, False),
    "precision": _Kind(_precision_parts, _precision, False),
    "dice": _Kind(_dice_parts, _share, False),
    "boundary_iou": _Kind(_band_parts(0), _share, True, "boundary"),
    "boundary_iou_3px": _Kind(_band_parts(3), _share, True, "boundary"),
    "boundary_f1": _Kind(_border_parts, _f1, True, "boundary"),
    "ece": _Kind(_bin_parts, _gap, True, "calibration"),
    "ece_scaled": _Kind(_bin_parts, _gap, True, "calibration_scaled"),
    "entropy": _Kind(_mean_parts, _share, True, "entropy"),
    "class_boundary_iou": _Kind(_band_parts(0), _share, False, "boundary"),
    "class_boundary_iou_3px": _Kind(_band_parts(3), _share, False, "boundary"),
    "class_boundary_f1": _Kind(_border_parts, _f1, False, "boundary"),
}
