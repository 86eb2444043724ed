"""A stored evaluation: confusion counts of each image and the predicted masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError, RunError, unknown
from segcore.labels import LabelMap
from segcore.metrics import BINS, BoundaryScores, Calibration, Reliability, Scores, boundary_scores, scores
from segcore.runs import files, tables
from segcore.runs.confidence import read_confidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a run predicted on one split.

    Args:
        path: `evaluation/<split>` in the run's folder.
        labels: The classes.
        ids: Images, in the split's order.
        images: One row an image: `id, height, width, miou, pixel_accuracy, entropy, iou_<class> ...`.
        confusion: One row a non-zero cell: `image, truth, prediction, pixels` (int64).
    """

    path: Path
    labels: LabelMap
    ids: tuple[str, ...]
    images: pd.DataFrame
    confusion: pd.DataFrame

    @classmethod
    def read(cls, path: Path, labels: LabelMap) -> Evaluation:
        """Read the two tables.

        Raises:
            RunError: when one is missing, truncated, or doesn't fit the labels or the other.
        """
        again = _again(path)
        images = tables.read_table(path / files.IMAGES, tables.IMAGES, again)
        confusion = tables.read_table(path / files.CONFUSION, tables.CONFUSION, again)
        ids = tuple(str(value) for value in images["id"])
        if len(set(ids)) != len(ids):
            raise RunError(f"{path / files.IMAGES} lists an image twice. {again}")
        for name in ("truth", "prediction"):
            what = f"the run has {labels.classes} classes"
            tables.check_range(path / files.CONFUSION, confusion[name], labels.classes - 1, what, again)
        tables.check_images(path / files.CONFUSION, confusion, ids, again)
        return cls(path, labels, ids, images, confusion)

    @property
    def split(self) -> str:
        """Name of the split."""
        return self.path.name

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """`[N, C, C]` int64 confusion counts of each image, rows = truth. Read-only."""
        classes = self.labels.classes
        table = np.zeros((len(self.ids), classes, classes), np.int64)
        truth, prediction, pixels = self._cells
        image = tables.image_places(self.confusion, self._places)
        np.add.at(table, (image, truth, prediction), pixels)
        table.flags.writeable = False
        return table

    @cached_property
    def total(self) -> npt.NDArray[np.int64]:
        """`[C, C]` int64 counts summed over the split, without the memory of `counts`. Read-only."""
        table = np.zeros((self.labels.classes, self.labels.classes), np.int64)
        truth, prediction, pixels = self._cells
        np.add.at(table, (truth, prediction), pixels)
        table.flags.writeable = False
        return table

    @cached_property
    def scores(self) -> Scores:
        """Scores of the whole split."""
        return scores(self.total)

    @property
    def image_miou(self) -> float:
        """The mIoU of each image by itself, averaged over the images that have one; not that of the split."""
        return float(self.images["miou"].mean())

    @cached_property
    def boundary_counts(self) -> npt.NDArray[np.int64] | None:
        """`[N, C, 10]` int64 boundary counts of each image; None where they were not counted. Read-only.

        Raises:
            RunError: when the file is truncated or foreign.
        """
        table = self._optional(files.BOUNDARY, tables.BOUNDARY)
        if table is None:
            return None
        what = f"the run has {self.labels.classes} classes"
        tables.check_range(self.path / files.BOUNDARY, table["class"], self.labels.classes - 1, what, self._again)
        counts = tables.boundary_counts(table, self._places, self.labels.classes)
        counts.flags.writeable = False
        return counts

    @cached_property
    def boundary(self) -> BoundaryScores | None:
        """Scores of the borders of the whole split; None where they were not counted.

        Raises:
            RunError: when the file is truncated or foreign.
        """
        return None if self.boundary_counts is None else boundary_scores(self.boundary_counts)

    @cached_property
    def calibration(self) -> Calibration | None:
        """How well confidence is calibrated on the whole split; None where it was not counted.

        Raises:
            RunError: when the file is truncated or foreign.
        """
        table = self._optional(files.CALIBRATION, tables.CALIBRATION)
        if table is None:
            return None
        tables.check_range(self.path / files.CALIBRATION, table["bin"], BINS - 1, f"there are {BINS} bins", self._again)
        counts = tables.calibration_counts(table, self._places)
        after = None if counts.temperature is None else Reliability.of(counts.after)
        return Calibration(Reliability.of(counts.before), after, counts.temperature)

    @property
    def missing(self) -> str:
        """What an evaluation from before it was stored lacks, and how to get it; empty when nothing."""
        parts = {
            "boundary scores": files.BOUNDARY,
            "calibration": files.CALIBRATION,
            "confidence": files.CONFIDENCE,
        }
        lacks = [what for what, name in parts.items() if not (self.path / name).exists()]
        return f"This evaluation was stored without {', '.join(lacks)}. {self._again}" if lacks else ""

    def image_scores(self, sample_id: str) -> Scores:
        """Scores of one image; means are over the classes present in it.

        Raises:
            EvaluationError: when it is not in this evaluation.
        """
        return scores(self.counts[self._place(sample_id)])

    def prediction_path(self, sample_id: str) -> Path:
        """Where the predicted mask of an image is stored.

        Raises:
            EvaluationError: when it is not in this evaluation.
        """
        self._place(sample_id)
        return self.path / files.PREDICTIONS / files.file_name(sample_id)

    def prediction(self, sample_id: str) -> npt.NDArray[np.uint8]:
        """The predicted mask, `[H, W]` uint8 ids at ground-truth size.

        Raises:
            EvaluationError: when the image is not in this evaluation.
            RunError: when the file is missing, broken, no palette PNG, or of another size.
        """
        from PIL import Image

        path = self.prediction_path(sample_id)
        row = self.images.iloc[self._place(sample_id)]
        if not path.is_file():
            raise RunError(f"No stored prediction of {sample_id!r} at {path}. {self._again}")
        try:
            with Image.open(path) as image:
                mode, mask = image.mode, np.array(image)
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises on truncated and foreign files
            raise RunError(f"{path} is no readable PNG ({error}). {self._again}") from None
        if mode != "P":
            raise RunError(f"{path} is a {mode} picture; expected a palette PNG of class ids. {self._again}")
        expected = (int(row["height"]), int(row["width"]))
        if mask.shape != expected:
            height, width = mask.shape
            raise RunError(
                f"{path} is {height}x{width}, the ground truth of {sample_id!r} {expected[0]}x{expected[1]}; "
                f"they must match. {self._again}"
            )
        return mask

    def confidence(self, sample_id: str) -> npt.NDArray[np.float32]:
        """How sure the model was at each pixel, `[H, W]` float32 in 0..1 at ground-truth size, in steps of 5 %.

        Raises:
            EvaluationError: when the image is not in this evaluation.
            RunError: when it was not stored, or the file is broken.
        """
        row = self.images.iloc[self._place(sample_id)]
        path = self.path / files.CONFIDENCE / files.file_name(sample_id)
        if not path.is_file():
            raise RunError(f"No stored confidence of {sample_id!r} at {path}. {self._again}")
        try:
            return read_confidence(path, int(row["height"]), int(row["width"]))
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises on truncated and foreign files
            raise RunError(f"{path} is no readable grey PNG ({error}). {self._again}") from None

    @property
    def _again(self) -> str:
        return _again(self.path)

    def _optional(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame | None:
        """A table that older evaluations lack."""
        path = self.path / name
        if not path.is_file():
            return None
        table = tables.read_table(path, columns, self._again)
        tables.check_images(path, table, self.ids, self._again)
        return table

    @property
    def _cells(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        truth, prediction, pixels = (
            self.confusion[name].to_numpy(np.int64) for name in ("truth", "prediction", "pixels")
        )
        return truth, prediction, pixels

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {sample_id: index for index, sample_id in enumerate(self.ids)}

    def _place(self, sample_id: str) -> int:
        try:
            return self._places[sample_id]
        except KeyError:
            some = self.ids if len(self.ids) <= 5 else (*self.ids[:3], "...")
            raise EvaluationError(unknown(f"image in the {self.split} evaluation", sample_id, some)) from None


def _again(folder: Path) -> str:
    run = folder.parent.parent
    return f"Evaluate it again: segcore evaluate {run} --split {folder.name}"
