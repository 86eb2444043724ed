"""Reads what reports and exports are made from: a run's stored evaluation, and its dataset if it can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.errors import ReportError
from segcore.runs import Evaluation, RunRecord
from segcore.runs.remake import remake_command
from segcore.runs.reproduce import open_data

if TYPE_CHECKING:
    from segcore.data import Dataset


def stored_evaluation(run: RunRecord, split: str) -> Evaluation:
    """Read the stored evaluation of a run on a split.

    Raises:
        ReportError: when there is none; the message names the evaluations there are and the command that makes it.
        RunError: when its files can't be read.
    """
    evaluation = run.evaluation(split)
    if evaluation is None:
        there = f"; there is {', '.join(run.splits)}" if run.splits else ""
        raise ReportError(
            f"Run {run.id!r} has no evaluation on {split!r}{there}. Make one: {remake_command(run, split)}"
        )
    return evaluation


def dataset_of(run: RunRecord, source: str | None = None) -> Dataset:
    """Open the dataset as the run reads it, with the run's classes.

    Args:
        run: The run.
        source: A folder, a zip or `drive`; None for what the run was trained on.

    Raises:
        DatasetError: when it can't be opened.
        LabelError: when its classes don't fit the labels of the run.
        ReportError: when its classes differ from the run's.
        RunError: when the run's settings can't be read.
    """
    dataset = open_data(run, source)
    if dataset.labels.names != run.labels.names:
        mine = [name for name in run.labels.names if name not in dataset.labels.names]
        other = [name for name in dataset.labels.names if name not in run.labels.names]
        raise ReportError(
            f"{dataset.source} has other classes than run {run.id!r}: {dataset.labels.classes} against "
            f"{run.labels.classes} (only there: {_some(other)}; only in the run: {_some(mine)}). Give what it was "
            "trained on with --data."
        )
    return dataset


def check_images(dataset: Dataset, run: RunRecord, evaluation: Evaluation) -> None:
    """Refuse a dataset that lacks images of an evaluation, or has them in another size.

    Raises:
        ReportError: which names one such image.
    """
    there = set(dataset.ids)
    missing = [sample_id for sample_id in evaluation.ids if sample_id not in there]
    what = f"the {evaluation.split} evaluation of run {run.id!r}"
    if missing:
        raise ReportError(
            f"{dataset.source} has no image {missing[0]!r}, which {what} holds ({len(missing)} of "
            f"{len(evaluation.ids)} are missing). Give the dataset it was evaluated on with --data."
        )
    for sample_id in evaluation.ids:
        height, width = evaluation.size(sample_id)
        if dataset.size(sample_id) != (height, width):
            size = "{}x{}".format(*dataset.size(sample_id))
            raise ReportError(
                f"{dataset.source}: {sample_id} is {size}, in {what} it was {height}x{width}. Give the dataset it was "
                f"evaluated on with --data, or evaluate it again: {remake_command(run, evaluation.split)}"
            )


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])]) or "none"
