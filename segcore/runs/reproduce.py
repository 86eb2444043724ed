"""Opening the data of a run as its training did, and recreating its split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcore.errors import DatasetError, EvaluationError, SegcoreError
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
    names = ("skip_incomplete", "color_tolerance", "video", "format", "classes", "map")
    written = {name: config[name] for name in names if name in config}
    labels = run.labels.name if run.labels.name in PRESETS and not written.get("map") else None
    return OpenOptions(labels=labels, void=run.summary.dataset.void, **written)


def open_data(run: RunRecord, source: str | None = None) -> Dataset:
    """Open a dataset with the options of the run's training; other data may have other classes than the run.

    Args:
        run: The run whose options are used.
        source: A folder, a zip or `drive`; None for the data that the run was trained on.

    Raises:
        DatasetError: when it can't be opened.
        LabelError: when its classes don't fit the labels of the run.
        RunError: when the run's settings can't be read.
    """
    return open_options_of(run).open(source or trained_source(run))


def trained_source(run: RunRecord) -> str:
    """The folder or zip that a run was trained on, or `drive`.

    Raises:
        DatasetError: when it is not there any more, or was given relative to another folder; `--data` is named.
    """
    from segcore.data import check_source

    source = run.summary.dataset.source
    try:
        check_source(source)
    except DatasetError as error:
        raise DatasetError(f"{error} Run {run.id!r} was trained on it; say where it is now: --data PATH.") from None
    return source


def recreate_plan(run: RunRecord, dataset: Dataset) -> SplitPlan:
    """Recreate the split that a run was trained with.

    Args:
        run: The run whose settings are used.
        dataset: The data that it was trained on.

    Raises:
        EvaluationError: when the settings make another split than the one of the training.
        RunError: when the settings can't be read.
    """
    from segcore.data import plan_split
    from segcore.data.plan import FOLDS, OWN, own_plan

    trained, config = run.summary.dataset, run.config
    if trained.split == OWN:  # of imported predictions, whose training is unknown
        return own_plan(dataset)
    folded = trained.split == FOLDS  # its summary tells only that there were folds; the config has the method
    plan = plan_split(
        dataset,
        method=config.get("split", "auto") if folded else trained.split,
        val_fraction=config.get("val_fraction", 0.1),
        copies=config.get("copies", 0),
        seed=config.get("split_seed", run.summary.seed) or 0,
        folds=config.get("folds", 0) if folded else 0,
        fold=config.get("fold") if folded else None,
    )
    if plan.fingerprint != trained.split_fingerprint:
        raise EvaluationError(
            f"The split of run {run.id!r} can't be made again from its {run.path / 'config.yaml'}: its fingerprint is "
            f"{plan.fingerprint}, the run's {trained.split_fingerprint}. Evaluate --split test instead."
        )
    return plan


def add_leaks(run: RunRecord, dataset: Dataset) -> Summary:
    """Return the run's summary; a leak check is added where an older training did not make one.

    Args:
        run: The run, which is not changed.
        dataset: The data that it was trained on.
    """
    from segcore.data.leaks import leak_sentences

    summary = run.summary
    if summary.dataset.leaks is not None or summary.imported is not None:  # whose training images nobody knows
        return summary
    try:
        leaks = leak_sentences(dataset, recreate_plan(run, dataset))
    except SegcoreError:  # without the split no leak can be known
        return summary
    return summary.model_copy(update={"dataset": summary.dataset.model_copy(update={"leaks": leaks})})
