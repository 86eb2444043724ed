"""What has to be said beside scores: whether their split leaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.errors import number
from segcore.runs import RunRecord
from segcore.runs.titles import run_titles

if TYPE_CHECKING:
    from segcore.data.leaks import LeakReport

COVERED = ("val", "test")  # splits that a leak check says something of


def leak_notes(runs: Sequence[RunRecord], split: str, checked: LeakReport | None = None) -> list[str]:
    """What speaks against scores on a split; that it was looked for and not found; or that nobody looked.

    Args:
        runs: Scored on it.
        split: Its name.
        checked: A stored check of the dataset, for runs from before training made one.
    """
    if not runs:
        return []
    titles = run_titles(runs)
    found: dict[str, list[str]] = {}
    for run in runs:
        found.setdefault(_said(run, split, checked), []).append(titles[run.id])
    alike = len(found) == 1
    return [text if alike else f"{text} ({_some(names)})" for text, names in found.items()]


def leak_sentence(run: RunRecord, split: str, checked: LeakReport | None = None) -> str | None:
    """What speaks against a run's scores; empty when nothing was found, None when nobody looked at this split."""
    info = run.summary.dataset
    if split not in COVERED:
        return None
    found = checked.sentence(split) if checked is not None and checked.fingerprint == info.fingerprint else None
    if found or run.leak(split):
        return run.leak(split) or found
    looked = info.leaks is not None or _looked_at_pictures(run, checked)
    return "" if looked else None


def _said(run: RunRecord, split: str, checked: LeakReport | None) -> str:
    found = leak_sentence(run, split, checked)
    if found is None:
        return f"Leak check: none was made of {split}; `segcore data check` makes one."
    if found:
        return found
    if _looked_at_pictures(run, checked):
        return f"Leak check: nothing was found that {split} shares with training, in its pictures, ids and times."
    return (
        f"Leak check: nothing was found against scores on {split} when it was trained; `segcore data check` compares "
        "every picture."
    )


def _looked_at_pictures(run: RunRecord, checked: LeakReport | None) -> bool:
    return checked is not None and checked.pictures and checked.fingerprint == run.summary.dataset.fingerprint


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {number(len(names) - 3, 'other')}"
