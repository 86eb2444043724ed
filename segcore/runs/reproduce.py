"""Opening the data of a run as its training did, and recreating its split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segcore.errors import DatasetError, EvaluationError, SegcoreError
from segcore.labels import PRESETS
from segcore.runs import data_places, run_files

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

    A place that holds the data of the training is remembered, so that it need not be named again.

    Args:
        run: The run whose options are used.
        source: A folder, a zip or `drive`, or a folder that holds the data under its old name; None for the data that
            the run was trained on, where it was or where it was last opened.

    Raises:
        DatasetError: when it can't be opened.
        LabelError: when its classes don't fit the labels of the run.
        RunError: when the run's settings can't be read.
    """
    info, options = run.summary.dataset, open_options_of(run)
    place = source or trained_source(run)
    try:
        dataset = options.open(place)
    except DatasetError:
        inside = data_places.below(place, info)
        if inside is None:
            raise
        dataset = options.open(inside)
    if source and dataset.fingerprint == info.fingerprint:
        data_places.remember(info, dataset.source)
    return dataset


def trained_source(run: RunRecord) -> str:
    """The folder or zip that a run was trained on, or `drive`: where it was, or where it was last opened.

    Raises:
        DatasetError: when it is at none of these places; they and `--data` are named.
    """
    info = run.summary.dataset
    place = data_places.find_data(info)
    if place is None:
        looked = ", ".join(str(Path(path).absolute()) for path in data_places.places_of(info))
        raise DatasetError(
            f"Run {run.id!r} was trained on {info.name} (fingerprint {info.fingerprint}), which is not there any more; "
            f"looked at {looked}. Say where it is now, which is kept for the next time: --data PATH"
        )
    return place


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
    from segcore.data.tags import read_image_list

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
    kept = run.path / run_files.ONLY
    if config.get("only") and kept.is_file():
        images = read_image_list(str(kept), dataset.source)
        plan = plan.restricted(frozenset(images.of_dataset(dataset)), run_files.ONLY)
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
    if summary.dataset.leaks is not None:
        return summary
    try:
        if run.training_unknown:
            return summary
        leaks = leak_sentences(dataset, recreate_plan(run, dataset))
    except SegcoreError:  # without the split no leak can be known
        return summary
    return summary.model_copy(update={"dataset": summary.dataset.model_copy(update={"leaks": leaks})})
