"""Which of very many runs are compared: the best ones, by the scores that their summaries hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from statistics import fmean

from segcore.data.plan import FOLDS
from segcore.evaluation.comparison.comparable_sets import LabelSpace
from segcore.evaluation.comparison.recipes import groups_of
from segcore.runs import RunRecord
from segcore.runs.split_variant import SplitVariant


def summarized_split(split: str) -> str:
    """The split whose scores in the summaries stand for those of a split, or of a variant of it: `val`, else `test`."""
    return "val" if SplitVariant.parse(split).split == "val" else "test"


def shortlist(
    runs: Sequence[RunRecord],
    split: str,
    most: int,
    *,
    chosen: Collection[str] = (),
    by_seed: bool = False,
    matches: Callable[[RunRecord], bool] = lambda run: True,
) -> list[RunRecord]:
    """The runs with the best mIoU, in the order given; no evaluation is read.

    Runs that are one row are kept or left out together, by their mean: of a recipe whose best seeds alone were kept,
    the mean would read too high. Runs on different data are not ranked against each other: the best of each kind of
    data come first, then the second ones. Runs without scores on the split come last.

    Args:
        runs: The runs; all are kept where they are no more than `most`.
        split: The split, or a variant of it.
        most: How many are kept, more only to complete the last row.
        chosen: Ids of runs that are kept in any case.
        by_seed: Whether the runs of one recipe are one row; the folds of a cross-validation always are.
        matches: Rows without a run for which this is true are left out.
    """
    if len(runs) <= most:
        return list(runs)
    by_id, stored = {run.id: run for run in runs}, summarized_split(split)
    scores = {run.id: score.miou for run in runs if (score := getattr(run.summary, stored)) is not None}
    evaluated = set(scores) if split == stored else {run.id for run in runs if split in run.splits}
    grouped = [run for run in runs if by_seed or run.summary.dataset.split == FOLDS]  # their settings have to be read
    rows = [group.runs for group in groups_of(grouped)[by_seed]]
    rows += [(run_id,) for run_id in by_id.keys() - {run.id for run in grouped}]

    def is_chosen(row: Sequence[str]) -> bool:
        return any(run_id in chosen for run_id in row)

    def is_evaluated(row: Sequence[str]) -> bool:
        return any(run_id in evaluated for run_id in row)

    def miou(row: Sequence[str]) -> float:
        known = [scores[run_id] for run_id in row if run_id in scores]
        return fmean(known) if known else -1.0

    wanted = [row for row in rows if is_chosen(row) or any(matches(by_id[run_id]) for run_id in row)]
    ranks: Counter[LabelSpace] = Counter()
    order = []
    for row in sorted(wanted, key=lambda row: (not is_evaluated(row), -miou(row), row)):
        kind = LabelSpace.of(by_id[row[0]])
        order.append((not is_chosen(row), not is_evaluated(row), ranks[kind], row))
        ranks[kind] += 1
    kept: set[str] = set()
    for is_other, _, _, row in sorted(order):
        if len(kept) >= most and is_other:
            break
        kept.update(row)
    return [run for run in runs if run.id in kept]
