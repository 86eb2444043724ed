"""Stored evaluations of the chosen runs, and the splits and images to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segcore.errors import SegcoreError
from segcore.runs import Evaluation, RunRecord
from segcore.runs.scored_splits import why_no_scores
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext


@dataclass(frozen=True, eq=False)
class RunEvaluation:
    """A run's stored evaluation of a split, or why there is none."""

    run: RunRecord
    evaluation: Evaluation | None
    problem: str = ""


def load_evaluations(context: AppContext, split: str) -> list[RunEvaluation]:
    """Read the stored evaluations of the chosen runs that fit the active dataset."""
    evaluations = []
    for run in context.fitting:
        try:
            evaluation = run_cache.evaluation(run, split)
            evaluations.append(RunEvaluation(run, evaluation, "" if evaluation else why_no_scores(run, split)))
        except SegcoreError as error:
            evaluations.append(RunEvaluation(run, None, str(error)))
    return evaluations


def image_ids(context: AppContext, evaluations: Sequence[RunEvaluation], split: str) -> list[str]:
    """List the images that any run has predicted, in the dataset's order; if none, those of the split."""
    assert context.dataset is not None
    predicted = {sample_id for stored in evaluations if stored.evaluation for sample_id in stored.evaluation.ids}
    return [sample_id for sample_id in context.dataset.ids if sample_id in predicted] or list(
        context.dataset.splits.get(split, context.dataset.ids)
    )


def middle_image(context: AppContext, split: str) -> str:
    """The image that the predictions page shows until another one is chosen."""
    ids = image_ids(context, load_evaluations(context, split), split)
    return ids[len(ids) // 2]
