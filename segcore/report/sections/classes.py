"""The parts of a report about classes: each with its intervals, and what is taken for what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.arrays import F64
from segcore.report.axis import Axis
from segcore.report.charts import Mark, class_chart, legend, matrix, swatch, who
from segcore.report.leaderboard import score
from segcore.report.markup import Html, el, inner
from segcore.report.report_data import Subject

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Row
    from segcore.metrics import Interval

MISTAKES = 10  # rows of the table of what is confused


def per_class(subject: Subject, pool: int) -> Html | None:
    """IoU of each class with intervals, those first on which the runs differ most; and the same as a table."""
    rows = subject.drawn(pool)
    if not rows:
        return None
    labels = subject.labels(pool)
    found = subject.comparison.classes([run_id for row in rows for run_id in row.runs])
    drawn = [row for row in rows if row.id in found]
    present = [
        index for index in range(labels.classes) if any(not math.isnan(found[row.id][index].value) for row in drawn)
    ]
    order = sorted(present, key=lambda index: _spread([found[row.id][index].value for row in drawn]))
    marks = {index: [_mark(subject, row, found[row.id][index]) for row in drawn] for index in present}
    names = {index: inner(swatch(labels.colors[index]), labels.names[index]) for index in present}
    chart = class_chart(
        [(names[index], marks[index]) for index in order],
        Axis(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 1),
        "IoU of each class and model, with 95 % intervals; the table below has the numbers.",
    )
    absent = [name for index, name in enumerate(labels.names) if index not in present]
    said = "Classes on which the models differ most come first; lines are 95 % intervals. "
    if absent:
        said += f"Absent from the ground truth, so left out of every mean: {', '.join(absent)}."
    else:
        said += "Every class is present in the ground truth."
    return inner(
        legend(subject.legend(drawn)),
        el("p", said, " ", subject.left_out(pool), class_="note"),
        chart,
        el("h3", "In numbers"),
        _table(subject, drawn, present, names, marks),
    )


def _spread(values: list[float]) -> tuple[float, float]:
    known = [value for value in values if value == value]
    return -round(max(known) - min(known), 6), float(np.mean(known))


def _mark(subject: Subject, row: Row, known: Interval) -> Mark:
    return Mark(row.title, subject.color(row), known.value, known.low, known.high)


def _table(
    subject: Subject, rows: list[Row], present: list[int], names: dict[int, Html], marks: dict[int, list[Mark]]
) -> Html:
    true = subject.total(rows[0]).sum(axis=1)
    head = el(
        "tr",
        el("th", "class", scope="col"),
        el("th", "of the pixels", scope="col", class_="num"),
        [el("th", who(subject.color(row), row.title), scope="col", class_="num") for row in rows],
    )
    body = []
    for index in sorted(present, key=lambda index: -true[index]):
        values = [mark.value for mark in marks[index]]
        top = max(value for value in values if value == value)
        cells = [
            el(
                "td",
                score(mark.value),
                class_="num best" if len(rows) > 1 and mark.value == top else "num",
                title=mark.words,
            )
            for mark in marks[index]
        ]
        share = f"{100 * true[index] / true.sum():.2f} %"
        body.append(el("tr", el("th", names[index], scope="row"), el("td", share, class_="num"), cells))
    table = el("table", el("thead", head), el("tbody", body), aria_label="IoU of each class")
    said = "IoU of each class, most frequent first. Bold: the highest, whether or not by chance."
    return inner(el("p", said, class_="note"), el("div", table, class_="scroll"))


def confusion(subject: Subject, pool: int) -> Html | None:
    """What the best by validation takes for what, and how the second differs."""
    rows = subject.by_validation(pool)[:2]
    if not rows:
        return None
    labels = subject.labels(pool)
    totals = [subject.total(row) for row in rows]
    kept = [index for index in range(labels.classes) if totals[0][index].sum()]
    shares = [_shares(total, kept) for total in totals]
    names = [labels.names[index] for index in kept]
    figures = [
        el(
            "figure",
            el(
                "figcaption",
                el("b", rows[0].title),
                ": shares of the true class",
            ),
            matrix(
                shares[0], names, f"Confusion matrix of {rows[0].title}; the table below lists the largest mistakes."
            ),
        )
    ]
    if len(rows) > 1:
        said = ": blue where it is more often right or less often wrong, orange where the other is"
        figures.append(
            el(
                "figure",
                el("figcaption", el("b", f"{rows[0].title} against {rows[1].title}"), said),
                matrix(
                    shares[0] - shares[1],
                    names,
                    f"Difference of the confusion matrices of {rows[0].title} and {rows[1].title}.",
                    against=True,
                ),
            )
        )
    chosen = "the best by validation" if subject.validation(rows[0]) >= 0 else "the best"
    second = f", {rows[1].title} the next" if len(rows) > 1 else ""
    return inner(
        el(
            "p",
            f"{rows[0].title} is {chosen}{second}. Rows: the truth; columns: what it was taken for; stronger is more.",
            class_="note",
        ),
        el("div", figures, class_="plots"),
        _mistakes(subject, rows, shares, totals, kept, names),
    )


def _shares(total: npt.NDArray[np.int64], kept: list[int]) -> F64:
    """Cells as shares of their true class, of the classes that occur."""
    return total[np.ix_(kept, kept)] / np.maximum(1, total[kept].sum(axis=1))[:, None]


def _mistakes(
    subject: Subject,
    rows: list[Row],
    shares: list[F64],
    totals: list[npt.NDArray[np.int64]],
    kept: list[int],
    names: list[str],
) -> Html:
    pixels = totals[0][np.ix_(kept, kept)].copy()
    np.fill_diagonal(pixels, 0)
    order = np.argsort(-pixels, axis=None, kind="stable")[:MISTAKES]
    everything = totals[0].sum()
    body = []
    for row, column in zip(*np.unravel_index(order, pixels.shape), strict=True):
        if pixels[row, column]:
            body.append(
                el(
                    "tr",
                    el("th", f"{names[row]} taken for {names[column]}", scope="row"),
                    el("td", f"{100 * pixels[row, column] / everything:.2f} %", class_="num"),
                    [el("td", f"{100 * each[row, column]:.1f} %", class_="num") for each in shares],
                )
            )
    head = el(
        "tr",
        el("th", "mistake", scope="col"),
        el("th", "of all pixels", scope="col", class_="num"),
        [el("th", who(subject.color(each), each.title), scope="col", class_="num") for each in rows],
    )
    said = f"Most pixels lost by {rows[0].title}; for each model, the share of the true class."
    table = el("table", el("thead", head), el("tbody", body), class_="long", aria_label="The largest mistakes")
    return inner(el("p", said, class_="note"), el("div", table, class_="scroll"))
