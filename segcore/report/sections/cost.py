"""The parts of a report about what models cost, and how their training went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segcore.errors import SegcoreError
from segcore.report.charts import Line, legend, lines, scatter, who
from segcore.report.markup import Html, el, inner, prose
from segcore.report.report_data import MOST_DRAWN, Subject

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Cost, Row

MOST_PLOTS = 3
_CURVES = (("val_miou", "train_miou", "mIoU"), ("val_loss", "train_loss", "loss"))


def cost(subject: Subject) -> Html | None:
    """Quality against the costs that most runs know, and all costs as a table."""
    comparison = subject.comparison
    rows = [row for row in comparison.rows if row.cost]
    if not rows or not comparison.costs:
        return None
    figures = []
    for place, pool in subject.pools():
        for key in _plotted(subject):
            points = [(subject.mark(row), row.cost[key]) for row in subject.drawn(place) if key in row.cost]
            if len(points) > 1:
                title, metric = comparison.costs[key].title, comparison.metric
                said = f"{metric.title} against {title}" + (
                    f", {pool.kind.dataset}" if len(comparison.pools) > 1 else ""
                )
                chart = scatter(
                    points,
                    label=f"{said}; the tables have the numbers.",
                    x_title=title,
                    lower=None if metric.higher_is_better is None else not metric.higher_is_better,
                )
                figures.append(el("figure", el("figcaption", said), chart))
    measured = "macs" in comparison.costs
    joined = any(figures) and comparison.metric.higher_is_better is not None
    said = "Dashed: the models that no other beats in both." if joined else ""
    hint = "" if measured else " MACs, model size and latency were not measured; `segcore profile RUN` does."
    return inner(
        el("p", prose(said + hint), class_="note"),
        el("div", figures, class_="plots"),
        el("div", _table(subject, rows), class_="scroll"),
        [el("p", f"{each.title}: {each.help}", class_="note") for each in _explained(subject)],
    )


def _table(subject: Subject, rows: list[Row]) -> Html:
    """All costs: a row a cost where models are few, else a row a model."""
    costs = subject.comparison.costs

    def cell(row: Row, key: str) -> Html:
        return el("td", f"{row.cost[key]:.{costs[key].digits}f}" if key in row.cost else "–", class_="num")

    names = {row.id: who(subject.color(row), row.title) for row in rows}
    if len(rows) <= MOST_DRAWN:
        head = [el("th", "cost", scope="col"), [el("th", name, scope="col", class_="num") for name in names.values()]]
        body = [
            el("tr", el("th", each.title, scope="row", title=each.help), [cell(row, key) for row in rows])
            for key, each in costs.items()
        ]
    else:
        titles = [el("th", each.title, scope="col", class_="num", title=each.help) for each in costs.values()]
        head = [el("th", "model", scope="col"), titles]
        body = [el("tr", el("th", names[row.id], scope="row"), [cell(row, key) for key in costs]) for row in rows]
    return el("table", el("thead", el("tr", head)), el("tbody", body))


def _explained(subject: Subject) -> list[Cost]:
    """Costs whose titles don't explain themselves; of the latencies the first, which names the machine."""
    known = subject.comparison.costs
    latencies = [key for key in known if key.endswith("_median")]
    return [known[key] for key in ("macs", *latencies[:1]) if key in known]


def _plotted(subject: Subject) -> list[str]:
    """Parameters, a latency, minutes of training: as far as they are known."""
    known = list(subject.comparison.costs)
    rows = subject.comparison.rows
    latencies = [key for key in known if key.endswith("_median")]
    latencies.sort(key=lambda key: -sum(key in row.cost for row in rows))  # that of most rows, else the first
    wanted = ["parameters", *latencies[:1], "minutes"]
    return [key for key in wanted if key in known][:MOST_PLOTS]


def training(subject: Subject) -> Html | None:
    """Curves of validation and training, the kept epoch marked."""
    rows = [row for row in subject.comparison.rows][:MOST_DRAWN]
    curves: dict[str, list[Line]] = {title: [] for *_, title in _CURVES}
    notes: list[str] = []
    shown = []
    for row in rows:
        for run in subject.runs_of(row):
            try:
                history = run.history
            except SegcoreError as error:
                notes.append(f"{row.title}: {error}")
                continue
            if history.empty:
                continue
            if row not in shown:
                shown.append(row)
            x = history["epoch"].to_numpy(np.float64) + 1  # people count from 1
            best = next(iter(np.flatnonzero(history["epoch"] == run.summary.best_epoch)), None)
            color = subject.color(row)
            for validation, train, title in _CURVES:
                values = {name: history[name].to_numpy(np.float64) for name in (validation, train)}
                curves[title] += [
                    Line(f"{row.title}, training", color, x, values[train], dashed=True),
                    Line(row.title, color, x, values[validation], best=None if best is None else int(best)),
                ]
    if not shown:
        return inner(el("p", text, class_="note") for text in notes) if notes else None
    figures = [
        el("figure", el("figcaption", title), lines(found, label=f"{title} by epoch, a line a model.", x_title="epoch"))
        for title, found in curves.items()
    ]
    more = len(subject.comparison.rows) - len(rows)
    said = "Solid: validation; dashed: training. The dot is the epoch that was kept, chosen by validation mIoU."
    return inner(
        legend(subject.legend(shown)),
        el("p", said + (f" Drawn: the first {MOST_DRAWN} of {len(rows) + more}." if more else ""), class_="note"),
        el("div", figures, class_="plots"),
        [el("p", text, class_="note") for text in notes],
    )
