"""The tables of a stored evaluation: from arrays, and back. Rows where nothing was counted are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I64, U8
from segcore.errors import RunError
from segcore.labels import LabelMap
from segcore.metrics import BINS, BOUNDARY_COLUMNS, CALIBRATION_COLUMNS, per_image
from segcore.runs import run_files

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


IMAGES = ("id", "height", "width", "miou", "pixel_accuracy", "entropy")
CONFUSION = ("image", "truth", "prediction", "pixels")
BOUNDARY = ("image", "class", *BOUNDARY_COLUMNS)
CALIBRATION = ("image", "scaled", "temperature", "bin", *CALIBRATION_COLUMNS)
_NAMES = ("id", "image")
_MEASURED = ("miou", "pixel_accuracy", "entropy", "temperature", "confidence", "nll")  # the others are counts and ids
_MOST = 2**53  # pixels: sums of them are made in float64


class SparseConfusion(NamedTuple):
    """The M non-zero confusion counts of all images.

    Args:
        image: `[M]` place of the image among the evaluation's ids.
        truth: `[M]` true class.
        prediction: `[M]` predicted class.
        pixels: `[M]` how many.
    """

    image: npt.NDArray[np.int32]
    truth: U8
    prediction: U8
    pixels: I64


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


def boundary_counts(table: pa.Table, image: npt.NDArray[np.int32], classes: int, images: int) -> I64:
    """`boundary_table` read back: `[N, C, 10]`.

    Args:
        table: It.
        image: Place of the image of each row, of `image_places`.
        classes: C.
        images: N.
    """
    counts = np.zeros((images, classes, len(BOUNDARY_COLUMNS)), np.int64)
    counts[image, column(table, "class")] = np.stack([column(table, name) for name in BOUNDARY_COLUMNS], axis=1)
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


def calibration_counts(table: pa.Table, image: npt.NDArray[np.int32], images: int) -> CalibrationCounts:
    """`calibration_table` read back; `image` and `images` as in `boundary_counts`."""
    counts = CalibrationCounts.empty(images)
    values = np.stack([column(table, name) for name in CALIBRATION_COLUMNS], axis=1)
    place, scaled = column(table, "bin"), column(table, "scaled")
    for part, found in ((0, counts.before), (1, counts.after)):
        rows = scaled == part
        found[image[rows], place[rows]] = values[rows]
        if part and rows.any():
            counts.temperature = float(column(table, "temperature")[rows][0])
    return counts


def read_table(path: Path, columns: tuple[str, ...], again: str) -> pa.Table:
    """A table of these columns, and of what others it has.

    Args:
        path: The Parquet file.
        columns: What it must have; all but `id` and `image` are numbers, and those that count are 0 or more.
        again: How to have it written again, for messages.

    Raises:
        RunError: when it is missing, truncated or foreign.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise RunError(f"No {path.name} at {path}. {again}")
    try:
        # Without pandas: with 60 runs its tables take longer to make than all that is counted from them.
        table = parquet.ParquetFile(path).read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{path} is no Parquet file, perhaps cut off ({str(error)[:100]}). {again}") from None
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}. {again}")
    for name in (name for name in columns if name not in _NAMES):
        kind = table.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise RunError(f"{path}: column {name} holds no numbers. {again}")
        if pa.types.is_integer(kind) and table.column(name).null_count:
            raise RunError(f"{path}: column {name} has empty cells. {again}")
        if name not in _MEASURED:
            if not pa.types.is_integer(kind):  # half a pixel, or NaN, would be cut to some number
                raise RunError(f"{path}: column {name} is {kind}; expected whole numbers. {again}")
            check_range(path, table, name, _MOST, "expected counts and ids of 0 or more", again)
    return table


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """`[rows]` the numbers of a column; an empty cell is NaN."""
    return table.column(name).to_numpy()


def image_places(path: Path, table: pa.Table, places: Mapping[str, int], again: str) -> npt.NDArray[np.int32]:
    """`[rows]` place of the image of each row.

    Raises:
        RunError: when one is no image of the evaluation.
    """
    import pyarrow as pa

    image = table.column("image")
    if not pa.types.is_dictionary(image.type):  # as it is written: few names, many codes
        try:
            image = image.cast(pa.string()).dictionary_encode()
        except pa.ArrowException:
            raise RunError(f"{path}: column image is {image.type}; expected names of images. {again}") from None
    image = image.combine_chunks()
    # A category that no row has may be of no image.
    known = np.array([places.get(str(name), -1) for name in image.dictionary.to_pylist()], np.int32)
    codes = image.indices.to_numpy(zero_copy_only=False)
    found = known[codes] if image.null_count == 0 else np.full(len(codes), -1, np.int32)
    if found.size and found.min() < 0:
        foreign = "nothing" if image.null_count else repr(image.dictionary[int(codes[found.argmin()])].as_py())
        raise RunError(f"{path} counts {foreign}, which {run_files.IMAGES} doesn't list. {again}")
    return found


def check_range(path: Path, table: pa.Table, name: str, most: int, what: str, again: str) -> None:
    """That a column goes from 0 to `most`, e.g. of class ids.

    Raises:
        RunError: when it does not.
    """
    found = column(table, name)
    if found.size and not (0 <= found.min() and found.max() <= most):
        wrong = found.min() if found.min() < 0 else found.max()
        raise RunError(f"{path}: {name} goes to {wrong}; {what}. {again}")


def _named(ids: Sequence[str], places: I64) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical.from_codes(places, categories=pd.Index(list(ids), dtype="str"))
