"""The parts of a report about what models cost, and how their training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcore.evaluation.comparison.tidy_tables import quality_and_cost
from segcore.report.figure import Figure
from segcore.report.report_data import MOST_DRAWN, ReportData
from segcore.runs.curves import CURVES, curves
from segcore.visual.charts import history
from segcore.visual.compare_charts import trade_off

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Cost

MOST_PLOTS = 3
CURVES_SHOWN = ("miou", "loss")


def costs(data: ReportData) -> dict[str, Any] | None:
    """Quality against the costs that most runs know, and all costs as a table."""
    comparison = data.comparison
    rows = [row for row in comparison.rows if row.cost]
    if not rows or not comparison.costs:
        return None
    figures = [
        figure
        for pool, _ in data.pools()
        for key in _plotted(data)
        if (figure := _quality_against(data, pool, key)) is not None
    ]
    return {
        "rows": rows,
        "costs": comparison.costs,
        "model_a_row": len(rows) > MOST_DRAWN,
        "joined": bool(figures) and comparison.metric.higher_is_better is not None,
        "measured": "macs" in comparison.costs,
        "figures": figures,
        "explained": _explained(data),
    }


def _quality_against(data: ReportData, pool: int, key: str) -> Figure | None:
    """The score that is ranked by against a cost; None with fewer than two models that know both."""
    comparison, metric = data.comparison, data.comparison.metric
    rows = [row for row in data.drawn(pool) if key in row.cost]
    if len(rows) < 2:
        return None
    title = comparison.costs[key].title
    caption = f"{metric.title} against {title}"
    if len(comparison.pools) > 1:
        caption += f", {comparison.pools[pool].label_space.dataset}"
    table = quality_and_cost(comparison, rows, key, metric.key, [row.id for row in rows])
    chart = trade_off(table, data.palette(rows), x_title=title, y_title=metric.title, higher=metric.higher_is_better)
    return Figure.of(chart, width=340, height=260, label=f"{caption}; the tables have the numbers.", caption=caption)


def _plotted(data: ReportData) -> list[str]:
    """Parameters, the latency that most rows know, and minutes of training: as far as they are known."""
    known = list(data.comparison.costs)
    latencies = [key for key in known if key.endswith("_median")]
    latencies.sort(key=lambda key: -sum(key in row.cost for row in data.comparison.rows))
    return [key for key in ("parameters", *latencies[:1], "minutes") if key in known][:MOST_PLOTS]


def _explained(data: ReportData) -> list[Cost]:
    """Costs whose titles don't explain themselves; of the latencies the first, which names the machine."""
    known = data.comparison.costs
    latencies = [key for key in known if key.endswith("_median")]
    return [known[key] for key in ("macs", *latencies[:1]) if key in known]


def training(data: ReportData) -> dict[str, Any] | None:
    """Curves of validation and training, the kept epoch marked."""
    every = data.comparison.rows
    rows, titles = every[:MOST_DRAWN], data.comparison.titles
    table, notes = curves([run for row in rows for run in data.runs_of(row)], titles)
    if table.empty and not notes:
        return None
    shown = set(table["run"])
    colors = {titles[run_id]: data.colors[row.id] for row in rows for run_id in row.runs if titles[run_id] in shown}
    figures = []
    for name in CURVES_SHOWN if shown else ():
        values = table.rename(columns={name: "value"})[["run", "phase", "x", "value", "best"]]
        best = values[values["best"] & (values["phase"] == "validation")]
        chart = history(values, colors, title=CURVES[name], x_title="epoch", best=best, score=name != "loss")
        figures.append(Figure.of(chart, width=520, height=220, label=f"{CURVES[name]} by epoch, a line a model."))
    return {
        "rows": [row for row in rows if any(titles[run_id] in shown for run_id in row.runs)],
        "figures": figures,
        "cut": f"Drawn: the first {MOST_DRAWN} of {len(every)}." if len(every) > MOST_DRAWN else "",
        "notes": notes,
    }
