"""Counts of pixels that scores are computed from: the confusion, boundary and calibration counts of images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.arrays import I64
from segcore.errors import EvaluationError

Source = Literal["confusion", "boundary", "calibration", "calibration_scaled", "entropy"]

# Columns of boundary_counts, one row a class. A band is 2 % of the diagonal or 3 px wide, a border is one pixel wide.
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

# Columns of calibration_counts, one row a bin of confidence.
BINS = 15
CALIBRATION_COLUMNS = (
    "pixels",  # scored pixels whose confidence is in the bin
    "right",  # of those, whose class is right
    "confidence",  # of those, the sum of their confidence
    "sampled",  # of those, on the grid
    "nll",  # of those on the grid, the sum of -log p(true class)
)


@dataclass(frozen=True, eq=False)
class Sums:
    """Diagonal, row sums and column sums of confusion counts: `[N, C]` each, `C` times smaller than the counts.

    Args:
        right: Pixels of a class that were predicted as it.
        true: Pixels of a class in the ground truth.
        predicted: Pixels predicted as the class.
    """

    right: I64
    true: I64
    predicted: I64

    def __len__(self) -> int:
        return len(self.true)

    @classmethod
    def of(cls, counts: I64, without: Iterable[int] = ()) -> Sums:
        """Sum the rows and columns of `[N, C, C]` integer confusion counts, rows = truth.

        Args:
            counts: The confusion counts.
            without: True classes whose pixels are left out.

        Raises:
            EvaluationError: when the shape is another, a count is negative, or `without` names no class.

        >>> sums = Sums.of(np.array([[[3, 1], [0, 4]]]))
        >>> sums.right.tolist(), sums.true.tolist(), sums.predicted.tolist()
        ([[3, 4]], [[4, 4]], [[3, 5]])
        """
        counts = drop_rows(checked_confusion(counts, (3,)), without)
        return cls(np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1))


Counts: TypeAlias = npt.NDArray[Any] | Sums


def checked_counts(counts: Counts, source: Source, without: tuple[int, ...] = ()) -> Counts:
    """Counts of N images as the scores of a source take them: `Sums` of confusion counts, else the array itself.

    The pixels of the true classes `without` are left out.

    Raises:
        EvaluationError: when the counts are of another kind, or classes can't be left out of them.
    """
    if source == "boundary":
        array = _checked_array(counts, "Boundary counts", (None, len(BOUNDARY_COLUMNS)), "as of boundary_counts")
        if without:
            array = array.copy()
            array[:, list(without)] = 0
        return array
    if source != "confusion":
        if without:
            raise EvaluationError("Classes can be left out of confusion and boundary counts alone.")
        if source == "entropy":
            return _checked_array(counts, "Entropies", (), "the mean")
        shape = (BINS, len(CALIBRATION_COLUMNS))
        return _checked_array(counts, "Calibration counts", shape, "as of calibration_counts")
    if isinstance(counts, Sums):
        if without:
            raise EvaluationError("Classes can't be left out of sums any more: give confusion counts, or Sums.of them.")
        return counts
    return Sums.of(counts, without)


def _checked_array(counts: Counts, what: str, shape: tuple[int | None, ...], how: str) -> npt.NDArray[Any]:
    """The counts where their shape is `[N, *shape]` (None is any number); EvaluationError where it is another."""
    if not isinstance(counts, Sums) and counts.ndim == len(shape) + 1:
        sizes = zip(shape, counts.shape[1:], strict=True)
        if all(expected is None or expected == size for expected, size in sizes):
            return counts
    given = "sums" if isinstance(counts, Sums) else list(counts.shape)
    axes = ", ".join(["N", *("C" if size is None else str(size) for size in shape)])
    raise EvaluationError(f"{what} are {given}; expected [{axes}], {how} of each image.")


def checked_confusion(counts: I64, dimensions: tuple[int, ...]) -> I64:
    """`[C, C]` or `[N, C, C]` confusion counts as int64; `dimensions` are the allowed numbers of dimensions.

    Raises:
        EvaluationError: when the shape or type is another, or a count is negative.
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
    """`[N, C, C]` counts with the rows of these true classes set to 0.

    Raises:
        EvaluationError: when an id is no class.
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
