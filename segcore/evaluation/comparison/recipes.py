"""Groups runs of one recipe: trainings that differ only in the seed or in where they ran."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from segcore.data import OpenOptions
from segcore.errors import RunError
from segcore.runs import RunRecord
from segcore.runs.titles import disambiguate

# Settings that may differ within one recipe: the seed, the name, and where it ran.
CHANCE = frozenset(
    {"seed", "repeats", "fold", "name", "out", "device", "workers", "cache_mb", "models", "loggers", "launcher"}
)


@dataclass(frozen=True)
class Group:
    """Runs of one recipe.

    Args:
        runs: Ids of the runs; the first stands for all.
        title: The model's name, and the number of seeds.
    """

    runs: tuple[str, ...]
    title: str


def groups_of(runs: Sequence[RunRecord]) -> tuple[Group, ...]:
    """Group runs by recipe, in the order of the runs; every run is in exactly one group."""
    members: dict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        members[_recipe(run)].append(run)
    alike: dict[str, list[str]] = defaultdict(list)
    for group in members.values():
        alike[group[0].title].append(group[0].id)  # the first of a recipe has the shortest name
    suffixes = {run_id: words for ids in alike.values() for run_id, words in disambiguate(ids).items()}
    return tuple(
        Group(tuple(run.id for run in group), _title(group, suffixes[group[0].id])) for group in members.values()
    )


def _recipe(run: RunRecord) -> str:
    """Model, data and settings but those of `CHANCE`, as text; the run's own id where its config can't be read."""
    try:
        config = {name: value for name, value in run.config.items() if name not in CHANCE}
        added = {**OpenOptions._field_defaults, "init": None}  # older runs lack some of these settings
        for name, default in added.items():
            if config.get(name, default) == default:
                config.pop(name, None)
    except (RunError, OSError):
        return run.id
    info = run.summary
    return json.dumps(
        [info.model, info.encoder, info.encoder_weights, info.dataset.fingerprint, config], sort_keys=True, default=str
    )


def _title(runs: Sequence[RunRecord], suffix: str) -> str:
    named = f"{runs[0].title} ({suffix})" if suffix else runs[0].title
    return named if len(runs) == 1 else f"{named}, {len(runs)} seeds"
