"""Which split runs are shown and ranked by: test, or validation where the data has no test split."""

from __future__ import annotations

from collections.abc import Iterable

from segcore.runs.run_record import RunRecord
from segcore.runs.split_variant import SplitVariant
from segcore.runs.summary import DatasetInfo

VALIDATION_NOTE = (
    "There is no test split: these are scores of validation, by which each run's best epoch was chosen, so they read a "
    "little high."
)
_FIRST = ("test", "val")  # the order of preference


def has_split(data: DatasetInfo, split: str) -> bool:
    """Whether a run's data has the images of a split, or of a variant of it; True for splits of other data."""
    name = SplitVariant.parse(split).split
    return name not in _FIRST or getattr(data, name) > 0


def why_no_scores(run: RunRecord, split: str) -> str:
    """Why a run has no stored evaluation of a split: `in training`, `its data has no test split`, ..."""
    if run.summary.status == "training":
        return "in training"
    if not has_split(run.summary.dataset, split):
        if not run.summary.dataset.validates and SplitVariant.parse(split).split == "val":
            return "trained on its validation images too"
        return f"its data has no {SplitVariant.parse(split).split} split"
    return f"not evaluated on {split}"


def default_split(runs: Iterable[RunRecord]) -> str:
    """`val` where all these runs are of data without a test split and none has scores on one; else `test`."""
    known = list(runs)
    tested = any(has_split(run.summary.dataset, "test") or _has_scores(run, "test") for run in known)
    return "test" if tested or not known else "val"


def evaluated_splits(runs: Iterable[RunRecord], first: str) -> list[str]:
    """Names of the stored evaluations of any of the runs: `first`, then test, validation and others. Never empty."""
    order = (first, *_FIRST)
    splits = {split for run in runs for split in run.splits}
    return sorted(splits, key=lambda split: (order.index(split) if split in order else len(order), split)) or [first]


def _has_scores(run: RunRecord, split: str) -> bool:
    return any(SplitVariant.parse(name).split == split for name in run.splits)
