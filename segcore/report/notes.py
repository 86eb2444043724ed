"""What has to be said beside scores: whether their split leaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.errors import number
from segcore.runs import RunRecord
from segcore.runs.titles import run_titles

if TYPE_CHECKING:
    from segcore.data.leaks import LeakReport


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
    """What speaks against a run's scores; empty when nothing was found, None when nobody looked."""
    info = run.summary.dataset
    if info.leaks is not None:
        return run.leak(split) or ""
    if checked is not None and checked.fingerprint == info.fingerprint:
        return checked.sentence(split) or ""
    return None


def _said(run: RunRecord, split: str, checked: LeakReport | None) -> str:
    found = leak_sentence(run, split, checked)
    if found is None:
        return "Leak check: none was made of the split that was trained on; `segcore data check` makes one."
    return found or f"Leak check: nothing was found that training shares with {split}."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {number(len(names) - 3, 'other')}"
