"""Which pictures stand side by side: image, ground truth, and every model's answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segcore.errors import SegcoreError
from segcore.metrics import HELP, BoundaryScores, boundary_scores, per_image
from segcore.runs import Evaluation, RunRecord
from segcore.ui.shell import dataset_cache, image_cache, run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.table import Cell, format_number
from segcore.ui.widgets.viewer import Panel
from segcore.visual import swatch


@dataclass(frozen=True, eq=False)
class Answer:
    """One run's stored answer for a split: its evaluation, or why there is none."""

    run: RunRecord
    evaluation: Evaluation | None
    problem: str = ""


def answers(view: AppContext, split: str) -> list[Answer]:
    """The stored evaluations of the runs that fit the active dataset."""
    found = []
    for run in view.fitting:
        try:
            evaluation = run_cache.evaluation(run, split)
            found.append(Answer(run, evaluation, "" if evaluation else f"not evaluated on {split}"))
        except SegcoreError as error:
            found.append(Answer(run, None, str(error)))
    return found


def splits(view: AppContext) -> list[str]:
    """Splits whose predictions can be looked at, `test` first; without a run, the dataset's own part for tests."""
    stored = {split for run in view.fitting for split in run.splits}
    return sorted(stored, key=lambda split: (split != "test", split)) or [shown_split(view)]


def shown_split(view: AppContext) -> str:
    """The split of a first look: `test`, or `val` where the dataset has no test images."""
    assert view.dataset is not None
    return "test" if "test" in view.dataset.splits else "val"


def images(view: AppContext, found: Sequence[Answer], split: str) -> list[str]:
    """Ids to choose from: those that any run has predicted, else the dataset's own split; in the dataset's order."""
    assert view.dataset is not None
    predicted = {sample_id for each in found if each.evaluation for sample_id in each.evaluation.ids}
    return [sample_id for sample_id in view.dataset.ids if sample_id in predicted] or list(
        view.dataset.splits.get(split, view.dataset.ids)
    )


def photo(sample_id: str) -> Panel:
    """The image itself; it is the photo called `image`."""
    return Panel(sample_id, photo="image")


def smallest(count: int) -> int:
    """Width in px below which `count` panels wrap: few are large, many still make full rows of three or four."""
    return {1: 560, 2: 420, 3: 300, 4: 400, 5: 300, 6: 300}.get(count, 250)


def truth(view: AppContext, sample_id: str, mode: str, title: str = "Ground truth") -> Panel:
    """The ground truth as one panel: `overlay`, `mask` or `contour`."""
    layer = image_cache.truth_layer(view.key, sample_id, view.hidden, mode == "contour")
    return Panel(title, photo=None if mode == "mask" else "image", layer=layer, fixed=mode in ("mask", "contour"))


def first_look(view: AppContext) -> tuple[str, list[Panel]]:
    """One test image and every chosen model's answer to it, quickly: from the pictures and summaries alone.

    Where the dataset has no test images, it is a validation image that a run has predicted.
    """
    assert view.dataset is not None
    split = shown_split(view)
    ids = view.dataset.splits["test"] if split == "test" else images(view, answers(view, split), split)
    sample_id = ids[len(ids) // 2]
    shown = [photo(sample_id), truth(view, sample_id, "overlay")]
    for run in view.fitting:
        title, color = view.titles[run.id], view.colors[run.id]
        try:
            layer = image_cache.prediction_layer(run, split, sample_id, view.hidden)
        except SegcoreError:
            problem = "training" if run.summary.status == "training" else "no stored prediction of this image"
            shown.append(Panel(title, photo="image", color=color, problem=problem))
            continue
        shown.append(Panel(title, photo="image", layer=layer, color=color))
    return sample_id, shown


def class_table(view: AppContext, found: Sequence[Answer], sample_id: str) -> tuple[list[Cell], list[list[Cell]]]:
    """IoU of one image by class and model: head and rows; the lowest of a row is tinted where models differ.

    Classes that neither occur in the image nor were predicted by anyone have no row.
    """
    assert view.dataset is not None
    labels = view.dataset.labels
    scored = [each for each in found if each.evaluation is not None and sample_id in each.evaluation.ids]
    head = [Cell(""), *(Cell(view.titles[each.run.id], True, _dot(view, each)) for each in scored)]
    if not scored:
        return head, []
    values = []
    for each in scored:
        assert each.evaluation is not None
        counts = each.evaluation.counts[each.evaluation.ids.index(sample_id)]
        values.append({name: array[0] for name, array in per_image(counts[None]).items()})
    rows = []
    for name, title in (("miou", "mean IoU"), ("pixel_accuracy", "pixel accuracy")):
        rows.append([Cell(title, title=HELP[name]), *_row([float(each[name]) for each in values])])
    borders = [_borders(each.evaluation, sample_id) for each in scored]
    for name, title in (("boundary_iou", "boundary IoU"), ("boundary_f1", "boundary F1")):
        if any(borders):
            row = _row([getattr(each, name) if each else math.nan for each in borders])
            rows.append([Cell(title, title=HELP[name]), *row])
    present = dataset_cache.class_pixels(view.key, sample_id)
    for index in sorted((index for index in present if index < labels.classes), key=lambda index: -present[index]):
        rows.append(
            [
                Cell(labels.names[index], icon=swatch(labels.colors[index])),
                *_row([float(each["iou"][index]) for each in values]),
            ]
        )
    return head, rows


def _borders(evaluation: Evaluation | None, sample_id: str) -> BoundaryScores | None:
    """Scores of one image's borders; None where they are not stored, or can't be read."""
    try:
        counts = None if evaluation is None else evaluation.boundary_counts
    except SegcoreError:  # the compare page says why
        return None
    if evaluation is None or counts is None:
        return None
    return boundary_scores(counts[evaluation.ids.index(sample_id)])


def _row(values: Sequence[float]) -> list[Cell]:
    known = [value for value in values if value == value]
    low = min(known, default=0.0)
    differ = len(known) > 1 and max(known) - low >= 0.05
    return [Cell(format_number(value), True, worst=differ and value == low) for value in values]


def _dot(view: AppContext, each: Answer) -> str:
    return swatch(view.colors[each.run.id], round_=True)
