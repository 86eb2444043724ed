"""The parts of a report about what models cost, and how their training went."""

from __future__ import annotations

import numpy as np

from segcore.errors import SegcoreError
from segcore.report.charts import Line, dot, legend, lines, scatter
from segcore.report.markup import Html, el, inner, prose
from segcore.report.subject import MOST_DRAWN, Subject

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
                    lower=metric.higher_is_better is False,
                )
                figures.append(el("figure", el("figcaption", said), chart))
    head = el(
        "tr",
        el("th", "model", scope="col"),
        [el("th", each.title, scope="col", class_="num", title=each.help) for each in comparison.costs.values()],
    )
    body = [
        el(
            "tr",
            el("th", dot(subject.color(row)), row.title, scope="row"),
            [
                el("td", f"{row.cost[key]:.{each.digits}f}" if key in row.cost else "–", class_="num")
                for key, each in comparison.costs.items()
            ],
        )
        for row in rows
    ]
    measured = any(run.profile is not None for run in subject.runs)
    said = "Dashed: the models that no other beats in both." if any(figures) else ""
    hint = "" if measured else " MACs, model size and latency were not measured; `segcore profile RUN` does."
    helps = [
        f"{each.title}: {each.help}" for key, each in comparison.costs.items() if "_" in key and key != "peak_memory_mb"
    ]
    return inner(
        el("p", prose(said + hint), class_="note"),
        el("div", figures, class_="plots"),
        el("div", el("table", el("thead", head), el("tbody", body)), class_="scroll"),
        el("p", " ".join(helps), class_="note") if helps else None,
    )


def _plotted(subject: Subject) -> list[str]:
    """Parameters, the first latency, minutes of training: as far as they are known."""
    known = list(subject.comparison.costs)
    latencies = [key for key in known if key.endswith("_median")]
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
