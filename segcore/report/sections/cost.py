"""The parts of a report about what models cost, and how their training went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcore.errors import listed
from segcore.evaluation.comparison.tidy_tables import quality_and_cost
from segcore.report.figure import Figure
from segcore.report.report_data import MOST_DRAWN, ReportData
from segcore.runs.curves import CURVES, curves
from segcore.visual.charts import history
from segcore.visual.compare_charts import trade_off

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Cost
    from segcore.visual.vega_lite import Layers

MOST_PLOTS = 3
CURVES_SHOWN = ("miou", "loss")


def costs(data: ReportData) -> dict[str, Any] | None:
    """Quality against the costs that most runs know, and all costs as a table."""
    comparison = data.comparison
    rows = [row for row in comparison.rows if row.cost]
    if not rows or not comparison.costs:
        return None
    figures = [
        Figure.of(chart, width=340, height=260, label=f"{caption}; the tables have the numbers.", caption=caption)
        for pool, _ in data.pools()
        for caption, chart in cost_charts(data, pool).values()
    ]
    return {
        "rows": rows,
        "costs": comparison.costs,
        "model_a_row": len(rows) > MOST_DRAWN,
        "joined": bool(figures) and comparison.metric.higher_is_better is not None,
        "measured": "macs" in comparison.costs,
        "not_known": not_known(data),
        "figures": figures,
        "explained": _explained(data),
    }


def not_known(data: ReportData) -> list[str]:
    """A sentence for each cost that a chart shows, on the rows it leaves out since nobody knows theirs."""
    texts = []
    for key in _plotted(data):
        titles = [row.title for row in data.comparison.rows if key not in row.cost]
        if titles:
            texts.append(f"{data.comparison.costs[key].title} is not known of {listed(titles, 4)}.")
    return texts


def cost_charts(data: ReportData, pool: int) -> dict[str, tuple[str, Layers]]:
    """Key of a cost -> (caption, chart) of the score that is ranked by against it."""
    charts = {key: _quality_against(data, pool, key) for key in _plotted(data)}
    return {key: chart for key, chart in charts.items() if chart is not None}


def _quality_against(data: ReportData, pool: int, key: str) -> tuple[str, Layers] | None:
    """(caption, chart) of the score that is ranked by against a cost; None unless two models know both."""
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
    return caption, chart


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
    charts, shown, notes = curve_charts(data)
    if not charts and not notes:
        return None
    figures = [
        Figure.of(charts[name], width=520, height=220, label=f"{CURVES[name]} by epoch, a line a model.")
        for name in CURVES_SHOWN
        if name in charts
    ]
    return {
        "rows": [row for row in rows if any(titles[run_id] in shown for run_id in row.runs)],
        "figures": figures,
        "cut": f"Drawn: the first {MOST_DRAWN} of {len(every)}." if len(every) > MOST_DRAWN else "",
        "notes": notes,
    }


def curve_charts(data: ReportData, *, printed: bool = False) -> tuple[dict[str, Layers], list[str], list[str]]:
    """(curve -> chart, titles of the runs in them, notes on what can't be read); no charts where no epoch is known."""
    rows, titles = data.comparison.rows[:MOST_DRAWN], data.comparison.titles
    table, notes = curves([run for row in rows for run in data.runs_of(row)], titles)
    shown = list(dict.fromkeys(table["run"]))
    colors = {titles[run_id]: data.colors[row.id] for row in rows for run_id in row.runs if titles[run_id] in shown}
    charts = {}
    for name, title in CURVES.items() if shown else ():
        values = table.rename(columns={name: "value"})[["run", "phase", "x", "value", "kept"]]
        score = name != "loss"
        charts[name] = history(values, colors, title=title, x_title="epoch", score=score, printed=printed)
    return charts, shown, notes
