"""Which of very many runs are compared: the best ones, by the scores that their summaries hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from segcore.data.plan import FOLDS
from segcore.evaluation.comparison.recipes import groups_of
from segcore.runs import RunRecord
from segcore.runs.split_variant import SplitVariant


def shortlist(
    runs: Sequence[RunRecord], split: str, most: int, *, also: Collection[str] = (), by_seed: bool = False
) -> list[RunRecord]:
    """The runs with the best mIoU, in the order given; no evaluation is read.

    Runs that are one row are kept or left out together, by their mean: of a recipe whose best seeds alone were kept,
    the mean would read too high.

    Args:
        runs: The runs.
        split: The split, or a variant of it; variants are ranked by the mIoU of their split, others by that of test.
        most: How many are kept, more only to complete the last row.
        also: Ids of runs that are kept in any case.
        by_seed: Whether the runs of one recipe are one row; the folds of a cross-validation always are.
    """
    if len(runs) <= most:
        return list(runs)
    stored = "val" if SplitVariant.parse(split).split == "val" else "test"
    scores = {run.id: score.miou for run in runs if (score := getattr(run.summary, stored)) is not None}
    grouped = [run for run in runs if by_seed or run.summary.dataset.split == FOLDS]  # their settings have to be read
    rows = [group.runs for group in groups_of(grouped)[by_seed]]
    alone = {run.id for run in grouped}
    rows += [(run.id,) for run in runs if run.id not in alone]

    def order(row: Sequence[str]) -> tuple[bool, float]:
        known = [scores[run_id] for run_id in row if run_id in scores]
        return not any(run_id in also for run_id in row), -fmean(known) if known else 0.0

    kept: set[str] = set()
    for row in sorted(rows, key=order):
        if len(kept) >= most and not any(run_id in also for run_id in row):
            break
        kept.update(row)
    return [run for run in runs if run.id in kept]
