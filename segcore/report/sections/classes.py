"""The parts of a report about classes: the score of each, and which are mistaken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.arrays import F64, I64
from segcore.evaluation.comparison.tidy_tables import class_scores, total_confusion
from segcore.report.figure import Figure
from segcore.report.report_data import ReportData
from segcore.visual.compare_charts import BETTER, confusion, confusion_difference, per_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from segcore.evaluation.comparison import Row

MOST_MISTAKES = 10  # rows of the table of mistakes


def scores_of_classes(data: ReportData, pool: int) -> dict[str, Any] | None:
    """IoU of each class with intervals, those first on which the runs differ most; and the same as a table."""
    rows = data.drawn(pool)
    if not rows:
        return None
    labels = data.labels(pool)
    table = class_scores(data.comparison, rows, labels.names)
    scored = set(table["run"])
    rows = [row for row in rows if row.title in scored]
    present = set(table.dropna(subset=["value"])["class"])
    absent = [name for name in labels.names if name not in present]
    colors = data.palette(rows)
    label = "IoU of each class and model, with 95 % intervals; the table below has the numbers."
    return {
        "rows": rows,
        "absent": absent,
        "not_drawn": data.not_drawn(pool),
        "wide": Figure.of(per_class(table, colors), width=960, label=label),
        "narrow": Figure.of(per_class(table, colors), width=388, label=label),
        "classes": _class_rows(data, pool, rows, table.dropna(subset=["value"])),
    }


def _class_rows(data: ReportData, pool: int, rows: Sequence[Row], table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a class that occurs, the most frequent first: share of the pixels, and each model's IoU."""
    labels = data.labels(pool)
    pixels = total_confusion(data.comparison, rows[0]).sum(axis=1)
    cells = {(cell["class"], cell["run"]): cell for cell in table.to_dict("records")}
    present = set(table["class"])
    lines = []
    for index in np.argsort(-pixels, kind="stable"):
        name = labels.names[index]
        if name in present:
            in_row = [cells.get((name, row.title)) for row in rows]
            best = max(cell["value"] for cell in in_row if cell) if len(rows) > 1 else None
            share = pixels[index] / pixels.sum()
            lines.append({"name": name, "color": labels.colors[index], "share": share, "best": best, "cells": in_row})
    return lines


def mistakes(data: ReportData, pool: int) -> dict[str, Any] | None:
    """Confusion of the best model by validation, how the second differs, and the largest mistakes."""
    rows = data.by_validation(pool)[:2]
    if not rows:
        return None
    labels = data.labels(pool)
    totals = [total_confusion(data.comparison, row) for row in rows]
    first = rows[0].title
    label = f"Confusion matrix of {first}; the table below lists the largest mistakes."
    figures = [
        Figure.of(
            confusion(totals[0], labels, hue=BETTER, printed=True),
            width=500,
            label=label,
            name=first,
            caption=": shares of the true class",
        )
    ]
    if len(rows) > 1:
        second = rows[1].title
        figures.append(
            Figure.of(
                confusion_difference(totals[0], totals[1], labels, names=(first, second), printed=True),
                width=500,
                label=f"Difference of the confusion matrices of {first} and {second}.",
                name=f"{first} against {second}",
                caption=": blue where it is more often right or less often wrong, orange where the other is",
            )
        )
    return {
        "rows": rows,
        "chosen": "the best by validation" if data.validation(rows[0]) >= 0 else "the best",
        "figures": figures,
        "mistakes": _largest_mistakes(labels.names, totals),
    }


def _largest_mistakes(names: Sequence[str], totals: Sequence[I64]) -> list[dict[str, Any]]:
    """The cells off the diagonal that hold most pixels of the first model, with each model's share of the class."""
    pixels = totals[0].copy()
    everything = pixels.sum()
    np.fill_diagonal(pixels, 0)
    order = np.argsort(-pixels, axis=None, kind="stable")[:MOST_MISTAKES]
    shares: list[F64] = [total / np.maximum(1, total.sum(axis=1))[:, None] for total in totals]
    return [
        {
            "truth": names[truth],
            "guess": names[guess],
            "of_all": pixels[truth, guess] / everything,
            "shares": [share[truth, guess] for share in shares],
        }
        for truth, guess in zip(*np.unravel_index(order, pixels.shape), strict=True)
        if pixels[truth, guess]
    ]
