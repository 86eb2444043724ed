"""Writes stored predictions as palette PNGs, as COCO annotations, or for correction in labelme and CVAT."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Any

from segcore.data.encode import encode_image, image_suffix
from segcore.errors import ReportError, SegcoreError
from segcore.labels import IGNORE_INDEX
from segcore.report.atomic_output import check_folder, new_folder
from segcore.report.coco import write_coco
from segcore.report.labelme import labelme_document
from segcore.report.stored_evaluations import check_images, dataset_of, stored_evaluation
from segcore.runs.run_files import file_name
from segcore.visual import encode_png

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.runs import Evaluation, RunRecord

CLASSES = "classes.csv"


def export_png(run: RunRecord, split: str, out: str | Path) -> list[str]:
    """Write `masks/<id>.png` (palette PNG, a pixel's index = its class id) and `classes.csv`.

    Returns:
        What was written, a sentence a line.

    Raises:
        ReportError: when there is no evaluation of the split, or `out` can't take it.
        RunError: when a stored prediction is missing or broken.
    """
    check_folder(out)
    evaluation = stored_evaluation(run, split)
    with new_folder(out, about(run, split, "png")) as folder:
        (folder / "masks").mkdir()
        for sample_id in evaluation.ids:
            data = encode_png(evaluation.prediction(sample_id), run.labels.palette)
            (folder / "masks" / file_name(sample_id)).write_bytes(data)
        (folder / CLASSES).write_text(run.labels.to_csv(), encoding="utf-8", newline="")
    return [f"{len(evaluation.ids)} masks in {Path(out) / 'masks'}, their classes in {Path(out) / CLASSES}"]


def export_coco(
    run: RunRecord, split: str, out: str | Path, *, data: str | None = None, images: bool = False
) -> list[str]:
    """Write `predictions.json`, and `ground_truth.json` where the dataset is here.

    Args:
        run: The run.
        split: The split whose stored predictions are written.
        out: Folder to write.
        data: The dataset; None for what the run was trained on.
        images: Write the images too, into `images/`, so that other tools find them under their `file_name`.

    Returns:
        What was written, a sentence a line; where there is no ground truth, the last line says why.

    Raises:
        ReportError: when there is no evaluation of the split, or `out` can't take it, or `data` doesn't fit.
        RunError: when a stored prediction is missing or broken.
        DatasetError: when `data` or, with `images`, the run's own dataset can't be opened.
    """
    check_folder(out)
    evaluation = stored_evaluation(run, split)
    dataset, problem = _dataset(run, evaluation, data, needed=images or data is not None)
    names = image_names(evaluation.ids, dataset, written=images)
    origin = about(run, split, "coco")
    with new_folder(out, origin) as folder:
        count = write_coco(
            folder / "predictions.json",
            lambda: ((sample_id, evaluation.prediction(sample_id)) for sample_id in evaluation.ids),
            run.labels,
            file_names=names,
            info={"description": f"What {run.id} predicted on {split}", **origin},
        )
        lines = [f"{count} annotations of {len(evaluation.ids)} images in {Path(out) / 'predictions.json'}"]
        if dataset is None:
            return [*lines, f"No ground truth: {problem}"]
        opened = dataset
        count = write_coco(
            folder / "ground_truth.json",
            lambda: ((sample_id, opened.mask(sample_id)) for sample_id in evaluation.ids),
            run.labels,
            file_names=names,
            info={"description": f"Ground truth of {dataset.name} {split}", **origin},
        )
        lines.append(f"{count} annotations of the ground truth in {Path(out) / 'ground_truth.json'}")
        if images:
            write_images(folder / "images", dataset, names)
            lines.append(f"{len(names)} images in {Path(out) / 'images'}")
    return lines


def export_labelme(run: RunRecord, split: str, out: str | Path, *, data: str | None = None) -> list[str]:
    """Write `<id>.json` beside its image, as labelme opens and `segcore data` reads them, and `classes.csv`.

    Returns:
        What was written, a sentence a line.

    Raises:
        ReportError: when there is no evaluation of the split, or `out` can't take it, or `data` doesn't fit.
        RunError: when a stored prediction is missing or broken.
        DatasetError: when the dataset, which has the images, can't be opened.
    """
    check_folder(out)
    evaluation = stored_evaluation(run, split)
    dataset = dataset_of(run, data)
    check_images(dataset, run, evaluation)
    names = image_names(evaluation.ids, dataset, written=True)
    with new_folder(out, about(run, split, "labelme")) as folder:
        for sample_id, name in names.items():
            document = labelme_document(evaluation.prediction(sample_id), run.labels, name)
            (folder / name).write_bytes(encode_image(dataset.image(sample_id), PurePosixPath(name).suffix))
            (folder / file_name(sample_id, ".json")).write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        (folder / CLASSES).write_text(run.labels.to_csv(), encoding="utf-8", newline="")
    return [f"{len(names)} images with their annotations in {out}; open them: labelme {quote(str(out))}"]


def export_cvat(run: RunRecord, split: str, out: str | Path) -> list[str]:
    """Write `annotations.zip`, which CVAT imports as "Segmentation mask 1.1" into a task of these images.

    Returns:
        What was written, a sentence a line.

    Raises:
        ReportError: when there is no evaluation of the split, `out` can't take it, or two classes share a colour.
        RunError: when a stored prediction is missing or broken.

    Source: CVAT's documentation of the format, docs.cvat.ai.
    """
    check_folder(out)
    evaluation, labels = stored_evaluation(run, split), run.labels
    colors = labels.colors
    if len(set(colors)) < len(colors):
        name = next(name for name, color in zip(labels.names, colors, strict=True) if colors.count(color) > 1)
        raise ReportError(f"CVAT tells classes apart by colours, and {name!r} shares its own. Use --format labelme.")
    palette = labels.palette.copy()
    background = (0, 0, 0)
    entries = [f"{name}:{','.join(map(str, color))}::" for name, color in zip(labels.names, colors, strict=True)]
    if background not in colors:
        palette[IGNORE_INDEX] = background
        entries.append("background:0,0,0::")
    with new_folder(out, about(run, split, "cvat")) as folder:
        with zipfile.ZipFile(folder / "annotations.zip", "w", zipfile.ZIP_STORED) as packed:
            packed.writestr("labelmap.txt", "# label:color_rgb:parts:actions\n" + "\n".join(entries) + "\n")
            frames = [file_name(sample_id, "") for sample_id in evaluation.ids]
            packed.writestr("ImageSets/Segmentation/default.txt", "\n".join(frames) + "\n")
            for sample_id in evaluation.ids:
                data = encode_png(evaluation.prediction(sample_id), palette)
                packed.writestr(f"SegmentationClass/{file_name(sample_id)}", data)
    path = Path(out) / "annotations.zip"
    return [f'{len(evaluation.ids)} masks in {path}; CVAT imports it into a task as "Segmentation mask 1.1"']


def about(run: RunRecord, split: str, format_: str) -> dict[str, Any]:
    """The content of `export.json` in an exported folder: run, dataset, split, classes, version, date."""
    from segcore import __version__

    return {
        "format": format_,
        "run": run.id,
        "model": run.title,
        "dataset": run.summary.dataset.name,
        "split": split,
        "classes": run.labels.name,
        "contributor": f"segcore {__version__}",
        "date_created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def image_names(ids: tuple[str, ...], dataset: Dataset | None, *, written: bool) -> dict[str, str]:
    """Image id -> the name of its file.

    Args:
        ids: The images.
        dataset: Their dataset; None where it can't be opened.
        written: The images are written into the export. Otherwise the name is the path inside the dataset.
    """
    names = {}
    for sample_id in ids:
        stored = getattr(dataset.record(sample_id), "image_path", None) if dataset else None
        suffix = image_suffix(stored) if stored else ".png"  # the drive's images are drawn: no files
        names[sample_id] = stored if stored and not written else file_name(sample_id, suffix)
    return names


def write_images(folder: Path, dataset: Dataset, names: Mapping[str, str]) -> None:
    """The images of a split, under the given names."""
    folder.mkdir()
    for sample_id, name in names.items():
        (folder / name).write_bytes(encode_image(dataset.image(sample_id), PurePosixPath(name).suffix))


def _dataset(run: RunRecord, evaluation: Evaluation, data: str | None, *, needed: bool) -> tuple[Dataset | None, str]:
    """Open the dataset of a run and check its images: (dataset, ""), or (None, reason) where it isn't needed."""
    try:
        dataset = dataset_of(run, data)
        check_images(dataset, run, evaluation)
    except SegcoreError as error:
        if needed:
            raise
        return None, str(error)
    return dataset, ""
