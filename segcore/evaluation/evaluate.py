"""Predicts and scores a split, and stores the evaluation in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from segcore.data.dataset import Dataset
from segcore.errors import EvaluationError
from segcore.evaluation.accumulator import Accumulator
from segcore.evaluation.ensemble import Ensemble, open_predictor
from segcore.evaluation.predictor import Predictor
from segcore.labels import PRESETS
from segcore.runs import Evaluation, RunRecord, RunWriter, load_run
from segcore.runs.run_writer import Predicted
from segcore.runs.temperature import VALIDATION, fitted_temperature

Progress = Callable[[int, int], object]


def evaluate(
    run: RunRecord | str | Path,
    dataset: Dataset,
    ids: Sequence[str],
    *,
    split: str,
    device: str = "auto",
    predictor: Predictor | Ensemble | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Predict images at the size of their ground truth, and store the counts and predictions in the run.

    Evaluating the validation split fits the temperature that calibrates confidence on other splits: evaluate it first.
    The new evaluation replaces the stored one of this split as a whole; the stored one stays after a failure.

    Args:
        run: A run, or the path of its folder; the members of an ensemble predict together.
        dataset: The dataset of the images; its classes must be the run's.
        ids: Images to predict.
        split: Name to store it under: `val`, `test`, ...
        device: See `Predictor`.
        predictor: A predictor of this run with a backend, test-time augmentation or window; by default the plain one.
            Store its results under another name: `predictor.stored_as(split)`.
        progress: Called with (done, total) after each image.

    Raises:
        EvaluationError: when the classes differ, there is no image, or a prediction can't be made.
        RunError: when the run or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    _check_labels(record, dataset)
    if not ids:
        raise EvaluationError(f"No images of {split} to evaluate in {dataset.name}; it has {_splits(dataset)}.")
    predictor = open_predictor(record, stored=True, device=device) if predictor is None else predictor
    of_images = [predictor.at(sample_id) for sample_id in ids]  # before any work: a stored prediction may be missing
    validation = str(predictor.stored_as(VALIDATION))
    fits = split == validation
    temperature = None if fits else fitted_temperature(record, validation)
    counted = Accumulator.empty(len(ids), record.labels.classes, temperature, fits)

    def predictions() -> Iterator[Predicted]:
        for index, sample_id in enumerate(ids):
            sample = dataset[sample_id]
            try:
                if predictor.ids_only:
                    prediction = of_images[index](sample.image)
                    counted.count_mask(index, prediction.mask, sample.mask)
                else:
                    prediction = counted.count(index, of_images[index].parts(sample.image), sample.mask)
            except EvaluationError as error:
                raise EvaluationError(f"Image {sample_id!r} of {split}: {error}") from None
            if predictor.ids_only:
                yield sample_id, prediction.mask
            else:
                yield sample_id, prediction.mask, prediction.confidence
            if progress is not None:
                progress(index + 1, len(ids))
        counted.fit()

    return RunWriter(record.path).write_evaluation(
        split,
        ids,
        counted.confusion,
        predictions(),
        record.labels,
        boundary=counted.boundary,
        entropy=None if predictor.ids_only else counted.entropy,
        calibration=None if predictor.ids_only else counted.calibration,
    )


def _check_labels(run: RunRecord, dataset: Dataset) -> None:
    mine, theirs = run.labels.names, dataset.labels.names
    if mine == theirs:
        return
    only_run = [name for name in mine if name not in theirs]
    only_data = [name for name in theirs if name not in mine]
    differ = [f"only the run has {', '.join(only_run)}"] if only_run else []
    differ += [f"only the data has {', '.join(only_data)}"] if only_data else []
    what = "; ".join(differ) or "they are in another order"
    way = "Give data with the classes of the run."
    if run.labels.name in PRESETS:
        way = f"Open the data as it was for training: labels={run.labels.name!r}, void={run.summary.dataset.void!r}."
    raise EvaluationError(
        f"Run {run.id!r} predicts the {len(mine)} classes of {run.labels.name}, {dataset.name} has {len(theirs)} of "
        f"{dataset.labels.name}: {what}. {way}"
    )


def _splits(dataset: Dataset) -> str:
    return ", ".join(f"{len(ids)} of {name}" for name, ids in dataset.splits.items()) or "no splits"
