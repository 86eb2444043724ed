"""Writes ground truth and predictions as a FiftyOne dataset; FiftyOne is an optional extra and imported on use."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from PIL import Image

from segcore.arrays import U8
from segcore.errors import ReportError
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.report.atomic_output import check_folder, new_folder
from segcore.report.export import CLASSES, about, image_names, write_images
from segcore.report.stored_evaluations import check_images, dataset_of, stored_evaluation
from segcore.runs.run_files import file_name

if TYPE_CHECKING:
    from segcore.runs import Evaluation, RunRecord

GROUND_TRUTH = "ground_truth"


def fiftyone() -> ModuleType:
    """Import FiftyOne.

    Raises:
        ReportError: when it is not installed.
    """
    try:
        return import_module("fiftyone")
    except ImportError:
        raise ReportError(
            "FiftyOne is not installed. Install it: pip install 'segcore[fiftyone]' (in an environment of its own: "
            "it asks for an older OpenCV). Without it: --format coco, which FiftyOne and others read."
        ) from None


def export_fiftyone(
    runs: Sequence[RunRecord], split: str, out: str | Path, *, data: str | None = None, name: str | None = None
) -> list[str]:
    """Write images and masks into `out`, and a persistent FiftyOne dataset that shows them.

    The dataset has the fields `ground_truth` and, for each run, its id (as `fo.Segmentation`) and its id with `_miou`
    (the image's mean IoU). FiftyOne keeps 0 for the background, so a class's value is its id + 1, and 0 is void.

    Args:
        runs: Runs on the same images and classes.
        split: The split whose stored predictions are written.
        out: Folder to write; FiftyOne reads the files from there, so it has to stay.
        data: The dataset; None for what the runs were trained on.
        name: Name of the FiftyOne dataset; `segcore-<dataset>-<split>` when None. An earlier export of it is replaced.

    Returns:
        What was written, a sentence a line.

    Raises:
        ReportError: without FiftyOne, or when runs, split, `data` or `out` don't fit.
        DatasetError: when the dataset can't be opened.
        RunError: when a stored prediction is missing or broken.
    """
    fo = fiftyone()
    target = check_folder(out)
    evaluations = [stored_evaluation(run, split) for run in runs]
    dataset = dataset_of(runs[0], data)
    for run, evaluation in zip(runs, evaluations, strict=True):
        check_same(runs[0], evaluations[0], run, evaluation)
    check_images(dataset, runs[0], evaluations[0])
    called = name or f"segcore-{dataset.name}-{split}"
    _check_name(fo, called)
    ids = evaluations[0].ids
    names = image_names(ids, dataset, written=True)
    fields = field_names([run.id for run in runs])
    with new_folder(out, about(runs[0], split, "fiftyone") | {"runs": [run.id for run in runs]}) as folder:
        write_images(folder / "images", dataset, names)
        _write_masks(folder / GROUND_TRUTH, ids, dataset.mask)
        for evaluation, field in zip(evaluations, fields, strict=True):
            _write_masks(folder / field, ids, evaluation.prediction)
        (folder / CLASSES).write_text(runs[0].labels.to_csv(), encoding="utf-8", newline="")
        by_field = dict(zip(fields, evaluations, strict=True))
        created = _create(fo, called, target, dataset.labels, names, by_field)
    _replace(fo, created, called)
    return [
        f"{len(ids)} images with ground truth and {', '.join(fields)} in the FiftyOne dataset {called!r}",
        f"Its files are in {target}: keep them there.",
        f"Look at it: fiftyone app launch {called}",
    ]


def check_same(first: RunRecord, expected: Evaluation, run: RunRecord, evaluation: Evaluation) -> None:
    """Refuse runs whose predictions can't stand in one dataset.

    Raises:
        ReportError: naming what differs.
    """
    what = ""
    if run.labels.names != first.labels.names:
        what = f"other classes ({run.labels.name}, {run.labels.classes}; {first.labels.name}, {first.labels.classes})"
    elif set(evaluation.ids) != set(expected.ids):
        what = f"other images ({len(evaluation.ids)} and {len(expected.ids)})"
    if what:
        raise ReportError(f"Runs {first.id!r} and {run.id!r} were evaluated on {what}. Export them one by one.")


def field_names(ids: Sequence[str]) -> list[str]:
    """Run ids as names of fields: letters, digits and `_`, none twice, none that FiftyOne keeps for itself.

    >>> field_names(["drive-unet", "drive.unet", "8s", "id"])
    ['drive_unet', 'drive_unet_2', 'run_8s', 'run_id']
    """
    taken = {"id", "filepath", "tags", "metadata", "created_at", "last_modified_at", GROUND_TRUTH}
    names: list[str] = []
    for run_id in ids:
        plain = re.sub(r"\W+", "_", run_id, flags=re.ASCII).strip("_") or "run"
        plain = plain if plain[0].isalpha() and plain not in taken else f"run_{plain}"
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}_{number}"
        names.append(name)
    return names


def _write_masks(folder: Path, ids: Sequence[str], mask: Callable[[str], U8]) -> None:
    folder.mkdir()
    for sample_id in ids:
        stored = mask(sample_id)
        shifted = np.where(stored == IGNORE_INDEX, 0, stored + np.uint8(1)).astype(np.uint8)
        Image.fromarray(shifted).save(folder / file_name(sample_id))  # grey: FiftyOne takes a palette for colours


def _check_name(fo: ModuleType, name: str) -> None:
    """Refuse the name of a dataset that Segcore didn't make."""
    if name not in fo.list_datasets():
        return
    if not fo.load_dataset(name).info.get("segcore"):
        raise ReportError(f"FiftyOne has a dataset {name!r} that Segcore didn't make. Choose another --name.")


def _create(
    fo: ModuleType, name: str, folder: Path, labels: LabelMap, names: dict[str, str], fields: dict[str, Evaluation]
) -> Any:  # noqa: ANN401 - FiftyOne has no types
    """Create the dataset under a temporary name: an earlier export of the name stays until this one is whole."""
    created = fo.Dataset(f"{name}-{uuid4().hex[:8]}")  # not persistent: FiftyOne forgets it if we are killed
    try:
        _fill(fo, created, folder, labels, names, fields)
    except BaseException:
        fo.delete_dataset(created.name)
        raise
    return created


def _replace(fo: ModuleType, created: Any, name: str) -> None:  # noqa: ANN401
    """Give the new dataset its name; an earlier export of that name is deleted (see `_check_name`)."""
    if name in fo.list_datasets():
        fo.delete_dataset(name)
    created.name = name
    created.persistent = True
    created.save()


def _fill(
    fo: ModuleType,
    created: Any,  # noqa: ANN401
    folder: Path,
    labels: LabelMap,
    names: dict[str, str],
    fields: dict[str, Evaluation],
) -> None:
    created.add_samples(list(_samples(fo, folder, names, fields)))
    created.default_mask_targets = dict(enumerate(labels.names, 1))
    created.default_classes = list(labels.names)
    created.info = {"segcore": True, "classes": labels.name}
    colors = [{"intTarget": index, "color": color} for index, color in enumerate(labels.hex_colors, 1)]
    created.app_config.color_scheme = fo.ColorScheme(color_by="value", default_mask_targets_colors=colors)
    created.save()


def _samples(fo: ModuleType, folder: Path, names: dict[str, str], fields: dict[str, Evaluation]) -> Iterator[Any]:
    for sample_id, image in names.items():
        mask = file_name(sample_id)
        sample = fo.Sample(filepath=str(folder / "images" / image), tags=[next(iter(fields.values())).split])
        sample[GROUND_TRUTH] = fo.Segmentation(mask_path=str(folder / GROUND_TRUTH / mask))
        for field, evaluation in fields.items():
            sample[field] = fo.Segmentation(mask_path=str(folder / field / mask))
            miou = evaluation.image_scores(sample_id).miou
            sample[f"{field}_miou"] = None if math.isnan(miou) else miou
        yield sample
