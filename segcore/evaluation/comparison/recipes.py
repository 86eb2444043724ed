"""Trainings of one recipe that differ in nothing but chance."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from segcore.errors import RunError
from segcore.runs import RunRecord
from segcore.runs.titles import disambiguate

# What may differ between trainings of one recipe: chance, the name, and where it ran.
CHANCE = frozenset(
    {"seed", "repeats", "fold", "name", "out", "device", "workers", "cache_mb", "models", "loggers", "launcher"}
)


@dataclass(frozen=True)
class Group:
    """Runs of one recipe.

    Args:
        runs: Their ids; the first stands for all.
        title: The model, and how many seeds.
    """

    runs: tuple[str, ...]
    title: str


def groups_of(runs: Sequence[RunRecord]) -> tuple[Group, ...]:
    """Every run is in one group, alone where no other shares its recipe; in the order of the runs."""
    members: dict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        members[_recipe(run)].append(run)
    alike: dict[str, list[str]] = defaultdict(list)
    for found in members.values():
        alike[found[0].title].append(found[0].id)  # the first of a recipe has the shortest name
    apart = {run_id: words for ids in alike.values() for run_id, words in disambiguate(ids).items()}
    return tuple(Group(tuple(run.id for run in found), _title(found, apart[found[0].id])) for found in members.values())


def _recipe(run: RunRecord) -> str:
    """All that shapes a training but chance, as text; the run's own id where its config can't be read."""
    try:
        config = {name: value for name, value in run.config.items() if name not in CHANCE}
        if config.get("video") == "auto":  # as in runs from before it could be said
            del config["video"]
    except (RunError, OSError):
        return run.id
    info = run.summary
    return json.dumps(
        [info.model, info.encoder, info.encoder_weights, info.dataset.fingerprint, config], sort_keys=True, default=str
    )


def _title(runs: Sequence[RunRecord], apart: str) -> str:
    named = f"{runs[0].title} ({apart})" if apart else runs[0].title
    return named if len(runs) == 1 else f"{named}, {len(runs)} seeds"
