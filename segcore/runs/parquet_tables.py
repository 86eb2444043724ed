"""Converting the arrays of an evaluation into Parquet tables and back; rows of zero counts are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64, I32, I64, U8
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
_STORED_AS = (np.int64, np.int64, np.float32, np.int32, np.float32)  # of `CALIBRATION_COLUMNS`
_TEXT = ("id", "image")
_FLOATS = ("miou", "pixel_accuracy", "entropy", "temperature", "confidence", "nll")  # the others are counts and ids
_MAX_COUNT = 2**53  # pixels: they are summed in float64


class SparseConfusion(NamedTuple):
    """The M non-zero confusion counts of all images.

    Args:
        image: `[M]` index of the image among the evaluation's ids.
        truth: `[M]` true class.
        prediction: `[M]` predicted class.
        pixels: `[M]` number of pixels.
    """

    image: I32
    truth: U8
    prediction: U8
    pixels: I64


@dataclass(eq=False)
class CalibrationCounts:
    """Calibration counts of N images, filled while they are predicted.

    Args:
        before: `[N, 15, 5]` counts of the model's own confidence; see `segcore.metrics.calibration_counts`.
        after: `[N, 15, 5]` counts with the logits divided by the temperature; meaningless without a temperature.
        temperature: The temperature fitted on validation; None where validation has not been evaluated.
    """

    before: F64
    after: F64
    temperature: float | None = None

    @classmethod
    def empty(cls, images: int, temperature: float | None = None) -> CalibrationCounts:
        """Make zero counts for a number of images."""
        shape = (images, BINS, len(CALIBRATION_COLUMNS))
        return cls(np.zeros(shape), np.zeros(shape), temperature)


def images_table(
    ids: Sequence[str], counts: I64, sizes: Mapping[str, tuple[int, int]], labels: LabelMap, entropy: F64 | None
) -> pd.DataFrame:
    """Make the table of images: size, scores and entropy in one row per image."""
    import pandas as pd

    image_scores = per_image(counts)
    columns: dict[str, Any] = {
        "id": pd.Series(list(ids), dtype="str"),
        "height": np.array([sizes[sample_id][0] for sample_id in ids], np.int32),
        "width": np.array([sizes[sample_id][1] for sample_id in ids], np.int32),
        "miou": image_scores["miou"],
        "pixel_accuracy": image_scores["pixel_accuracy"],
        "entropy": np.full(len(ids), np.nan) if entropy is None else np.asarray(entropy, np.float64),
    }
    for index, name in enumerate(labels.names):
        columns[f"iou_{name}"] = image_scores["iou"][:, index]
    return pd.DataFrame(columns)


def confusion_table(ids: Sequence[str], counts: I64) -> pd.DataFrame:
    """Make the table of confusion counts: one row per non-zero cell of `[N, C, C]` counts."""
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
    """Make the table of boundary counts: one row per image and class of `[N, C, 10]` counts."""
    import pandas as pd

    image, index = np.nonzero(counts.any(axis=2))
    columns = dict(zip(BOUNDARY_COLUMNS, counts[image, index].T.astype(np.int32), strict=True))
    return pd.DataFrame({"image": _named(ids, image), "class": index.astype(np.uint8), **columns})


def boundary_counts(table: pa.Table, image: I32, classes: int, images: int) -> I64:
    """Read `[N, C, 10]` boundary counts back from their table.

    Args:
        table: A table as of `boundary_table`.
        image: `[rows]` index of each row's image, from `image_places`.
        classes: The number of classes C.
        images: The number of images N.
    """
    counts = np.zeros((images, classes, len(BOUNDARY_COLUMNS)), np.int64)
    counts[image, column(table, "class")] = np.stack([column(table, name) for name in BOUNDARY_COLUMNS], axis=1)
    return counts


def calibration_table(ids: Sequence[str], counts: CalibrationCounts) -> pd.DataFrame:
    """Make the table of calibration counts: one row per image and bin, before (`scaled` 0) and after (1) scaling."""
    import pandas as pd

    parts = [(0, 1.0, counts.before)]
    if counts.temperature is not None:
        parts.append((1, counts.temperature, counts.after))
    tables = []
    for scaled, temperature, values in parts:
        image, place = np.nonzero(values.any(axis=2))
        columns: dict[str, Any] = {
            "image": _named(ids, image),
            "scaled": np.full(len(image), scaled, np.uint8),
            "temperature": np.full(len(image), temperature),
            "bin": place.astype(np.uint8),
        }
        for name, column_values, kind in zip(CALIBRATION_COLUMNS, values[image, place].T, _STORED_AS, strict=True):
            columns[name] = column_values.astype(kind)
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def calibration_counts(table: pa.Table, image: I32, images: int) -> CalibrationCounts:
    """Read calibration counts back from their table; `image` and `images` are as in `boundary_counts`."""
    counts = CalibrationCounts.empty(images)
    values = np.stack([column(table, name) for name in CALIBRATION_COLUMNS], axis=1)
    place, scaled = column(table, "bin"), column(table, "scaled")
    for part, target in ((0, counts.before), (1, counts.after)):
        rows = scaled == part
        target[image[rows], place[rows]] = values[rows]
        if part and rows.any():
            counts.temperature = float(column(table, "temperature")[rows][0])
    return counts


def read_table(path: Path, columns: tuple[str, ...], hint: str) -> pa.Table:
    """Read a Parquet file and check its columns.

    Args:
        path: The Parquet file.
        columns: The required columns; all but `id` and `image` must hold numbers, counts and ids whole ones from 0.
        hint: What the user can do when the file can't be read; it ends the messages.

    Raises:
        RunError: when the file is missing, truncated or foreign.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise RunError(f"No {path.name} at {path}. {hint}")
    try:
        # Without pandas: with 60 runs, making data frames takes longer than all computations on them.
        table = parquet.ParquetFile(path).read(use_threads=False).replace_schema_metadata(None)  # pandas' own notes
        table.validate(full=True)  # texts may be no UTF-8, which would be found when they are used
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{path} is no Parquet file, perhaps cut off ({str(error)[:100]}). {hint}") from None
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise RunError(f"{path} has no column {', '.join(missing)}. {hint}")
    for name in (name for name in columns if name not in _TEXT):
        kind = table.schema.field(name).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise RunError(f"{path}: column {name} holds no numbers. {hint}")
        if pa.types.is_integer(kind) and table.column(name).null_count:
            raise RunError(f"{path}: column {name} has empty cells. {hint}")
        if name not in _FLOATS:
            if not pa.types.is_integer(kind):  # half a pixel, or NaN, would be cut to some number
                raise RunError(f"{path}: column {name} is {kind}; expected whole numbers. {hint}")
            check_range(path, table, name, _MAX_COUNT, "expected counts and ids of 0 or more", hint)
    return table


