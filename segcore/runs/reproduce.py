"""A run's data, and how it was split: read, and the plan of its training made again, by its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcore.errors import EvaluationError, SegcoreError
from segcore.labels import PRESETS

if TYPE_CHECKING:
    from segcore.data import Dataset, OpenOptions, SplitPlan
    from segcore.runs.run_record import RunRecord
    from segcore.runs.summary import Summary


def open_options_of(run: RunRecord) -> OpenOptions:
    """The options with which the run's training opened its data.

    Raises:
        RunError: when the run's settings can't be read.
    """
    from segcore.data import OpenOptions

    config = run.config
    written = {name: config[name] for name in ("skip_incomplete", "color_tolerance", "video") if name in config}
    labels = run.labels.name if run.labels.name in PRESETS else None
    return OpenOptions(labels=labels, void=run.summary.dataset.void, **written)


def data_of(run: RunRecord, source: str | None = None) -> Dataset:
    """The dataset as the run's training read it; its classes may be others than the run's where `source` is other data.

    Args:
        run: Its `open_options_of` are taken.
        source: A folder, a zip or `drive`; None for what the run was trained on.

    Raises:
        DatasetError: when it can't be opened.
        LabelError: when its classes don't fit the labels of the run.
        RunError: when the run's settings can't be read.
    """
    return open_options_of(run).open(source or run.summary.dataset.source)


def plan_of(run: RunRecord, dataset: Dataset) -> SplitPlan:
    """The split that a run was trained with.

    Args:
        run: Its settings are read.
        dataset: What it was trained on.

    Raises:
        EvaluationError: when its settings make another split.
        RunError: when they can't be read.
    """
    from segcore.data import plan_split
    from segcore.data.plan import FOLDS

    trained, config = run.summary.dataset, run.config
    folded = trained.split == FOLDS  # which says that train was cut, not how
    plan = plan_split(
        dataset,
        method=config.get("split", "auto") if folded else trained.split,
        val_fraction=config.get("val_fraction", 0.1),
        copies=config.get("copies", 0),
        seed=run.summary.seed,
        folds=config.get("folds", 0) if folded else 0,
        fold=config.get("fold") if folded else None,
    )
    if plan.fingerprint != trained.split_fingerprint:
        raise EvaluationError(
            f"The split of run {run.id!r} can't be made again from its {run.path / 'config.yaml'}: its fingerprint is "
            f"{plan.fingerprint}, the run's {trained.split_fingerprint}. Evaluate --split test instead."
        )
    return plan


def with_leaks(run: RunRecord, dataset: Dataset) -> Summary:
    """The run's summary with what speaks against its scores, where an older training did not look for it.

    Args:
        run: Left as it is.
        dataset: What it was trained on.
    """
    from segcore.data.leaks import leak_sentences

    summary = run.summary
    if summary.dataset.leaks is not None:
        return summary
    try:
        leaks = leak_sentences(dataset, plan_of(run, dataset))
    except SegcoreError:  # its split can't be made again, so nothing is known of it
        return summary
    return summary.model_copy(update={"dataset": summary.dataset.model_copy(update={"leaks": leaks})})
