"""Groups runs: the folds of one cross-validation, and the trainings of one recipe, which differ only by chance."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from segcore.data import OpenOptions
from segcore.errors import RunError
from segcore.reading import file_digest
from segcore.runs import Evaluation, RunRecord, run_files
from segcore.runs.titles import disambiguate

# Settings that may differ within one recipe: the seeds, the name, and where it ran.
CHANCE = frozenset(
    {"seed", "split_seed", "repeats", "fold", "name", "out", "device", "workers", "cache_mb", "models", "loggers"}
    | {"launcher", "checkpoint_minutes"}
)


@dataclass(frozen=True)
class Group:
    """Runs that are one row: the folds of a cross-validation, or all runs of a recipe.

    Args:
        runs: Ids of the runs; the first stands for all.
        title: The model's name, and the number of seeds and folds.
    """

    runs: tuple[str, ...]
    title: str


@dataclass(frozen=True)
class _Training:
    """What a run is one of.

    Args:
        run: The run.
        recipe: Model, data and settings but those of `CHANCE`, as text; its own id where its config can't be read.
        fold: The part of the data that validated it, of `folds`; None for a training that is no cross-validation's.
        folds: Number of folds.
    """

    run: RunRecord
    recipe: str
    fold: int | None = None
    folds: int = 0


def groups_of(runs: Sequence[RunRecord]) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Group runs by training, where only the folds of a cross-validation go together, and by recipe.

    The folds of a cross-validation are the runs of one recipe and seed. A fold that was trained again is in a second
    one.

    Args:
        runs: The runs, in order.

    Returns:
        (trainings, recipes), in the order of the runs; in each of them, every run is in exactly one group.
    """
    trainings: dict[Hashable, list[_Training]] = defaultdict(list)
    recipes: dict[Hashable, list[_Training]] = defaultdict(list)
    trained: Counter[Hashable] = Counter()
    for training in map(_training, runs):
        recipes[training.recipe].append(training)
        key: Hashable = training.run.id
        if training.fold is not None:
            one = (training.recipe, training.run.summary.seed, training.fold)
            key = (*one[:2], trained[one])
            trained[one] += 1
        trainings[key].append(training)
    for members in trainings.values():
        members.sort(key=lambda training: training.fold or 0)
    return _groups(list(trainings.values())), _groups(list(recipes.values()))


def evaluated_together(trainings: Sequence[Group], evaluations: Mapping[str, Evaluation]) -> dict[str, tuple[str, ...]]:
    """Id of the first run -> ids of runs whose images are scored as one: folds that share no image, else single runs.

    Args:
        trainings: Runs by training, from `groups_of`.
        evaluations: Id of a run -> its evaluation.
    """
    together: dict[str, tuple[str, ...]] = {}
    for training in trainings:
        images = [sample_id for run_id in training.runs for sample_id in evaluations[run_id].ids]
        joined = len(images) == len(set(images))
        together |= {training.runs[0]: training.runs} if joined else {run_id: (run_id,) for run_id in training.runs}
    return together


def _groups(groups: Sequence[Sequence[_Training]]) -> tuple[Group, ...]:
    """The groups with titles that tell them apart."""
    alike: dict[str, list[str]] = defaultdict(list)
    for members in groups:
        alike[members[0].run.title].append(members[0].run.id)  # the first of a recipe has the shortest name
    suffixes = {run_id: words for ids in alike.values() for run_id, words in _suffixes(ids).items()}
    return tuple(
        Group(tuple(training.run.id for training in members), _title(members, suffixes[members[0].run.id]))
        for members in groups
    )


def _suffixes(ids: Sequence[str]) -> dict[str, str]:
    """Words that tell runs apart; the number of a fold only where nothing else does."""
    short = {run_id: re.sub(r"-fold\d+", "", run_id) for run_id in ids}
    if len(set(short.values())) < len(ids):
        return disambiguate(ids)
    words = disambiguate(list(short.values()))
    return {run_id: words[name] for run_id, name in short.items()}


@lru_cache(maxsize=4096)
def _training(run: RunRecord) -> _Training:
    try:
        config = run.config
    except (RunError, OSError):
        return _Training(run, run.id)
    settings = {name: value for name, value in config.items() if name not in CHANCE}
    kept = run.path / run_files.ONLY
    if kept.is_file():  # what the name of a tag stands for may change
        settings["only"] = file_digest(kept)
    added = {**OpenOptions._field_defaults, "init": None, "only": None}  # older runs lack some of these settings
    for name, default in added.items():
        if settings.get(name, default) == default:
            settings.pop(name, None)
    info = run.summary
    parts = [info.model, info.encoder, info.encoder_weights, info.dataset.fingerprint, settings]
    # Twice: numbers and texts among the keys of one mapping can't be sorted before they are all texts.
    recipe = json.dumps(json.loads(json.dumps(parts, default=str)), sort_keys=True)
    fold, folds = config.get("fold"), config.get("folds")
    if isinstance(fold, int) and isinstance(folds, int) and run.was_trained:
        return _Training(run, recipe, fold, folds)
    return _Training(run, recipe)


def _title(members: Sequence[_Training], suffix: str) -> str:
    """`U-Net`, `U-Net, 3 seeds`, `U-Net, 5 folds`, `U-Net (lr0.1), 2 of 5 folds`, `U-Net, 3 seeds of 5 folds`."""
    title = members[0].run.title
    named = f"{title} ({suffix})" if suffix else title
    folds = {training.fold for training in members} - {None}
    if not folds:
        return named if len(members) == 1 else f"{named}, {len(members)} seeds"
    planned = members[0].folds
    of_folds = f"{planned} folds" if len(folds) == planned else f"{len(folds)} of {planned} folds"
    seeds = len({training.run.summary.seed for training in members})
    return f"{named}, {of_folds}" if seeds == 1 else f"{named}, {seeds} seeds of {of_folds}"
