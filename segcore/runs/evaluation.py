"""A stored evaluation: confusion counts of each image and the predicted masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError, RunError, unknown
from segcore.labels import LabelMap
from segcore.metrics import Scores, scores
from segcore.runs import files

if TYPE_CHECKING:
    import pandas as pd

IMAGE_COLUMNS = ("id", "height", "width", "miou", "pixel_accuracy", "entropy")
CONFUSION_COLUMNS = ("image", "truth", "prediction", "pixels")


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
        images = _table(path / files.IMAGES, IMAGE_COLUMNS)
        confusion = _table(path / files.CONFUSION, CONFUSION_COLUMNS)
        ids = tuple(str(value) for value in images["id"])
        if len(set(ids)) != len(ids):
            raise RunError(f"{path / files.IMAGES} lists an image twice. {_again(path)}")
        for name in ("truth", "prediction"):
            column = confusion[name]
            if len(column) and not (0 <= column.min() and column.max() < labels.classes):
                raise RunError(
                    f"{path / files.CONFUSION}: {name} goes to {column.max()}; the run has {labels.classes} classes. "
                    + _again(path)
                )
        foreign = set(map(str, confusion["image"].unique())) - set(ids)
        if foreign:
            raise RunError(
                f"{path / files.CONFUSION} counts {sorted(foreign)[0]!r}, "
                f"which {files.IMAGES} doesn't list. {_again(path)}"
            )
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
        image = self.confusion["image"].astype(str).map(self._places).to_numpy(np.int64)
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
            raise RunError(f"No stored prediction of {sample_id!r} at {path}. {_again(self.path)}")
        try:
            with Image.open(path) as image:
                mode, mask = image.mode, np.array(image)
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises on truncated and foreign files
            raise RunError(f"{path} is no readable PNG ({error}). {_again(self.path)}") from None
        if mode != "P":
            raise RunError(f"{path} is a {mode} picture; expected a palette PNG of class ids. {_again(self.path)}")
        expected = (int(row["height"]), int(row["width"]))
        if mask.shape != expected:
            height, width = mask.shape
            raise RunError(
                f"{path} is {height}x{width}, the ground truth of {sample_id!r} {expected[0]}x{expected[1]}; "
                f"they must match. {_again(self.path)}"
            )
        return mask

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


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise RunError(f"No {path.name} at {path}. {_again(path.parent)}")
    try:
        # As pandas.read_parquet, in half its time; threads cost more than they give on small tables.
        table = parquet.ParquetFile(path).read(use_threads=False).to_pandas(use_threads=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise RunError(
            f"{path} is no Parquet file, perhaps cut off ({str(error)[:100]}). {_again(path.parent)}"
        ) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}. {_again(path.parent)}")
    text = [name for name in columns if name not in ("id", "image") and not _numeric(table[name])]
    if text:
        raise RunError(f"{path}: column {', '.join(text)} holds no numbers. {_again(path.parent)}")
    return table


def _numeric(column: Any) -> bool:  # noqa: ANN401 - a pandas Series of anything
    return column.dtype.kind in "iuf"


def _again(folder: Path) -> str:
    run = folder.parent.parent
    return f"Evaluate it again: segcore evaluate {run} --split {folder.name}"
