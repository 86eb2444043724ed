"""Names of runs and ensembles in tables, legends and messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from segcore.errors import enumerated
from segcore.models import model_title

if TYPE_CHECKING:
    from segcore.runs.run_record import RunRecord


def run_titles(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Map run ids to titles: the model's name, and for runs of one model the part of the id that tells them apart."""
    by_title: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        by_title[run.title].append(run.id)
    suffixes = {run_id: words for ids in by_title.values() for run_id, words in disambiguate(ids).items()}
    return {run.id: f"{run.title} ({suffixes[run.id]})" if suffixes[run.id] else run.title for run in runs}


def disambiguate(ids: Sequence[str]) -> dict[str, str]:
    """Map ids to the words that not all of them have; to the whole id where these words say nothing.

    A single id is mapped to an empty string.

    >>> disambiguate(["camvid-unet-lr0.1", "camvid-unet-lr0.1-seed1", "camvid-unet-lr0.2"])
    {'camvid-unet-lr0.1': 'lr0.1', 'camvid-unet-lr0.1-seed1': 'lr0.1-seed1', 'camvid-unet-lr0.2': 'lr0.2'}
    >>> disambiguate(["unet", "unet-2"]), disambiguate(["unet"])
    ({'unet': 'unet', 'unet-2': 'unet-2'}, {'unet': ''})
    """
    if len(ids) == 1:
        return {ids[0]: ""}
    common = set.intersection(*(set(run_id.split("-")) for run_id in ids))
    short = {run_id: "-".join(word for word in run_id.split("-") if word not in common) for run_id in ids}
    unique = len(set(short.values())) == len(ids)
    return {run_id: words if unique and words.strip("-0123456789") else run_id for run_id, words in short.items()}


def imported_title(name: str, resized: tuple[int, int] | None) -> str:
    """The title of imported predictions, which says where they were resized before they were scored.

    >>> imported_title("SegFormer-B5", None), imported_title("SegFormer-B5", (512, 512))
    ('SegFormer-B5', 'SegFormer-B5, resized from 512x512')
    """
    return name if resized is None else f"{name}, resized from {resized[0]}x{resized[1]}"


def ensemble_title(models: Iterable[str], by_vote: bool = False) -> str:
    """The title of an ensemble, made from the names of its members' models.

    >>> ensemble_title(["unet", "fcn8s"]), ensemble_title(["unet"] * 3), ensemble_title(["unet", "unet", "fcn8s"])
    ('Ensemble of U-Net and FCN-8s', 'Ensemble of 3 U-Net', 'Ensemble of 2 U-Net and FCN-8s')
    >>> ensemble_title(["unet", "SegFormer-B5", "nnU-Net"], by_vote=True)
    'Vote of U-Net, SegFormer-B5 and nnU-Net'
    """
    counts = Counter(map(model_title, models))
    parts = [title if count == 1 else f"{count} {title}" for title, count in counts.items()]
    if len(parts) > 3:
        parts = [*parts[:2], f"{sum(list(counts.values())[2:])} more"]
    return f"{'Vote' if by_vote else 'Ensemble'} of {enumerated(parts)}"
