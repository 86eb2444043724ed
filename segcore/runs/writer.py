"""Writing a run. Each file appears whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segcore.errors import EvaluationError
from segcore.labels import LabelMap
from segcore.metrics import per_image
from segcore.runs import files
from segcore.runs.evaluation import Evaluation
from segcore.runs.record import HISTORY_COLUMNS, RunRecord, load_run
from segcore.runs.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

U8Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RunWriter:
    """Writes into one run's folder, new (`RunStore.create`) or existing (`RunWriter(run.path)`).

    Args:
        path: The folder.
    """

    path: Path

    @property
    def id(self) -> str:
        """The run's id: its folder's name."""
        return self.path.name

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write `config.yaml`; plain values only (`model_dump(mode="json")` of a pydantic config)."""
        import yaml

        with files.replacing(self.path / files.CONFIG) as path:
            path.write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), "utf-8")

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json`."""
        with files.replacing(self.path / files.SUMMARY) as path:
            path.write_text(summary.model_dump_json(indent=2) + "\n", "utf-8")

    def append_metrics(self, row: Mapping[str, float | int | None]) -> None:
        """Add one epoch to `metrics.csv`.

        Args:
            row: Values by `HISTORY_COLUMNS`; missing ones are left empty, more are added as columns.
        """
        file = self.path / files.METRICS
        rows: list[Mapping[str, Any]] = []
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as handle:
                rows = list(csv.DictReader(handle))
        self.rewrite_metrics([*rows, row])

    def rewrite_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace `metrics.csv` with these epochs: a training that goes on from a checkpoint repeats the later ones."""
        file = self.path / files.METRICS
        columns = dict.fromkeys((*HISTORY_COLUMNS, *(name for each in rows for name in each)))
        with files.replacing(file) as path, path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(columns), restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: files.cell(value) for name, value in row.items()} for row in rows)

    def write_evaluation(
        self,
        split: str,
        ids: Sequence[str],
        counts: npt.NDArray[np.int64],
        predictions: Iterable[tuple[str, U8Mask]],
        labels: LabelMap,
        *,
        entropy: npt.NDArray[np.floating[Any]] | None = None,
    ) -> Evaluation:
        """Write `evaluation/<split>`, replacing an earlier one as a whole.

        `predictions` is used up before `counts` and `entropy` are read: a generator may fill them as it goes,
        so that no more than one mask is in memory.

        Args:
            split: Name of the split.
            ids: Its images, N of them.
            counts: `[N, C, C]` int64 confusion counts, rows = truth.
            predictions: (id, `[H, W]` uint8 ids at ground-truth size), each of `ids` once, in any order.
            labels: The classes; their palette goes into the PNGs.
            entropy: `[N]` mean entropy of each image in 0..1, where known.

        Raises:
            EvaluationError: when ids, counts and predictions don't fit together.
        """
        target = self.path / files.EVALUATION / split
        if len(set(ids)) != len(ids):
            raise EvaluationError(f"The {split} split lists an image twice; expected each id once.")
        expected = (len(ids), labels.classes, labels.classes)
        if counts.shape != expected:
            raise EvaluationError(f"Counts of {split} are {list(counts.shape)}; expected {list(expected)}.")
        with files.replacing_folder(target) as folder:
            sizes = _write_predictions(folder / files.PREDICTIONS, predictions, labels)
            missing = [sample_id for sample_id in ids if sample_id not in sizes]
            extra = [sample_id for sample_id in sizes if sample_id not in set(ids)]
            if missing or extra:
                raise EvaluationError(
                    f"Predictions of {split} don't match its images: missing {missing[:3]}, not asked for {extra[:3]}."
                )
            _images(ids, counts, sizes, labels, entropy).to_parquet(
                folder / files.IMAGES, index=False, compression="zstd"
            )
            _confusion(ids, counts).to_parquet(folder / files.CONFUSION, index=False, compression="zstd")
        return Evaluation.read(target, labels)

    def record(self) -> RunRecord:
        """The run as a reader sees it now.

        Raises:
            RunError: when the summary has not been written yet.
        """
        return load_run(self.path)


def _write_predictions(
    folder: Path, predictions: Iterable[tuple[str, U8Mask]], labels: LabelMap
) -> dict[str, tuple[int, int]]:
    """Palette PNGs; returns the (height, width) of each."""
    from PIL import Image

    folder.mkdir()
    palette = labels.palette.tobytes()
    sizes: dict[str, tuple[int, int]] = {}
    for sample_id, mask in predictions:
        if mask.dtype != np.uint8 or mask.ndim != 2:
            raise EvaluationError(
                f"The prediction of {sample_id!r} is {mask.dtype} {list(mask.shape)}; expected uint8 [H, W] class ids."
            )
        if mask.size and mask.max() >= labels.classes:
            raise EvaluationError(
                f"The prediction of {sample_id!r} has id {mask.max()}; {labels.name} has ids 0 to {labels.classes - 1}."
            )
        image = Image.fromarray(mask, "L")
        image.putpalette(palette)  # turns it into a palette image of the same ids
        image.save(folder / files.file_name(sample_id))
        sizes[sample_id] = (mask.shape[0], mask.shape[1])
    return sizes


def _images(
    ids: Sequence[str],
    counts: npt.NDArray[np.int64],
    sizes: Mapping[str, tuple[int, int]],
    labels: LabelMap,
    entropy: npt.NDArray[np.floating[Any]] | None,
) -> pd.DataFrame:
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


def _confusion(ids: Sequence[str], counts: npt.NDArray[np.int64]) -> pd.DataFrame:
    import pandas as pd

    image, truth, prediction = np.nonzero(counts)
    return pd.DataFrame(
        {
            "image": pd.Categorical.from_codes(image, categories=pd.Index(list(ids), dtype="str")),
            "truth": truth.astype(np.uint8),
            "prediction": prediction.astype(np.uint8),
            "pixels": counts[image, truth, prediction],
        }
    )
