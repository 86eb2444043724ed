"""Writing a run. Each file appears whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.arrays import F32Map, U8Mask
from segcore.errors import EvaluationError
from segcore.labels import LabelMap
from segcore.metrics import BOUNDARY_COLUMNS
from segcore.runs import parquet_tables, run_files
from segcore.runs.confidence_images import write_confidence
from segcore.runs.evaluation import Evaluation
from segcore.runs.run_record import HISTORY_COLUMNS, RunRecord, load_run
from segcore.runs.summary import Summary

Predicted = tuple[str, U8Mask] | tuple[str, U8Mask, F32Map]


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

        with run_files.replacing(self.path / run_files.CONFIG) as path:
            path.write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), "utf-8")

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json`."""
        with run_files.replacing(self.path / run_files.SUMMARY) as path:
            path.write_text(summary.model_dump_json(indent=2) + "\n", "utf-8")

    def append_metrics(self, row: Mapping[str, float | int | None]) -> None:
        """Add one epoch to `metrics.csv`.

        Args:
            row: Values by `HISTORY_COLUMNS`; missing ones are left empty, more are added as columns.
        """
        file = self.path / run_files.METRICS
        rows: list[Mapping[str, Any]] = []
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as handle:
                rows = list(csv.DictReader(handle))
        self.rewrite_metrics([*rows, row])

    def rewrite_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace `metrics.csv` with these epochs: a training that goes on from a checkpoint repeats the later ones."""
        file = self.path / run_files.METRICS
        columns = dict.fromkeys((*HISTORY_COLUMNS, *(name for each in rows for name in each)))
        with run_files.replacing(file) as path, path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(columns), restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: run_files.cell(value) for name, value in row.items()} for row in rows)

    def write_evaluation(
        self,
        split: str,
        ids: Sequence[str],
        counts: npt.NDArray[np.int64],
        predictions: Iterable[Predicted],
        labels: LabelMap,
        *,
        entropy: npt.NDArray[np.floating[Any]] | None = None,
        boundary: npt.NDArray[np.int64] | None = None,
        calibration: parquet_tables.CalibrationCounts | None = None,
    ) -> Evaluation:
        """Write `evaluation/<split>`, replacing an earlier one as a whole.

        `predictions` is used up before all else is read: a generator may fill counts and so on as it goes, so that no
        more than one mask is in memory.

        Args:
            split: Name of the split.
            ids: Its images, N of them.
            counts: `[N, C, C]` int64 confusion counts, rows = truth.
            predictions: (id, `[H, W]` uint8 ids at ground-truth size), each of `ids` once, in any order; with the
                `[H, W]` float32 confidence as a third where that is to be stored.
            labels: The classes; their palette goes into the PNGs.
            entropy: `[N]` mean entropy of each image in 0..1, where known.
            boundary: `[N, C, 10]` int64 counts of `segcore.metrics.boundary_counts`, where known.
            calibration: Likewise.

        Raises:
            EvaluationError: when ids, counts and predictions don't fit together.
        """
        target = self.path / run_files.EVALUATION / split
        if len(set(ids)) != len(ids):
            raise EvaluationError(f"The {split} split lists an image twice; expected each id once.")
        expected = (len(ids), labels.classes, labels.classes)
        if counts.shape != expected:
            raise EvaluationError(f"Counts of {split} are {list(counts.shape)}; expected {list(expected)}.")
        borders = (*expected[:2], len(BOUNDARY_COLUMNS))
        if boundary is not None and boundary.shape != borders:
            raise EvaluationError(f"Boundary counts of {split} are {list(boundary.shape)}; expected {list(borders)}.")
        with run_files.replacing_folder(target) as folder:
            sizes = _write_predictions(folder, predictions, labels)
            missing = [sample_id for sample_id in ids if sample_id not in sizes]
            extra = [sample_id for sample_id in sizes if sample_id not in set(ids)]
            if missing or extra:
                raise EvaluationError(
                    f"Predictions of {split} don't match its images: missing {missing[:3]}, not asked for {extra[:3]}."
                )
            written = {
                run_files.IMAGES: parquet_tables.images_table(ids, counts, sizes, labels, entropy),
                run_files.CONFUSION: parquet_tables.confusion_table(ids, counts),
            }
            if boundary is not None:
                written[run_files.BOUNDARY] = parquet_tables.boundary_table(ids, boundary)
            if calibration is not None:
                written[run_files.CALIBRATION] = parquet_tables.calibration_table(ids, calibration)
            for name, table in written.items():
                table.to_parquet(folder / name, index=False, compression="zstd")
        return Evaluation.read(target, labels)

    def record(self) -> RunRecord:
        """The run as a reader sees it now.

        Raises:
            RunError: when the summary has not been written yet.
        """
        return load_run(self.path)


def _write_predictions(folder: Path, predictions: Iterable[Predicted], labels: LabelMap) -> dict[str, tuple[int, int]]:
    """Palette PNGs, and grey ones of confidence; returns the (height, width) of each."""
    from PIL import Image

    (folder / run_files.PREDICTIONS).mkdir()
    palette = labels.palette.tobytes()
    sizes: dict[str, tuple[int, int]] = {}
    for sample_id, mask, *confidence in predictions:
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
        image.save(folder / run_files.PREDICTIONS / run_files.file_name(sample_id))
        for each in confidence:
            (folder / run_files.CONFIDENCE).mkdir(exist_ok=True)
            write_confidence(folder / run_files.CONFIDENCE / run_files.file_name(sample_id), each)
        sizes[sample_id] = (mask.shape[0], mask.shape[1])
    return sizes
