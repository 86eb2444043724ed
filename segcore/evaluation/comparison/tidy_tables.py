"""Parts of a comparison as tidy tables for charts: one row a mark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from segcore.arrays import I64
from segcore.evaluation.comparison.comparison import Comparison
from segcore.evaluation.comparison.rows import Row

if TYPE_CHECKING:
    import pandas as pd


def class_scores(
    comparison: Comparison, rows: Sequence[Row], classes: Sequence[str], score: str = "iou"
) -> pd.DataFrame:
    """A score of each class and row with its interval.

    Args:
        comparison: The comparison.
        rows: Some of its rows.
        classes: Names of the classes, in the order of their ids.
        score: A key of `CLASS_SCORES`.

    Returns:
        Columns `class, run, value, low, high`; NaN where a class is absent.
    """
    import pandas as pd

    scores = comparison.classes([run_id for row in rows for run_id in row.runs], score)
    table = [
        (name, row.title, interval.value, interval.low, interval.high)
        for row in rows
        for name, interval in zip(classes, scores.get(row.id, ()), strict=False)
    ]
    return pd.DataFrame(table, columns=["class", "run", "value", "low", "high"])


def quality_and_cost(
    comparison: Comparison, rows: Iterable[Row], cost: str, quality: str, chosen: Iterable[str]
) -> pd.DataFrame:
    """A score and a cost of each row.

    Args:
        comparison: The comparison.
        rows: Some of its rows.
        cost: Key of a cost.
        quality: Key of a score; only the metric of the comparison comes with its interval.
        chosen: Ids of the rows that are named in the chart.

    Returns:
        Columns `id, run, x, y, low, high, chosen`; NaN where a value is unknown.
    """
    import pandas as pd

    named = set(chosen)
    table = []
    for row in rows:
        interval = row.interval if quality == comparison.metric.key else None
        low, high = (interval.low, interval.high) if interval else (np.nan, np.nan)
        cells = (row.id, row.title, row.cost.get(cost, np.nan), row.scores[quality], low, high, row.id in named)
        table.append(cells)
    return pd.DataFrame(table, columns=["id", "run", "x", "y", "low", "high", "chosen"])


def total_confusion(comparison: Comparison, row: Row) -> I64:
    """`[C, C]` confusion counts of a row, summed over its runs; rows = truth."""
    return np.sum([comparison.evaluations[run_id].total for run_id in row.runs], axis=0, dtype=np.int64)
