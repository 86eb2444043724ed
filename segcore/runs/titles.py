"""What runs are called where people read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from segcore.runs.run_record import RunRecord


def run_titles(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Run id -> model's name; where two runs share a model, with what tells the id of each from the others'."""
    alike: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        alike[run.title].append(run.id)
    apart = {run_id: words for ids in alike.values() for run_id, words in disambiguate(ids).items()}
    return {run.id: f"{run.title} ({apart[run.id]})" if apart[run.id] else run.title for run in runs}


def disambiguate(ids: Sequence[str]) -> dict[str, str]:
    """Id -> its words that not all ids have; the whole id where that says nothing, nothing where there is one id.

    >>> disambiguate(["camvid-unet-lr0.1", "camvid-unet-lr0.1-seed1", "camvid-unet-lr0.2"])
    {'camvid-unet-lr0.1': 'lr0.1', 'camvid-unet-lr0.1-seed1': 'lr0.1-seed1', 'camvid-unet-lr0.2': 'lr0.2'}
    >>> disambiguate(["unet", "unet-2"]), disambiguate(["unet"])
    ({'unet': 'unet', 'unet-2': 'unet-2'}, {'unet': ''})
    """
    if len(ids) == 1:
        return {ids[0]: ""}
    common = set.intersection(*(set(run_id.split("-")) for run_id in ids))
    short = {run_id: "-".join(word for word in run_id.split("-") if word not in common) for run_id in ids}
    clear = len(set(short.values())) == len(ids)
    return {run_id: words if clear and words.strip("-0123456789") else run_id for run_id, words in short.items()}
