"""A comparison as a table: its rows in any order, and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from segcore.errors import ReportError, unknown
from segcore.evaluation.comparison.comparison import Comparison
from segcore.evaluation.comparison.costs import COSTS
from segcore.evaluation.comparison.rows import Row
from segcore.metrics import SCORES
from segcore.runs.csv_tables import spreadsheet_cell

CSV_BEGINS = "pool,rank,run,title,"  # the first line identifies the file, since CSV has no comments


def ordered(comparison: Comparison, pool: int, sort: str | None) -> list[Row]:
    """The rows of a comparable set, sorted by the metric of the comparison or by another score or cost.

    Raises:
        ReportError: when there is no such score or cost.
    """
    rows = [row for row in comparison.rows if row.pool == pool]
    if sort is None or sort == comparison.metric.key:
        return rows
    choices = [*SCORES, *comparison.costs]
    if sort not in choices:
        raise ReportError(unknown("score or cost", sort, choices))
    falling = SCORES[sort].higher_is_better is not False if sort in SCORES else comparison.costs[sort].higher_is_better
    values = {row.id: row.scores.get(sort, row.cost.get(sort, float("nan"))) for row in rows}
    known = [row for row in rows if values[row.id] == values[row.id]]
    rest = [row for row in rows if values[row.id] != values[row.id]]
    return sorted(known, key=lambda row: values[row.id], reverse=falling) + rest


def to_csv(comparison: Comparison, sort: str | None = None) -> str:
    """CSV for programs: one table, always the same columns, numbers unrounded; an empty cell is unknown."""
    extra = [key for key in comparison.costs if key not in COSTS]
    head = [*CSV_BEGINS.strip(",").split(","), "runs", "split", "dataset", "classes", "void", "images", "block"]
    head += ["ranked_by", "value", "low", "high", "level_with_best", "sd_of_seeds"]
    head += ["folds", "mean_of_folds", "sd_of_folds", *SCORES, *COSTS, *extra]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, "leak", "problem"])
    for pool in range(len(comparison.pools)):
        tied = _tied_with_best(comparison, pool)
        ranks = comparison.ranks(pool)  # by the metric, whatever the rows are sorted by
        for row in ordered(comparison, pool, sort):
            values = _values(comparison, row, ranks.get(row.id), tied.get(row.id), extra)
            writer.writerow([spreadsheet_cell(value) for value in values])
    for row in comparison.rows:
        if row.pool < 0:
            writer.writerow([spreadsheet_cell(value) for value in _values(comparison, row, None, None, extra)])
    return text.getvalue()


def _values(
    comparison: Comparison, row: Row, rank: int | None, tied: bool | None, extra: Sequence[str]
) -> list[object]:
    pool = comparison.pools[row.pool] if row.pool >= 0 else None
    first = next(run for run in comparison.runs if run.id == row.id)
    info, known = first.summary.dataset, row.interval
    values: list[object] = [row.pool + 1 if pool else None, rank, row.id, row.title, " ".join(row.runs)]
    values += [comparison.split, info.name, first.labels.classes, info.void, row.images, pool.block if pool else None]
    values += [comparison.metric.key, row.scores[comparison.metric.key]]
    values += [known.low, known.high] if known else [None, None]
    spreads = [row.spread, None, None, None]
    if row.parts and row.parts_are == "folds":
        spreads = [None, len(row.parts), row.mean, row.spread]
    values += [tied, *spreads, *(row.scores[key] for key in SCORES)]
    values += [row.cost.get(key) for key in (*COSTS, *extra)]
    return [*values, (comparison.leak(row) if pool else "") or None, row.problem]


def _tied_with_best(comparison: Comparison, pool: int) -> dict[str, bool]:
    """Id of a row -> whether it is tied with the best; rows of which that is unknown are left out."""
    rows, tied = comparison.ranked(pool), comparison.tied_with_best(pool)
    known = [row for row in rows if row is rows[0] or comparison.pair(rows[0].id, row.id).has_interval] if tied else []
    return {row.id: row.id in tied for row in known}
