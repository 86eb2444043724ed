"""The table of one image's scores by model: mean scores, and IoU by class."""

from __future__ import annotations

import math
from collections.abc import Sequence

from segcore.errors import SegcoreError
from segcore.metrics import HELP, BoundaryScores, boundary_scores, per_image
from segcore.runs import Evaluation
from segcore.ui.predictions.run_evaluations import RunEvaluation
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.table import Cell, format_number
from segcore.visual import swatch

_TINT_FROM = 0.05  # difference of two models above which the lowest score of a row is tinted


def score_table(
    context: AppContext, evaluations: Sequence[RunEvaluation], sample_id: str
) -> tuple[list[Cell], list[list[Cell]]]:
    """Return head and rows of one image's scores: one column a model, and a row for each score and class.

    Classes that neither occur in the image nor were predicted by any model have no row. The lowest score of a row is
    tinted where models differ.
    """
    assert context.dataset is not None
    labels = context.dataset.labels
    scored = [
        (stored.run, stored.evaluation)
        for stored in evaluations
        if stored.evaluation is not None and sample_id in stored.evaluation.ids
    ]
    head = [
        Cell(""),
        *(Cell(context.titles[run.id], True, swatch(context.colors[run.id], round_=True)) for run, _ in scored),
    ]
    if not scored:
        return head, []
    models = []
    for _, evaluation in scored:
        counts = evaluation.counts[evaluation.ids.index(sample_id)]
        models.append({name: array[0] for name, array in per_image(counts[None]).items()})
    rows = []
    for name, title in (("miou", "mean IoU"), ("pixel_accuracy", "pixel accuracy")):
        rows.append([Cell(title, title=HELP[name]), *_row([float(scores[name]) for scores in models])])
    boundaries = [_boundary_scores(evaluation, sample_id) for _, evaluation in scored]
    for name, title in (("boundary_iou", "boundary IoU"), ("boundary_f1", "boundary F1")):
        if any(boundaries):
            row = _row([getattr(boundary, name) if boundary else math.nan for boundary in boundaries])
            rows.append([Cell(title, title=HELP[name]), *row])
    present = dataset_cache.class_pixels(context.key, sample_id)
    for index in sorted((index for index in present if index < labels.classes), key=lambda index: -present[index]):
        cell = Cell(labels.names[index], icon=swatch(labels.colors[index]), title=labels.names[index])
        rows.append([cell, *_row([float(scores["iou"][index]) for scores in models])])
    return head, rows


def _boundary_scores(evaluation: Evaluation, sample_id: str) -> BoundaryScores | None:
    """Return one image's boundary scores; None where they are not stored, or can't be read."""
    try:
        counts = evaluation.boundary_counts
    except SegcoreError:  # the compare page says why
        return None
    return None if counts is None else boundary_scores(counts[evaluation.ids.index(sample_id)])


def _row(values: Sequence[float]) -> list[Cell]:
    numbers = [value for value in values if not math.isnan(value)]
    low = min(numbers, default=0.0)
    differ = len(numbers) > 1 and max(numbers) - low >= _TINT_FROM
    return [Cell(format_number(value), True, worst=differ and value == low) for value in values]
