"""Loads the chosen runs' stored evaluations of one split, for ranking its images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from segcore.errors import SegcoreError
from segcore.evaluation.image_ranking import Triage
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.shell import notices, run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown


@dataclass(frozen=True, eq=False)
class EvaluatedRuns:
    """Runs with readable counts of one split.

    Args:
        split: Name of the split.
        runs: R runs, the best mIoU first.
        triage: Their scores by image, in the same order.
        image_size: (height, width) of the first image.
        not_evaluated: Runs without an evaluation of the split.
        problems: Why other runs can't be read.
    """

    split: str
    runs: tuple[RunRecord, ...]
    triage: Triage
    image_size: tuple[int, int]
    not_evaluated: tuple[RunRecord, ...]
    problems: tuple[str, ...]

    @property
    def labels(self) -> LabelMap:
        """The classes, the same for all runs."""
        return self.runs[0].labels

    @cached_property
    def absent_classes(self) -> list[str]:
        """Names of the classes that no image's ground truth holds."""
        pixels = np.sum([run.sums.true.sum(axis=0) for run in self.triage.runs], axis=0)
        return [name for name, count in zip(self.labels.names, pixels, strict=True) if not count]


def comparable_runs(context: AppContext) -> tuple[RunRecord, ...]:
    """Return the chosen runs of the active dataset; without a dataset, those with the first run's data and classes."""
    if context.dataset is not None or not context.chosen:
        return context.fitting
    first = context.chosen[0]
    return tuple(
        run
        for run in context.chosen
        if run.summary.dataset.name == first.summary.dataset.name and run.labels.names == first.labels.names
    )


def load_evaluated_runs(context: AppContext, runs: tuple[RunRecord, ...], split: str) -> EvaluatedRuns:
    """Read the runs' stored counts of a split; runs that can't be read are named in `problems`."""
    evaluated, not_evaluated, problems = [], [], []
    for run in runs:
        try:
            scores = run_cache.image_scores(run, split)
        except SegcoreError as error:
            problems.append(f"{context.titles[run.id]}: {error}")
            continue
        if scores is None or not scores.ids:
            not_evaluated.append(run)
        else:
            evaluated.append((run, scores))
    evaluated.sort(key=lambda pair: -np.nan_to_num(pair[1].evaluation.scores.miou))
    image_size = (3, 4)
    if evaluated:
        evaluation = evaluated[0][1].evaluation
        image_size = evaluation.size(evaluation.ids[0])
    return EvaluatedRuns(
        split,
        tuple(run for run, _ in evaluated),
        Triage.of([scores for _, scores in evaluated]),
        image_size,
        tuple(not_evaluated),
        tuple(problems),
    )


def show_left_out(context: AppContext, evaluated: EvaluatedRuns) -> None:
    """Name the chosen runs that can't be shown, and why."""
    if context.dataset is not None:
        notices.other_data(context)
        notices.other_version(context)
    else:
        notices.different_data(context.chosen, context.titles)
    for problem in evaluated.problems:
        st.warning(escape_markdown(problem))
    notices.unevaluated(context, evaluated.not_evaluated, evaluated.split)
