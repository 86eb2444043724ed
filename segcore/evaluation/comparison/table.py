"""A comparison as one table: its rows in an order, and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from segcore.errors import ReportError, unknown
from segcore.evaluation.comparison.comparison import Comparison
from segcore.evaluation.comparison.costs import COSTS
from segcore.evaluation.comparison.rows import Row
from segcore.evaluation.comparison.score_registry import METRICS
from segcore.runs.csv_tables import csv_cell

CSV_BEGINS = "pool,rank,run,title,"  # the first line of it, since a CSV file has no room for a comment


def ordered(comparison: Comparison, pool: int, sort: str | None) -> list[Row]:
    """The rows of a pool, by the metric of the comparison or by another score or cost.

    Raises:
        ReportError: when there is no such score or cost.
    """
    rows = [row for row in comparison.rows if row.pool == pool]
    if sort is None or sort == comparison.metric.key:
        return rows
    choices = [*METRICS, *comparison.costs]
    if sort not in choices:
        raise ReportError(unknown("score or cost", sort, choices))
    falling = sort in METRICS and METRICS[sort].higher_is_better is not False
    values = {row.id: row.scores.get(sort, row.cost.get(sort, float("nan"))) for row in rows}
    known = [row for row in rows if values[row.id] == values[row.id]]
    rest = [row for row in rows if values[row.id] != values[row.id]]
    return sorted(known, key=lambda row: values[row.id], reverse=falling) + rest


def to_csv(comparison: Comparison, sort: str | None = None) -> str:
    """CSV for programs: one table, the same columns each time, numbers as they are; an empty cell is not known."""
    extra = [key for key in comparison.costs if key not in COSTS]
    head = [*CSV_BEGINS.strip(",").split(","), "runs", "split", "dataset", "classes", "void", "images", "block"]
    head += ["ranked_by", "value", "low", "high", "level_with_best", "sd_of_seeds", *METRICS, *COSTS, *extra]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, "leak", "problem"])
    for pool in range(len(comparison.pools)):
        level = _standing(comparison, pool)
        ranks = comparison.ranks(pool)  # whatever they are sorted by
        for row in ordered(comparison, pool, sort):
            values = _values(comparison, row, ranks.get(row.id), level.get(row.id), extra)
            writer.writerow([csv_cell(value) for value in values])
    for row in comparison.rows:
        if row.pool < 0:
            writer.writerow([csv_cell(value) for value in _values(comparison, row, None, None, extra)])
    return text.getvalue()


def _values(
    comparison: Comparison, row: Row, rank: int | None, level: bool | None, extra: Sequence[str]
) -> list[object]:
    pool = comparison.pools[row.pool] if row.pool >= 0 else None
    first = next(run for run in comparison.runs if run.id == row.id)
    info, known = first.summary.dataset, row.interval
    values: list[object] = [row.pool + 1 if pool else None, rank, row.id, row.title, " ".join(row.runs)]
    values += [comparison.split, info.name, first.labels.classes, info.void, row.images, pool.block if pool else None]
    values += [comparison.metric.key, row.scores[comparison.metric.key]]
    values += [known.low, known.high] if known else [None, None]
    values += [level, row.spread, *(row.scores[key] for key in METRICS)]
    values += [row.cost.get(key) for key in (*COSTS, *extra)]
    return [*values, (comparison.leak(row) if pool else "") or None, row.problem]


def _standing(comparison: Comparison, pool: int) -> dict[str, bool]:
    """Whether a row is level with the best, by its id; those of which that is not known are left out."""
    rows, level = comparison.ranked(pool), comparison.level(pool)
    known = [row for row in rows if row is rows[0] or comparison.pair(rows[0].id, row.id).judged] if level else []
    return {row.id: row.id in level for row in known}
