"""The tables of a stored evaluation: from arrays, and back. Rows where nothing was counted are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segcore.errors import RunError
from segcore.labels import LabelMap
from segcore.metrics import BINS, BOUNDARY_COLUMNS, CALIBRATION_COLUMNS, per_image

if TYPE_CHECKING:
    import pandas as pd

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

IMAGES = ("id", "height", "width", "miou", "pixel_accuracy", "entropy")
CONFUSION = ("image", "truth", "prediction", "pixels")
BOUNDARY = ("image", "class", *BOUNDARY_COLUMNS)
CALIBRATION = ("image", "scaled", "temperature", "bin", *CALIBRATION_COLUMNS)


@dataclass(eq=False)
class CalibrationCounts:
    """Calibration counts of N images, filled while they are predicted.

    Args:
        before: `[N, 15, 5]` of the model's own confidence; see `segcore.metrics.calibration_counts`.
        after: `[N, 15, 5]` with its logits divided by the temperature; read only where one is set.
        temperature: Fitted on validation; None where that has not been evaluated.
    """

    before: F64
    after: F64
    temperature: float | None = None

    @classmethod
    def empty(cls, images: int, temperature: float | None = None) -> CalibrationCounts:
        """Of so many images, none counted yet."""
        shape = (images, BINS, len(CALIBRATION_COLUMNS))
        return cls(np.zeros(shape), np.zeros(shape), temperature)


def images_table(
    ids: Sequence[str],
    counts: I64,
    sizes: Mapping[str, tuple[int, int]],
    labels: LabelMap,
    entropy: npt.NDArray[np.floating[Any]] | None,
) -> pd.DataFrame:
    """One row an image: size and scores."""
    import pandas as pd

    found = per_image(counts)
    columns: dict[str, Any] = {
        "id": pd.Series(list(ids), dtype="str"),
        "height": np.array([sizes[sample_id][0] for sample_id in ids], np.int32),
        "width": np.array([sizes[sample_id][1] for sample_id in ids], np.int32),
        "miou": found["miou"],
        "pixel_accuracy": found["pixel_accuracy"],
        "entropy": np.full(len(ids), np.nan) if entropy is None else np.asarray(entropy, np.float64),
    }
    for index, name in enumerate(labels.names):
        columns[f"iou_{name}"] = found["iou"][:, index]
    return pd.DataFrame(columns)


def confusion_table(ids: Sequence[str], counts: I64) -> pd.DataFrame:
    """One row a non-zero cell of `[N, C, C]` counts."""
    import pandas as pd

    image, truth, prediction = np.nonzero(counts)
    return pd.DataFrame(
        {
            "image": _named(ids, image),
            "truth": truth.astype(np.uint8),
            "prediction": prediction.astype(np.uint8),
            "pixels": counts[image, truth, prediction],
        }
    )


def boundary_table(ids: Sequence[str], counts: I64) -> pd.DataFrame:
    """One row an image and class of `[N, C, 10]` boundary counts."""
    import pandas as pd

    image, index = np.nonzero(counts.any(axis=2))
    columns = dict(zip(BOUNDARY_COLUMNS, counts[image, index].T.astype(np.int32), strict=True))
    return pd.DataFrame({"image": _named(ids, image), "class": index.astype(np.uint8), **columns})


def boundary_counts(table: pd.DataFrame, places: Mapping[str, int], classes: int) -> I64:
    """`boundary_table` read back: `[N, C, 10]`."""
    counts = np.zeros((len(places), classes, len(BOUNDARY_COLUMNS)), np.int64)
    counts[image_places(table, places), table["class"].to_numpy(np.int64)] = table[list(BOUNDARY_COLUMNS)].to_numpy()
    return counts


def calibration_table(ids: Sequence[str], counts: CalibrationCounts) -> pd.DataFrame:
    """One row an image and bin of confidence, before (`scaled` 0) and after (1) the temperature."""
    import pandas as pd

    parts = [(0, 1.0, counts.before)]
    if counts.temperature is not None:
        parts.append((1, counts.temperature, counts.after))
    tables = []
    for scaled, temperature, values in parts:
        image, place = np.nonzero(values.any(axis=2))
        pixels, right, confidence, sampled, nll = values[image, place].T
        tables.append(
            pd.DataFrame(
                {
                    "image": _named(ids, image),
                    "scaled": np.full(len(image), scaled, np.uint8),
                    "temperature": np.full(len(image), temperature),
                    "bin": place.astype(np.uint8),
                    "pixels": pixels.astype(np.int64),
                    "right": right.astype(np.int64),
                    "confidence": confidence.astype(np.float32),
                    "sampled": sampled.astype(np.int32),
                    "nll": nll.astype(np.float32),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def calibration_counts(table: pd.DataFrame, places: Mapping[str, int]) -> CalibrationCounts:
    """`calibration_table` read back."""
    counts = CalibrationCounts.empty(len(places))
    for scaled, values in ((0, counts.before), (1, counts.after)):
        rows = table[table["scaled"] == scaled]
        at = image_places(rows, places), rows["bin"].to_numpy(np.int64)
        values[at] = rows[list(CALIBRATION_COLUMNS)].to_numpy(np.float64)
        if scaled and len(rows):
            counts.temperature = float(rows["temperature"].iloc[0])
    return counts


def image_places(table: pd.DataFrame, places: Mapping[str, int]) -> I64:
    """Place of the image of each row."""
    import pandas as pd

    column = table["image"]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.astype(str).map(places), np.int64)
    # As it is written: few names, many codes. A category that no row has may be of no image.
    known = np.array([places.get(str(name), -1) for name in column.cat.categories], np.int64)
    return known[np.asarray(column.cat.codes, np.int64)]


def read_table(path: Path, columns: tuple[str, ...], again: str) -> pd.DataFrame:
    """A table of these columns.

    Args:
        path: The Parquet file.
        columns: What it must have; all but `id` and `image` are numbers.
        again: How to have it written again, for messages.

    Raises:
        RunError: when it is missing, truncated or foreign.
    """
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise RunError(f"No {path.name} at {path}. {again}")
    try:
        # As pandas.read_parquet, in half its time; threads cost more than they give on small tables.
        table = parquet.ParquetFile(path).read(use_threads=False).to_pandas(use_threads=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{path} is no Parquet file, perhaps cut off ({str(error)[:100]}). {again}") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}. {again}")
    text = [name for name in columns if name not in ("id", "image") and table[name].dtype.kind not in "iuf"]
    if text:
        raise RunError(f"{path}: column {', '.join(text)} holds no numbers. {again}")
    return table


def check_range(path: Path, column: pd.Series, most: int, what: str, again: str) -> None:
    """That a column goes from 0 to `most`, e.g. of class ids.

    Raises:
        RunError: when it does not.
    """
    if len(column) and not (0 <= column.min() and column.max() <= most):
        raise RunError(f"{path}: {column.name} goes to {column.max()}; {what}. {again}")


def check_images(path: Path, table: pd.DataFrame, ids: Sequence[str], again: str) -> None:
    """That a table counts only images of the evaluation.

    Raises:
        RunError: when it counts another.
    """
    foreign = set(map(str, table["image"].unique())) - set(ids)
    if foreign:
        raise RunError(f"{path} counts {sorted(foreign)[0]!r}, which images.parquet doesn't list. {again}")


def _named(ids: Sequence[str], places: I64) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical.from_codes(places, categories=pd.Index(list(ids), dtype="str"))
