"""Sentences on leaks for beside scores: whether test or validation images are also in the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from segcore.errors import number
from segcore.runs import RunRecord
from segcore.runs.run_record import COVERED, NO_CHECK
from segcore.runs.split_variant import SplitVariant
from segcore.runs.titles import run_titles

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.data.leaks import LeakReport


def checks_of(runs: Sequence[RunRecord], dataset: Dataset) -> dict[str, LeakReport]:
    """Read the stored leak check of each run's split.

    A run's check is of its own labels and void setting, whatever those of the report are.

    Args:
        runs: The runs.
        dataset: The dataset of the report; its folder is one place where checks may be.

    Returns:
        Id of a run -> its check; runs without one are left out.
    """
    checks = ((run.id, run.leak_report(dataset.source)) for run in runs)
    return {run_id: check for run_id, check in checks if check}


def leak_notes(runs: Sequence[RunRecord], split: str, checked: Mapping[str, LeakReport] | None = None) -> list[str]:
    """State for each run whether its split leaks, that no leak was found, or that no check was made.

    Args:
        runs: Runs scored on the split.
        split: Name of the split or of a variant such as `test+flip`.
        checked: Checks by run id, from `checks_of`; None uses only the check made by training.

    Returns:
        One sentence where it is the same for all runs, else one for each group of runs, with their names.
    """
    if not runs:
        return []
    titles = run_titles(runs)
    by_sentence: dict[str, list[str]] = {}
    for run in runs:
        sentence = _sentence(run, SplitVariant.parse(split).split, (checked or {}).get(run.id))
        by_sentence.setdefault(sentence, []).append(titles[run.id])
    alike = len(by_sentence) == 1
    return [text if alike else f"{text} ({_some(names)})" for text, names in by_sentence.items()]


def leak_sentence(run: RunRecord, split: str, checked: LeakReport | None = None) -> str | None:
    """The leak of a run's split in a sentence; empty when none was found, None when the split was not checked.

    Args:
        run: The run.
        split: Name of the split or of a variant such as `test+flip`.
        checked: The stored check of its data and its split.
    """
    split = SplitVariant.parse(split).split
    if split not in COVERED or run.training_unknown:
        return None
    report = checked if _looked_at_pictures(checked) else run.leak_report()
    if report is not None:  # made since the training, and of every picture
        return report.sentence(split) or ""
    sentence = run.leak(split) or (checked and checked.sentence(split))
    return sentence or ("" if run.summary.dataset.leaks is not None else None)


def _sentence(run: RunRecord, split: str, checked: LeakReport | None) -> str:
    if run.training_unknown:
        return NO_CHECK
    sentence = leak_sentence(run, split, checked)
    if sentence is None:
        return f"Leak check: none was made of {split}; `segcore data check --run RUN` makes one."
    if sentence:
        return sentence
    if _looked_at_pictures(checked) or run.leak_report() is not None:
        return f"Leak check: nothing was found that {split} shares with training, in its pictures, ids and times."
    return (
        f"Leak check: when this was trained, nothing was found against scores on {split}; `segcore data check "
        "--run RUN` compares every picture."
    )


def _looked_at_pictures(checked: LeakReport | None) -> bool:
    return checked is not None and checked.pictures


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {number(len(names) - 3, 'other')}"