def column(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """Get the numbers of a column, `[rows]`; an empty cell is NaN."""
    return table.column(name).to_numpy()


def of_images(table: pa.Table, ids: Sequence[str]) -> pa.Table:
    """The rows of a table with a column `image` that belong to some images."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return table.filter(pc.is_in(table.column("image").cast(pa.string()), pa.array(ids, pa.string())))
    except pa.ArrowException:  # no names: `image_places` says so
        return table


def image_places(path: Path, table: pa.Table, places: Mapping[str, int], hint: str) -> I32:
    """Get the index of each row's image among the images of the evaluation, `[rows]`.

    Args:
        path: The file, for messages.
        table: A table with a column `image`.
        places: Id of an image -> its index.
        hint: What the user can do when the file is wrong; it ends the messages.

    Raises:
        RunError: when a row's image is not in the evaluation.
    """
    import pyarrow as pa

    image = table.column("image")
    if not pa.types.is_dictionary(image.type):  # Segcore writes few names and many codes
        try:
            image = image.cast(pa.string()).dictionary_encode()
        except pa.ArrowException:
            raise RunError(f"{path}: column image is {image.type}; expected names of images. {hint}") from None
    image = image.combine_chunks()
    # Categories without rows may be unknown.
    known = np.array([places.get(str(name), -1) for name in image.dictionary.to_pylist()], np.int32)
    codes = image.indices.to_numpy(zero_copy_only=False)
    if not image.null_count and codes.size and codes.max() >= len(known):
        raise RunError(f"{path}: column image is damaged. {hint}")
    indices = known[codes] if image.null_count == 0 else np.full(len(codes), -1, np.int32)
    if indices.size and indices.min() < 0:
        foreign = "nothing" if image.null_count else repr(image.dictionary[int(codes[indices.argmin()])].as_py())
        raise RunError(f"{path} counts {foreign}, which {run_files.IMAGES} doesn't list. {hint}")
    return indices


def check_range(path: Path, table: pa.Table, name: str, most: int, what: str, hint: str) -> None:
    """Check that the values of a column are from 0 to `most`.

    Args:
        path: The file, for the message.
        table: A table with the column.
        name: The column.
        most: The greatest allowed value.
        what: Explains the limit, for the message.
        hint: What the user can do when the file is wrong; it ends the message.

    Raises:
        RunError: when a value is outside.
    """
    values = column(table, name)
    if values.size and not (0 <= values.min() and values.max() <= most):
        wrong = values.min() if values.min() < 0 else values.max()
        raise RunError(f"{path}: {name} goes to {wrong}; {what}. {hint}")


def _named(ids: Sequence[str], indices: I64) -> pd.Categorical:
    import pandas as pd

    return pd.Categorical.from_codes(indices, categories=pd.Index(list(ids), dtype="str"))
