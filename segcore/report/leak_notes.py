"""What has to be said beside scores: whether their split leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from segcore.errors import number
from segcore.runs import RunRecord
from segcore.runs.run_record import COVERED
from segcore.runs.split_variant import SplitVariant
from segcore.runs.titles import run_titles

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.data.leaks import LeakReport


def checks_of(runs: Sequence[RunRecord], dataset: Dataset) -> dict[str, LeakReport]:
    """Id of a run -> the stored check of the data as it was divided for that run; runs without one are left out.

    Args:
        runs: Trained on it, or on something else.
        dataset: Its stored reports are read.
    """
    from segcore.data.leaks.report_storage import stored_for_split

    splits = dict.fromkeys(run.summary.dataset.split_fingerprint for run in runs)
    known = {split: stored_for_split(dataset, split) for split in splits}
    found = ((run.id, run.summary.dataset, known[run.summary.dataset.split_fingerprint]) for run in runs)
    return {run_id: report for run_id, info, report in found if report and report.fingerprint == info.fingerprint}


def leak_notes(runs: Sequence[RunRecord], split: str, checked: Mapping[str, LeakReport] | None = None) -> list[str]:
    """What speaks against scores on a split; that it was looked for and not found; or that nobody looked.

    Args:
        runs: Scored on it.
        split: Its name, of a variant too: `test+flip`.
        checked: What `checks_of` found, beside what training looked for.
    """
    if not runs:
        return []
    titles = run_titles(runs)
    found: dict[str, list[str]] = {}
    for run in runs:
        said = _said(run, SplitVariant.parse(split).split, (checked or {}).get(run.id))
        found.setdefault(said, []).append(titles[run.id])
    alike = len(found) == 1
    return [text if alike else f"{text} ({_some(names)})" for text, names in found.items()]


def leak_sentence(run: RunRecord, split: str, checked: LeakReport | None = None) -> str | None:
    """What speaks against a run's scores; empty when nothing was found, None when nobody looked at this split.

    Args:
        run: The run.
        split: Its name, of a variant too: `test+flip`.
        checked: The stored check of its data and its split.
    """
    split = SplitVariant.parse(split).split
    if split not in COVERED:
        return None
    report = checked if _looked_at_pictures(checked) else run.leak_report()
    if report is not None:  # made since the training, and of every picture
        return report.sentence(split) or ""
    found = run.leak(split) or (checked and checked.sentence(split))
    return found or ("" if run.summary.dataset.leaks is not None else None)


def _said(run: RunRecord, split: str, checked: LeakReport | None) -> str:
    found = leak_sentence(run, split, checked)
    if found is None:
        return f"Leak check: none was made of {split}; `segcore data check --run` makes one."
    if found:
        return found
    if _looked_at_pictures(checked) or run.leak_report() is not None:
        return f"Leak check: nothing was found that {split} shares with training, in its pictures, ids and times."
    return (
        f"Leak check: nothing was found against scores on {split} when it was trained; `segcore data check "
        "--run` compares every picture."
    )


def _looked_at_pictures(checked: LeakReport | None) -> bool:
    return checked is not None and checked.pictures


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {number(len(names) - 3, 'other')}"
