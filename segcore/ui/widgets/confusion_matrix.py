"""A confusion matrix to pick mistakes from: a cell, or the whole row or column of a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from segcore.arrays import I64
from segcore.evaluation.image_ranking import Mistake
from segcore.labels import LabelMap, hex_color
from segcore.ui.widgets.components import component

if TYPE_CHECKING:
    from segcore.visual.render import Chart

MOST = 40  # classes: more make cells too small to hit
FEW = 16  # classes: their cells are large enough for a number
SHARES = {"class": "share of the class", "all": "share of all mistakes"}


def confusion_matrix(
    counts: I64,
    labels: LabelMap,
    *,
    hue: str,
    share: str,
    picked: Mistake | None,
    key: str,
    on_pick: Callable[[str], None],
) -> None:
    """Draw the matrix, without classes that never occur; of more than `MOST` classes, those with the most mistakes.

    Args:
        counts: `[C, C]` int64, rows = truth.
        labels: Names and colours.
        hue: Hex colour of the strongest cell.
        share: A key of `SHARES`: what a cell is a share of.
        picked: The framed cell, row or column.
        key: Streamlit key, unique on the page.
        on_pick: Called with the name of a `Mistake`, or with an empty string when the picked one is clicked again.
    """
    html = '<div class="scroll"><div class="matrix" role="group" aria-label="Confusion matrix"></div></div>'
    render = component("matrix", html, "elements.js", "matrix.js")

    def pick() -> None:
        name = st.session_state[key].get("pick")
        if name:
            on_pick("" if name == "-" else str(name))

    data = matrix_cells(counts, labels, share) | {"hue": hue, "picked": picked.name(labels) if picked else ""}
    render(key=key, data=[data], on_pick_change=pick)  # a list: of a dict Streamlit would look for data frames


def confusion_figure(counts: I64, labels: LabelMap) -> Chart:
    """Draw the matrix for paper, as the shares of each true class; `counts` is `[C, C]` int64, rows = truth."""
    from segcore.visual.compare_charts import BETTER, confusion

    return confusion(counts, labels, hue=BETTER, printed=True)


def shown_classes(counts: I64) -> tuple[list[int], list[int]]:
    """(rows, columns) of the matrix: classes in the ground truth; columns end with those that were only predicted."""
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    mistaken = true + predicted - 2 * np.diagonal(counts)
    shown = np.flatnonzero(true + predicted)
    if len(shown) > MOST:
        shown = np.sort(shown[np.argsort(-mistaken[shown], kind="stable")[:MOST]])
    rows = [int(index) for index in shown if true[index]]
    return rows, rows + [int(index) for index in shown if not true[index]]


def matrix_cells(counts: I64, labels: LabelMap, share: str) -> dict[str, Any]:
    """The data of the script: `columns` and `rows`, each with its name, colour, texts and cells."""
    rows, columns = shown_classes(counts)
    true = counts.sum(axis=1)
    wrong = counts - np.diag(np.diagonal(counts))
    of = np.full(len(true), wrong.sum()) if share == "all" else true
    shares = wrong / np.maximum(of, 1)[:, None]
    strongest = max(float(shares.max(initial=0)), 1e-9)

    def cell(truth: int, taken: int) -> dict[str, Any]:
        if truth == taken:
            recall = counts[truth, truth] / true[truth]
            return {
                "pick": "",
                "text": "",
                "value": 0,
                "own": True,
                "title": f"{names[truth]}: {100 * recall:.1f} % found",
            }
        mistake = Mistake(truth, taken)
        pixels, of = int(wrong[truth, taken]), f"{100 * wrong[truth, taken] / true[truth]:.1f} % of {names[truth]}"
        percent = 100 * shares[truth, taken]
        return {
            "pick": mistake.name(labels) if pixels else "",
            "text": f"{percent:.0f}" if percent >= 1 and len(columns) <= FEW else "",
            "value": round(float(np.sqrt(shares[truth, taken] / strongest)) * 0.9, 3),
            "own": False,
            "title": f"{mistake.sentence(labels)}: {pixels:,} pixels, {of}",
        }

    def head(index: int, mistake: Mistake, pixels: int) -> dict[str, Any]:
        return {
            "name": names[index],
            "color": hex_color(labels.colors[index]),
            "pick": mistake.name(labels) if pixels else "",
            "title": f"{mistake.sentence(labels)}: {pixels:,} pixels",
        }

    names = labels.names
    return {
        "columns": [head(index, Mistake(None, index), int(wrong[:, index].sum())) for index in columns],
        "rows": [
            head(index, Mistake(index, None), int(wrong[index].sum()))
            | {"cells": [cell(index, taken) for taken in columns]}
            for index in rows
        ],
        "many": len(columns) > FEW,
    }
