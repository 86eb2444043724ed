"""Imports predictions from files or arrays, and scores any callable, as a run without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.data.class_lists import ClassList
from segcore.data.dataset import Dataset
from segcore.data.decode import MaskPixels
from segcore.data.evenly_spread import SAMPLED, spread
from segcore.data.file_source import FileSource, Folder, list_files
from segcore.data.mask_coding import MaskCoding
from segcore.data.predictions.classes import PredictionClasses, candidate_codings, decide_classes
from segcore.data.predictions.matching import check_ids, match_predictions
from segcore.data.predictions.reading import as_prediction, read_prediction
from segcore.errors import EvaluationError
from segcore.evaluation.imported_run import ImportedRun, Load, Prediction, Progress, progress_bar
from segcore.paths import local_path
from segcore.runs import RunRecord

Given = str | Path | npt.ArrayLike  # a file, a mask [H, W] of ids, or probabilities [C, H, W] or [H, W, C]


def import_predictions(
    pairs: Mapping[str, Given] | Iterable[tuple[str, Given]],
    dataset: Dataset,
    *,
    name: str,
    split: str = "test",
    out: str | Path = "checkpoints",
    classes: str | None = None,
    map: str | None = None,
    resize: tuple[int, int] | None = None,
    add: bool = False,
    replace: bool = False,
    progress: Progress | bool = True,
) -> RunRecord:
    """Score predictions that were made elsewhere, and store them as a run without a model.

    All pages, reports and commands that compare stored results take it; what needs a model refuses it.

    Args:
        pairs: Image id -> its prediction, one for each image of the split: a file (a picture of ids, palette indices
            or colours; `.npy`; `.npz`; a folder of one 16-bit picture a class), a mask `[H, W]` of ids, or
            probabilities `[C, H, W]` or `[H, W, C]` that sum to 1.
        dataset: The dataset of the images, as `open_dataset` opens it.
        name: The model's name, which also names the run's folder.
        split: The split that was predicted.
        out: Folder of runs.
        classes: Path of a list of the classes as the predictions have them; None: the dataset's own.
        map: Path of a CSV of lines `from,to`, from the classes of the predictions to those of the dataset.
        resize: (height, width) of all predictions where it is not that of the ground truth; masks are then resized by
            nearest neighbour, probabilities bilinearly, and the run's title says so.
        add: Add the split to the imported run of that name.
        replace: The same, also where that split was imported before.
        progress: Called with (done, total) after each image; True draws a bar, False nothing.

    Raises:
        DatasetError: when predictions are missing, of unknown images, unreadable, or of other classes.
        EvaluationError: when a prediction has another size than expected.
        RunError: when there is a run of that name.
    """
    run = ImportedRun.plan(name, dataset, split, "Python", out=out, resize=resize, add=add, replace=replace)
    given = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    check_ids([sample_id for sample_id, _ in given], dataset.split(split).ids, split)
    predictions = [Prediction(sample_id, _loader(prediction, sample_id)) for sample_id, prediction in given]
    return _write(run, predictions, candidate_codings(dataset, None, classes, map), progress)


def import_folder(
    predictions: str | Path,
    dataset: Dataset,
    *,
    name: str,
    split: str = "test",
    out: str | Path = "checkpoints",
    classes: str | None = None,
    map: str | None = None,
    scores: str | Path | None = None,
    resize: tuple[int, int] | None = None,
    add: bool = False,
    replace: bool = False,
    progress: Progress | bool = True,
) -> tuple[RunRecord, tuple[str, ...]]:
    """Import the predictions in a folder or zip, which are matched to the images by their names.

    Args:
        predictions: The folder or zip; a list of classes in it is read.
        dataset: The dataset of the images.
        name: The model's name, which also names the run's folder.
        split: The split that was predicted.
        out: Folder of runs.
        classes: As in `import_predictions`.
        map: As in `import_predictions`.
        scores: Folder or zip with the probabilities that belong to the masks in `predictions`.
        resize: As in `import_predictions`.
        add: Add the split to the imported run of that name.
        replace: The same, also where that split was imported before.
        progress: As in `import_predictions`.

    Returns:
        The run, and notes on what was left out.

    Raises:
        SegcoreError: as `import_predictions`.
    """
    source = str(local_path(predictions).absolute())
    run = ImportedRun.plan(name, dataset, split, source, out=out, resize=resize, add=add, replace=replace)
    files = match_predictions(list_files(predictions), dataset, split)
    beside = match_predictions(list_files(scores), dataset, split) if scores else None
    masks_source = files.listing.file_source
    scores_source, stored = (beside.listing.file_source, beside.masks) if beside else (masks_source, files.scores)
    listed = [
        Prediction(
            sample_id,
            _reader(masks_source, files.listing.path(path)),
            _reader(scores_source, stored[sample_id]) if stored else None,
        )
        for sample_id, path in files.masks.items()
        if sample_id in dataset.splits[split]
    ]
    made = _write(run, listed, candidate_codings(dataset, files.listing, classes, map), progress)
    return made, (*files.notes, *(beside.notes if beside else ()))


def evaluate(
    predict: Callable[[Any], Any],
    dataset: Dataset,
    *,
    name: str,
    split: str = "test",
    out: str | Path = "checkpoints",
    batch_size: int | None = None,
    resize: tuple[int, int] | None = None,
    add: bool = False,
    replace: bool = False,
    progress: Progress | bool = True,
) -> RunRecord:
    """Score anything that predicts an image, and store its predictions as a run without a model.

    Args:
        predict: Called with an image `[H, W, 3]` RGB uint8; returns a mask `[H, W]` of ids, positions in
            `dataset.labels.names`, or probabilities `[C, H, W]` or `[H, W, C]` that sum to 1. Anything that
            `numpy.asarray` takes, such as a CPU tensor. What it raises is passed on.
        dataset: The dataset, as `open_dataset` opens it.
        name: The model's name, which also names the run's folder.
        split: The split to predict.
        out: Folder of runs.
        batch_size: Call `predict` with lists of so many images, for which it returns as many predictions.
        resize: As in `import_predictions`.
        add: Add the split to the imported run of that name.
        replace: The same, also where that split was imported before.
        progress: As in `import_predictions`.

    Raises:
        EvaluationError: when a prediction is of the wrong kind or size, or their number is not that of the images.
        DatasetError: when it holds ids that are no scored class, or values that are no probabilities.
        RunError: when there is a run of that name.
    """
    if batch_size is not None and batch_size < 1:
        raise EvaluationError(f"batch_size is {batch_size}; expected 1 or more, or None for single images.")
    source = f"{getattr(predict, '__module__', '')}.{getattr(predict, '__qualname__', type(predict).__name__)}"
    run = ImportedRun.plan(name, dataset, split, source, out=out, resize=resize, add=add, replace=replace)
    coding = MaskCoding(ClassList.of(dataset.labels), dataset.labels, ids_only=True)
    with progress_bar(progress, name) as update:
        return run.write(_predicted(predict, dataset, split, batch_size), PredictionClasses(coding), update)


def _predicted(
    predict: Callable[[Any], Any], dataset: Dataset, split: str, batch_size: int | None
) -> Iterator[Prediction]:
    ids = dataset.split(split).ids
    for start in range(0, len(ids), batch_size or 1):
        batch = ids[start : start + (batch_size or 1)]
        images = [dataset.image(sample_id) for sample_id in batch]
        answers: Sequence[Any] = [predict(images[0])] if batch_size is None else predict(images)
        if len(answers) != len(batch):
            raise EvaluationError(f"{len(answers)} predictions for a list of {len(batch)} images; expected one each.")
        for sample_id, answer in zip(batch, answers, strict=True):
            yield Prediction(sample_id, partial(as_prediction, np.array(answer), sample_id))


def _write(
    run: ImportedRun, predictions: Sequence[Prediction], codings: Sequence[MaskCoding], progress: Progress | bool
) -> RunRecord:
    some = [stored for one in spread(predictions, SAMPLED) if isinstance(stored := one.load(), MaskPixels)]
    classes = decide_classes(some, codings)
    with progress_bar(progress, run.name) as update:
        return run.write(predictions, classes, update)


def _loader(given: Given, sample_id: str) -> Load:
    if not isinstance(given, str | Path):
        return partial(as_prediction, given, sample_id)
    path = local_path(given)
    return _reader(Folder(str(path.parent)), path.name)


def _reader(file_source: FileSource, path: str) -> Load:
    return partial(read_prediction, file_source, path)
