"""Predict and score a split, and store it with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from segcore.data.dataset import Dataset
from segcore.errors import EvaluationError
from segcore.evaluation.predictor import Predictor
from segcore.metrics import confusion_matrix
from segcore.runs import Evaluation, RunRecord, RunWriter, load_run

Progress = Callable[[int, int], object]


def evaluate(
    run: RunRecord | str | Path,
    dataset: Dataset,
    ids: Sequence[str],
    *,
    split: str,
    device: str = "auto",
    predictor: Predictor | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Predict images at the size of their ground truth, count, and store both in the run.

    Replaces what was stored for this split as a whole; when it fails or is interrupted, that stays.

    Args:
        run: A run, or the path of its folder.
        dataset: Where the images are; its classes must be the run's.
        ids: Images to predict.
        split: Name to store it under: `val`, `test`, ...
        device: See `Predictor`.
        predictor: Of this run, with a backend, test-time augmentation or window of its own; None is the plain one.
            Store what it finds under a name of its own: `split + predictor.variant`.
        progress: Called with (done, total) after each image.

    Raises:
        EvaluationError: when the classes differ, there is no image, or a prediction can't be made.
        RunError: when the run or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    _check_labels(record, dataset)
    if not ids:
        raise EvaluationError(f"No images of {split} to evaluate in {dataset.name}; it has {_splits(dataset)}.")
    predictor = Predictor(record, device=device) if predictor is None else predictor
    counts = np.zeros((len(ids), record.labels.classes, record.labels.classes), np.int64)
    entropy = np.zeros(len(ids))

    def predictions() -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
        for index, sample_id in enumerate(ids):
            sample = dataset[sample_id]
            prediction = predictor(sample.image)
            counts[index] = confusion_matrix(prediction.mask, sample.mask, classes=record.labels.classes)
            entropy[index] = prediction.entropy.mean()
            yield sample_id, prediction.mask
            if progress is not None:
                progress(index + 1, len(ids))

    writer = RunWriter(record.path)
    return writer.write_evaluation(split, ids, counts, predictions(), record.labels, entropy=entropy)


def _check_labels(run: RunRecord, dataset: Dataset) -> None:
    mine, theirs = run.labels.names, dataset.labels.names
    if mine == theirs:
        return
    only_run = [name for name in mine if name not in theirs]
    only_data = [name for name in theirs if name not in mine]
    differ = [
        f"only the run has {', '.join(only_run)}" if only_run else "",
        f"only the data has {', '.join(only_data)}" if only_data else "",
    ]
    what = "; ".join(part for part in differ if part) or "they are in another order"
    raise EvaluationError(
        f"Run {run.id!r} predicts the {len(mine)} classes of {run.labels.name}, {dataset.name} has {len(theirs)} of "
        f"{dataset.labels.name}: {what}. Open the data as it was for training: "
        f"labels={run.labels.name!r}, void={run.summary.dataset.void!r}."
    )


def _splits(dataset: Dataset) -> str:
    return ", ".join(f"{len(ids)} of {name}" for name, ids in dataset.splits.items()) or "no splits"
