"""Writes the figures of a report about some runs: curves, samples, predictions, errors, classes, costs.

They are the charts of the app and of the HTML report, drawn for paper, with legends and with markers that can be told
apart in grey.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt

from segcore.errors import ReportError, SegcoreError, unknown
from segcore.evaluation.comparison.sentences import without_score
from segcore.evaluation.comparison.tidy_tables import class_scores, total_confusion
from segcore.report import picture_figures
from segcore.report.atomic_output import check_folder, new_folder
from segcore.report.report_data import ReportData
from segcore.report.sections.cost import cost_charts, curve_charts, not_known
from segcore.runs.curves import CURVES, different_losses
from segcore.visual.compare_charts import BETTER, class_step, confusion, per_class, square_cells
from segcore.visual.render import PRINTED, Chart, Height, printed_pixels, to_print

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison

WIDTHS = (40.0, 400.0)  # mm, that a figure may have
CAPTIONS = "captions.md"
PAGE = 840  # px, height that a figure may have on an A4 page


@dataclass(frozen=True)
class ReportFigure:
    """One figure.

    Args:
        name: Of its file, without suffix.
        caption: What it shows, to be put below it.
        chart: The chart.
        height: px of the plot, or of one of its steps; None for the chart's own.
    """

    name: str
    caption: str
    chart: Chart
    height: Height = None


def write_figures(
    comparison: Comparison,
    out: str | Path,
    kind: str,
    *,
    width: float,
    data: str | None = None,
    examples: int = 3,
    siblings: Sequence[str] = (),
) -> Iterator[str]:
    """Write the figures into a folder, with `captions.md`; yields a line for each, and for each that can't be drawn.

    Args:
        comparison: The runs.
        out: The folder; earlier figures in it are replaced, anything else is not.
        kind: A key of `PRINTED`.
        width: Width of every figure in mm.
        data: The dataset, for pictures; None for the one that the runs were trained on.
        examples: Number of images with the models' predictions.
        siblings: Ids of all runs in the folder of runs: with them each run has the colour that it has in the app.

    Raises:
        ReportError: when there is no such kind or width, `out` can't take the figures, or `data` doesn't fit.
        DatasetError: when `data` can't be opened.
    """
    if kind not in PRINTED:
        raise ReportError(unknown("format of figures", kind, PRINTED))
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        raise ReportError(f"--width is {width:g}; expected {WIDTHS[0]:g} to {WIDTHS[1]:g} millimetres.")
    check_folder(out)
    report = ReportData.of(comparison, source=data, examples=examples, command="", siblings=siblings)
    captions = []
    with new_folder(out, {"format": kind, "runs": [run.id for run in report.runs]}) as folder:
        for figure in figures(report, printed_pixels(width)):
            if isinstance(figure, str):
                yield figure
                continue
            file = f"{figure.name}.{kind}"
            picture = to_print(figure.chart, kind, width=width, height=figure.height, label=figure.caption)
            (folder / file).write_bytes(picture)
            captions.append(f"- `{file}`: {figure.caption}\n")
            yield f"{Path(out) / file}  {figure.caption}"
        (folder / CAPTIONS).write_text("".join(captions), "utf-8")


def figures(data: ReportData, width: int) -> Iterator[ReportFigure | str]:
    """Draw the figures of a comparison; a sentence in place of those that can't be drawn.

    Args:
        data: The comparison and its datasets.
        width: Width in px.
    """
    charts, _, notes = curve_charts(data, printed=True)
    for name, chart in charts.items():
        caption = f"{CURVES[name]} by epoch, training dashed and validation solid. Large markers: the epochs kept."
        if name == "loss":
            caption = " ".join([caption, *different_losses(data.runs, data.comparison.titles)])
        yield ReportFigure(f"curves-{name.replace('_', '-')}", caption, chart, 280)
    yield from notes
    several = len(data.comparison.pools) > 1
    for pool, _ in data.pools():
        for figure in chain(_pictures(data, pool, width), _scores(data, pool, width)):
            if several and isinstance(figure, ReportFigure):
                yield replace(figure, name=f"{figure.name}-{pool + 1}")
            else:
                yield figure
    yield from not_known(data)


def _pictures(data: ReportData, pool: int, width: int) -> Iterator[ReportFigure | str]:
    """Samples, augmentation, predictions and errors."""
    dataset = data.datasets[pool]
    if isinstance(dataset, str):
        yield f"No pictures. {dataset}"
        return
    for draw in (picture_figures.samples, picture_figures.augmentations, picture_figures.predictions):
        try:
            for name, caption, chart in draw(data, pool, dataset, width):
                yield ReportFigure(name, caption, chart)
        except SegcoreError as error:
            yield str(error)


def _scores(data: ReportData, pool: int, width: int) -> Iterator[ReportFigure | str]:
    """Scores of the models and of the classes, confusions, and quality against cost."""
    comparison, rows, labels = data.comparison, data.drawn(pool), data.labels(pool)
    inside = [row for row in comparison.rows if row.pool == pool]
    yield from without_score(inside, comparison.evaluations, [comparison.metric.key])
    yield from filter(None, [data.not_drawn(pool)])
    if not rows:
        return
    title, where = comparison.metric.title, f"{comparison.split}, {comparison.pools[pool].title}"
    scores = comparison.plot(pool, palette=data.palette(comparison.ranked(pool)))
    yield ReportFigure("scores", f"{title} with 95 % intervals ({where}).", scores)
    table = class_scores(comparison, rows, labels.names)
    caption = f"IoU of each class with 95 % intervals ({where}). Classes on which the models differ most come first."
    classes = table.dropna(subset=["value"])["class"].nunique()
    step = class_step(len(rows), PAGE / max(1, classes))
    yield ReportFigure("classes", caption, per_class(table, data.palette(rows), printed=True), step)
    for row in rows:
        counts = total_confusion(comparison, row)
        caption = f"{row.title}: what each true class is taken for, in percent of its pixels ({where})."
        heading = alt.TitleParams(row.title, anchor="start", fontSize=13, fontWeight="normal", offset=8)
        chart = confusion(counts, labels, hue=BETTER, printed=True).properties(title=heading)
        yield ReportFigure(f"confusion-{row.id}", caption, chart, square_cells(counts, width))
    for key, (caption, costs) in cost_charts(data, pool).items():
        joined = " Joined: no other model is both cheaper and better."
        yield ReportFigure(f"cost-{key.replace('_', '-')}", f"{caption} ({where}).{joined}", costs, 300)
