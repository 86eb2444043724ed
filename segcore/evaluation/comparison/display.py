"""Shows the rows of a comparison in a notebook: as a table and as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from segcore.evaluation.comparison.rows import NAN, Row
from segcore.metrics import Score

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


def plot(
    rows: Sequence[Row], metric: Score, palette: Mapping[str, str] | None, ids: Sequence[str], width: int
) -> alt.LayerChart:
    """Draw the score of each row with its interval.

    Args:
        rows: Rows with a value, the best first.
        metric: The score.
        palette: Title of each row -> hex; None for the colours that the app gives to runs of these `ids`.
        ids: Ids of all runs, in a fixed order.
        width: Width of the plot in px.
    """
    from segcore.visual.compare_charts import model_scores
    from segcore.visual.run_colors import run_colors

    by_run = run_colors(ids, {row.id for row in rows})
    colors = palette or {row.title: by_run[row.id] for row in rows}
    table = _table(rows, metric).rename(columns={"model": "run", metric.title: "value", "from": "low", "to": "high"})
    return model_scores(table, colors, title=metric.title).chart(width)


def html(rows: Sequence[Row], metric: Score, sentences: Sequence[str]) -> str:
    """The rows as a table with their scores, and sentences below it."""
    table = _table(rows, metric)
    if metric.key != "pixel_accuracy":
        table["pixel accuracy"] = [row.scores["pixel_accuracy"] for row in rows]
    table["parameters, M"] = [row.cost.get("parameters", NAN) for row in rows]
    text = table.to_html(index=False, border=0, float_format="{:.3f}".format, na_rep="–")
    return text + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _table(rows: Sequence[Row], metric: Score) -> pd.DataFrame:
    """Columns `model`, the score's title, `from`, `to`: the score and its interval, NaN where there is none."""
    import pandas as pd

    cells = [
        (row.title, row.scores[metric.key], *((row.interval.low, row.interval.high) if row.interval else (NAN, NAN)))
        for row in rows
    ]
    return pd.DataFrame(cells, columns=["model", metric.title, "from", "to"])
