"""Reading a stored evaluation: confusion counts of each image, predicted masks and further counts."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import F64, I64, F32Map, U8Mask
from segcore.errors import EvaluationError, RunError, unknown
from segcore.labels import LabelMap
from segcore.metrics import BINS, BoundaryScores, Calibration, Reliability, Scores, boundary_scores, scores
from segcore.reading import DECODER_ERRORS
from segcore.runs import cli_hints, parquet_tables, run_files
from segcore.runs.confidence_images import read_confidence
from segcore.runs.prediction_images import read_prediction

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """A run's stored results on one split. Masks and further counts are read on access.

    What reads a file raises `RunError` when the file is truncated or foreign.

    Args:
        path: The folder `evaluation/<split>` in the run's folder.
        labels: The classes.
        ids: The N images, in the order of the split.
        cells: The non-zero confusion counts.
        partial: Whether it is of some images of what is stored alone; see `only`.
    """

    path: Path
    labels: LabelMap
    ids: tuple[str, ...]
    cells: parquet_tables.SparseConfusion
    _images: pa.Table
    partial: bool = False

    @classmethod
    def read(cls, path: Path, labels: LabelMap) -> Evaluation:
        """Read the tables of images and of confusion counts.

        Raises:
            RunError: when a table is missing or truncated, or does not fit the labels or the other table.
        """
        hint = _hint(path)
        images = parquet_tables.read_table(path / run_files.IMAGES, parquet_tables.IMAGES, hint)
        ids = tuple(map(str, images.column("id").to_pylist()))
        places = {sample_id: index for index, sample_id in enumerate(ids)}
        if len(places) != len(ids):
            raise RunError(f"{path / run_files.IMAGES} lists an image twice. {hint}")
        confusion_path = path / run_files.CONFUSION
        confusion = parquet_tables.read_table(confusion_path, parquet_tables.CONFUSION, hint)
        for name in ("truth", "prediction"):
            what = f"the run has {labels.classes} classes"
            parquet_tables.check_range(confusion_path, confusion, name, labels.classes - 1, what, hint)
        cells = parquet_tables.SparseConfusion(
            parquet_tables.image_places(confusion_path, confusion, places, hint),
            parquet_tables.column(confusion, "truth").astype(np.uint8),
            parquet_tables.column(confusion, "prediction").astype(np.uint8),
            parquet_tables.column(confusion, "pixels").astype(np.int64),
        )
        return cls(path, labels, ids, cells, images)

    def only(self, ids: Collection[str]) -> Evaluation:
        """The results of some images alone, from which every score is computed anew; their order stays.

        Raises:
            EvaluationError: when none of `ids` is in it.
        """
        wanted = set(ids)
        kept = np.flatnonzero([sample_id in wanted for sample_id in self.ids])
        if not len(kept):
            raise EvaluationError(f"None of these {len(ids)} images is among the {len(self.ids)} of {self.split}.")
        place = np.full(len(self.ids), -1, np.int32)
        place[kept] = np.arange(len(kept))
        rows = place[self.cells.image] >= 0
        image, truth, prediction, pixels = self.cells
        cells = parquet_tables.SparseConfusion(place[image[rows]], truth[rows], prediction[rows], pixels[rows])
        chosen = tuple(self.ids[index] for index in kept)
        return Evaluation(self.path, self.labels, chosen, cells, self._images.take(kept), partial=True)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per image: `id, height, width, miou, pixel_accuracy, entropy, iou_<class> ...`."""
        return self._images.to_pandas()

    @property
    def confusion(self) -> pd.DataFrame:
        """The non-zero confusion counts, one per row: `image` (its id), `truth`, `prediction`, `pixels`."""
        path = self.path / run_files.CONFUSION
        table = parquet_tables.read_table(path, parquet_tables.CONFUSION, self._hint)
        return (parquet_tables.of_images(table, self.ids) if self.partial else table).to_pandas()

    def of_images(self, name: str) -> F64:
        """`[N]` a numeric column of `images`, read without making the data frame; NaN where an image has no value."""
        return parquet_tables.column(self._images, name).astype(np.float64)

    @property
    def split(self) -> str:
        """The name it is stored under: a split or a variant of one, such as `test+flip`."""
        return self.path.name

    @cached_property
    def counts(self) -> I64:
        """`[N, C, C]` int64 confusion counts of each image, rows = truth. Read-only."""
        classes = self.labels.classes
        table = np.zeros((len(self.ids), classes, classes), np.int64)
        np.add.at(table, self.cells[:3], self.cells.pixels)
        table.flags.writeable = False
        return table

    @cached_property
    def total(self) -> I64:
        """`[C, C]` int64 counts summed over the split, computed without `counts` to save memory. Read-only."""
        table = np.zeros((self.labels.classes, self.labels.classes), np.int64)
        np.add.at(table, self.cells[1:3], self.cells.pixels)
        table.flags.writeable = False
        return table

    @cached_property
    def scores(self) -> Scores:
        """Scores of the whole split."""
        return scores(self.total)

    @property
    def image_miou(self) -> float:
        """Mean over the images of each image's own mIoU, unlike `scores.miou`, which is computed on the split."""
        return mean_of(self.of_images("miou"))

    @cached_property
    def boundary_counts(self) -> I64 | None:
        """`[N, C, 10]` int64 boundary counts of each image; None in an evaluation without them. Read-only."""
        path, most = self.path / run_files.BOUNDARY, self.labels.classes
        table = self._optional(path, parquet_tables.BOUNDARY)
        if table is None:
            return None
        parquet_tables.check_range(path, table, "class", most - 1, f"the run has {most} classes", self._hint)
        image = parquet_tables.image_places(path, table, self.places, self._hint)
        counts = parquet_tables.boundary_counts(table, image, most, len(self.ids))
        counts.flags.writeable = False
        return counts

    @cached_property
    def boundary(self) -> BoundaryScores | None:
        """Boundary scores of the whole split; None in an evaluation without boundary counts."""
        return None if self.boundary_counts is None else boundary_scores(self.boundary_counts)

    @cached_property
    def calibration_counts(self) -> parquet_tables.CalibrationCounts | None:
        """Calibration counts of each image, before and after the temperature; None in an evaluation without them."""
        path = self.path / run_files.CALIBRATION
        table = self._optional(path, parquet_tables.CALIBRATION)
        if table is None:
            return None
        parquet_tables.check_range(path, table, "bin", BINS - 1, f"there are {BINS} bins", self._hint)
        image = parquet_tables.image_places(path, table, self.places, self._hint)
        counts = parquet_tables.calibration_counts(table, image, len(self.ids))
        if counts.temperature is not None and not 0 < counts.temperature < math.inf:
            raise RunError(f"{path}: temperature is {counts.temperature:g}; expected a number above 0. {self._hint}")
        counts.before.flags.writeable = counts.after.flags.writeable = False
        return counts

    @cached_property
    def calibration(self) -> Calibration | None:
        """Calibration of the confidence on the whole split; None in an evaluation without calibration counts."""
        counts = self.calibration_counts
        if counts is None:
            return None
        after = None if counts.temperature is None else Reliability.of(counts.after)
        return Calibration(Reliability.of(counts.before), after, counts.temperature)

    @property
    def missing(self) -> str:
        """Names the files that an older evaluation lacks and how to make them; empty when none is missing."""
        parts = {
            "boundary scores": run_files.BOUNDARY,
            "calibration": run_files.CALIBRATION,
            "confidence": run_files.CONFIDENCE,
        }
        missing = [what for what, name in parts.items() if not (self.path / name).exists()]
        return f"This evaluation was stored without {', '.join(missing)}. {self._hint}" if missing else ""

    def image_scores(self, sample_id: str) -> Scores:
        """Scores of one image; means are over the classes present in it.

        Raises:
            EvaluationError: when the image is not in this evaluation.
        """
        return scores(self.counts[self._place(sample_id)])

    def size(self, sample_id: str) -> tuple[int, int]:
        """(height, width) of an image's ground truth and prediction.

        Raises:
            EvaluationError: when the image is not in this evaluation.
        """
        place = self._place(sample_id)
        height, width = (int(self._images.column(name)[place].as_py()) for name in ("height", "width"))
        return height, width

    def prediction_path(self, sample_id: str) -> Path:
        """Path of an image's predicted mask.

        Raises:
            EvaluationError: when the image is not in this evaluation.
        """
        self._place(sample_id)
        return self.path / run_files.PREDICTIONS / run_files.file_name(sample_id)

    def prediction(self, sample_id: str) -> U8Mask:
        """Read the predicted mask: `[H, W]` uint8 class ids at ground-truth size.

        Raises:
            EvaluationError: when the image is not in this evaluation.
            RunError: when the file is missing, broken, no palette PNG, or of another size.
        """
        path, expected = self.prediction_path(sample_id), self.size(sample_id)
        mask = read_prediction(self.path, sample_id)
        if mask.shape != expected:
            height, width = mask.shape
            raise RunError(
                f"{path} is {height}x{width}, the ground truth of {sample_id!r} {expected[0]}x{expected[1]}; "
                f"they must match. {self._hint}"
            )
        return mask

    def confidence(self, sample_id: str) -> F32Map:
        """Read the confidence of each pixel: `[H, W]` float32 in 0..1 at ground-truth size, in steps of 5 %.

        Raises:
            EvaluationError: when the image is not in this evaluation.
            RunError: when it was not stored, or the file is broken.
        """
        height, width = self.size(sample_id)
        path = self.path / run_files.CONFIDENCE / run_files.file_name(sample_id)
        if not path.is_file():
            raise RunError(f"No stored confidence of {sample_id!r} at {path}. {self._hint}")
        try:
            return read_confidence(path, height, width)
        except DECODER_ERRORS as error:
            raise RunError(f"{path} is no readable grey PNG ({error}). {self._hint}") from None

    def __repr__(self) -> str:
        return f"<Evaluation of {self.path.parent.parent.name} on {self.split}: {len(self.ids)} images>"

    def _repr_html_(self) -> str:
        """Its scores, for notebooks."""
        from segcore.runs.display import evaluation_html

        return evaluation_html(self)

    @property
    def _hint(self) -> str:
        return _hint(self.path)

    def _optional(self, path: Path, columns: tuple[str, ...]) -> pa.Table | None:
        """Read a table that older evaluations lack."""
        if not path.is_file():
            return None
        table = parquet_tables.read_table(path, columns, self._hint)
        return parquet_tables.of_images(table, self.ids) if self.partial else table

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Id of an image -> its place among the N."""
        return {sample_id: index for index, sample_id in enumerate(self.ids)}

    def _place(self, sample_id: str) -> int:
        try:
            return self.places[sample_id]
        except KeyError:
            some = self.ids if len(self.ids) <= 5 else (*self.ids[:3], "...")
            raise EvaluationError(unknown(f"image in the {self.split} evaluation", sample_id, some)) from None


def _hint(folder: Path) -> str:
    return cli_hints.again(folder.parent.parent, folder.name)


def mean_of(values: F64) -> float:
    """The mean of all values that are not NaN; NaN where there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
