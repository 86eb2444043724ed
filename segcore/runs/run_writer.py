"""Writing the files of a run, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from segcore import atomic_files
from segcore.arrays import F64, I64, F32Map, U8Mask
from segcore.errors import EvaluationError, RunError
from segcore.extensions.code_file import CODE_FOLDER, CodeName
from segcore.labels import LabelMap
from segcore.metrics import BOUNDARY_COLUMNS
from segcore.runs import parquet_tables, run_files
from segcore.runs.confidence_images import write_confidence
from segcore.runs.csv_tables import write_csv_table
from segcore.runs.evaluation import Evaluation
from segcore.runs.json_documents import write_document
from segcore.runs.run_lock import writing
from segcore.runs.run_record import HISTORY_COLUMNS, RunRecord, load_run
from segcore.runs.summary import Summary

P = ParamSpec("P")
R = TypeVar("R")
_RUN_LENGTHS = 3  # zlib's Z_RLE
Predicted = tuple[str, U8Mask] | tuple[str, U8Mask, F32Map] | tuple[str, U8Mask, F32Map, bytes]


def _locked(write: Callable[Concatenate[RunWriter, P], R]) -> Callable[Concatenate[RunWriter, P], R]:
    """Let a method of the writer wait until no other process writes the run."""

    @wraps(write)
    def locked(self: RunWriter, *args: P.args, **kwargs: P.kwargs) -> R:
        with writing(self.path, "writes it"):
            return write(self, *args, **kwargs)

    return locked


@dataclass(frozen=True)
class RunWriter:
    """Writes into one run's folder, new (`RunStore.create`) or existing (`RunWriter(run.path)`).

    One process at a time writes a run: every method but `write_note` and `archive` raises `RunError` where another one
    writes it, or where its folder is gone. Several writes that belong together are made in one `run_lock.writing`
    block.
    """

    path: Path

    @property
    def id(self) -> str:
        """The run's id in its store: the name of its folder."""
        return self.path.name

    @_locked
    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write `config.yaml`; plain values only (`model_dump(mode="json")` of a pydantic config)."""
        import yaml

        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        atomic_files.write_text(self.path / run_files.CONFIG, text)

    @_locked
    def keep_code(self, codes: Iterable[CodeName]) -> None:
        """Keep copies of users' files of code, and their SHA-256 in `SHA256SUMS`, as `sha256sum --check` reads it."""
        lines = []
        for code in codes:
            with atomic_files.replacing(self.path / CODE_FOLDER / code.path.name) as path:
                path.write_bytes(code.read())
            lines.append(f"{code.digest()}  {code.path.name}\n")
        if lines:
            atomic_files.write_text(self.path / CODE_FOLDER / "SHA256SUMS", "".join(dict.fromkeys(lines)))

    @_locked
    def keep_image_list(self, ids: Iterable[str]) -> None:
        """Write `only.txt`: the ids that the run's setting `only` lists."""
        atomic_files.write_text(self.path / run_files.ONLY, "".join(f"{name}\n" for name in dict.fromkeys(ids)))

    @_locked
    def write_sheet(self, picture: bytes) -> None:
        """Write `dataset.jpg`: samples of the data that the run is trained on."""
        atomic_files.write_bytes(self.path / run_files.SHEET, picture)

    def write_note(self, text: str) -> None:
        """Write `note.txt`, what its user keeps about the run; an empty text removes it.

        Nothing else writes that file, so that a run may have a note while it is trained.

        Raises:
            RunError: when the folder can't be written.
        """
        path = self.path / run_files.NOTE
        try:
            if text.strip():
                atomic_files.write_text(path, f"{text.strip()}\n")
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"The note of run {self.id!r} can't be kept in {path}: {error.strerror}.") from None

    def archive(self, archived: bool = True) -> None:
        """Take the run out of every list, or put it back; nothing else of it changes, and its name still opens it.

        Raises:
            RunError: when the folder can't be written.
        """
        path = self.path / run_files.ARCHIVED
        try:
            if archived:
                path.touch()
            elif path.exists() or not self.path.is_dir():
                path.unlink()
        except OSError as error:
            raise RunError(f"Run {self.id!r} can't be marked in {self.path}: {error.strerror}.") from None

    @_locked
    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json`."""
        write_document(self.path / run_files.SUMMARY, summary)

    @_locked
    def write_metrics(self, rows: Sequence[Mapping[str, float | int | None]]) -> None:
        """Replace `metrics.csv`; what it held before is not read, since it may have been damaged.

        Args:
            rows: Column -> value, by epoch; missing `HISTORY_COLUMNS` are left empty, other names become columns.
        """
        columns = dict.fromkeys((*HISTORY_COLUMNS, *(name for row in rows for name in row)))
        write_csv_table(self.path / run_files.METRICS, columns, rows)

    @_locked
    def write_evaluation(
        self,
        split: str,
        ids: Sequence[str],
        counts: I64,
        predictions: Iterable[Predicted],
        labels: LabelMap,
        *,
        entropy: F64 | None = None,
        boundary: I64 | None = None,
        calibration: parquet_tables.CalibrationCounts | None = None,
    ) -> Evaluation:
        """Write `evaluation/<split>`; an earlier one is replaced as a whole.

        `predictions` is consumed before the arrays are read: a generator may fill them while it yields, so that only
        one mask at a time is in memory.

        Args:
            split: Name of the evaluation, such as `test` or `test+flip`.
            ids: The N images of the split.
            counts: `[N, C, C]` int64 confusion counts, rows = truth.
            predictions: (id, `[H, W]` uint8 class ids at ground-truth size) for each of `ids`, in any order; a third
                element is the `[H, W]` float32 confidence to store, a fourth the file of the probabilities, as
                `encode_probabilities` makes it.
            labels: The classes; their palette goes into the PNGs.
            entropy: `[N]` mean entropy of each image in 0..1, where known.
            boundary: `[N, C, 10]` int64 counts of `segcore.metrics.boundary_counts`, where known.
            calibration: Calibration counts of each image, where known.

        Raises:
            EvaluationError: when ids, counts and predictions don't fit together.
        """
        target = self.path / run_files.EVALUATION / split
        if len(set(ids)) != len(ids):
            raise EvaluationError(f"The {split} split lists an image twice; expected each id once.")
        expected = (len(ids), labels.classes, labels.classes)
        if counts.shape != expected:
            raise EvaluationError(f"Counts of {split} are {list(counts.shape)}; expected {list(expected)}.")
        boundary_shape = (*expected[:2], len(BOUNDARY_COLUMNS))
        if boundary is not None and boundary.shape != boundary_shape:
            shapes = f"{list(boundary.shape)}; expected {list(boundary_shape)}"
            raise EvaluationError(f"Boundary counts of {split} are {shapes}.")
        with atomic_files.replacing_folder(target) as folder:
            sizes = _write_predictions(folder, predictions, labels)
            missing = [sample_id for sample_id in ids if sample_id not in sizes]
            extra = [sample_id for sample_id in sizes if sample_id not in set(ids)]
            if missing or extra:
                raise EvaluationError(
                    f"Predictions of {split} don't match its images: missing {missing[:3]}, not asked for {extra[:3]}."
                )
            tables = {
                run_files.IMAGES: parquet_tables.images_table(ids, counts, sizes, labels, entropy),
                run_files.CONFUSION: parquet_tables.confusion_table(ids, counts),
            }
            if boundary is not None:
                tables[run_files.BOUNDARY] = parquet_tables.boundary_table(ids, boundary)
            if calibration is not None:
                tables[run_files.CALIBRATION] = parquet_tables.calibration_table(ids, calibration)
            for name, table in tables.items():
                table.to_parquet(folder / name, index=False, compression="zstd")
        return Evaluation.read(target, labels)

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Give a temporary path for a file of the run, which replaces it when the block succeeds."""
        with writing(self.path, "writes it"), atomic_files.replacing(self.path / name) as path:
            yield path

    def record(self) -> RunRecord:
        """Read the run as it is on disk now.

        Raises:
            RunError: when the summary has not been written yet.
        """
        return load_run(self.path)


def _write_predictions(folder: Path, predictions: Iterable[Predicted], labels: LabelMap) -> dict[str, tuple[int, int]]:
    """Write palette PNGs of the masks and grey PNGs of the confidences; returns id -> (height, width)."""
    from PIL import Image

    (folder / run_files.PREDICTIONS).mkdir()
    palette = labels.palette.tobytes()
    sizes: dict[str, tuple[int, int]] = {}
    for predicted in predictions:
        sample_id, mask = predicted[:2]
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
        # Runs of equal pixels alone: twice as fast as the default, and a third larger.
        image.save(folder / run_files.PREDICTIONS / run_files.file_name(sample_id), compress_type=_RUN_LENGTHS)
        if len(predicted) > 2:
            (folder / run_files.CONFIDENCE).mkdir(exist_ok=True)
            write_confidence(folder / run_files.CONFIDENCE / run_files.file_name(sample_id), predicted[2])
        if len(predicted) > 3:
            (folder / run_files.PROBABILITIES).mkdir(exist_ok=True)
            path = folder / run_files.PROBABILITIES / run_files.file_name(sample_id, ".npz")
            path.write_bytes(predicted[3])
        sizes[sample_id] = (mask.shape[0], mask.shape[1])
    return sizes
