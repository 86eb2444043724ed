"""The leaderboard: one line for each run or recipe, with intervals; to sort, filter and choose from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from segcore.evaluation.stored_counts import FILES
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import MAX_CHOSEN, AppContext
from segcore.ui.widgets.components import component
from segcore.visual.run_colors import UNCHOSEN
from segcore.visual.whisker import common_ends

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, Cost, Row
    from segcore.metrics import Score
    from segcore.runs import RunRecord

COLUMNS = ("image_miou", "pixel_accuracy", "mean_accuracy", "boundary_iou", "ece", "fps", "parameters", "minutes")
MANY = 16  # runs, beyond which scores that have a file of their own are read only when asked for
TIED = "These images show no clear difference from the best."
_HTML = """<div class="board"><div class="bar"><label class="search"><input type="search" placeholder="Filter runs"
aria-label="Filter runs"></label><span class="count"></span><button type="button" class="best"></button>
<button type="button" class="none">none</button></div><div class="scroll"><table><thead></thead></table></div></div>"""


def columns(comparison: Comparison) -> list[str]:
    """Keys of the columns that may stand beside the one ranked by: metrics, then costs."""
    metrics = [key for key in comparison.metrics if key != comparison.metric.key]
    return [*metrics, *comparison.costs]


def first_columns(comparison: Comparison) -> list[str]:
    """Keys of the columns shown at first; the speed is among them where it was measured."""
    offered = columns(comparison)
    first = {"miou", *COLUMNS}
    if len(comparison.runs) > MANY:
        first -= {key for key, metric in comparison.metrics.items() if metric.source in FILES}
    return [key for key in offered if key in first]


def title_of(comparison: Comparison, key: str) -> str:
    """The title of a column."""
    columns: Mapping[str, Score | Cost] = {**comparison.metrics, **comparison.costs}
    return columns[key].title


def first_sort(comparison: Comparison) -> str:
    """The first order: the best row first; by name where no value is better than another."""
    if comparison.metric.higher_is_better is None:
        return "title"
    return ("" if comparison.metric.higher_is_better is False else "-") + comparison.metric.key


def leaderboard(context: AppContext, comparison: Comparison, shown: Sequence[str]) -> None:
    """Draw the leaderboard. Its choices are the sidebar's runs, and `order` and `find` in the link.

    Args:
        context: The chosen runs and their colours.
        comparison: The comparison to show.
        shown: Keys of the columns beside the metric.
    """
    sorts = [sign + key for key in ("title", comparison.metric.key, *shown) for sign in ("", "-")]
    sort = url_state.get("order", first_sort(comparison), sorts)
    find = url_state.get("find", "")
    render = component("leaderboard", _HTML, "leaderboard.js")
    render(
        key="leaderboard",
        data=[  # a list: Streamlit looks for data frames in a dict
            {
                "columns": _columns(comparison, shown),
                "pools": _pools(context, comparison, shown),
                "sort": sort,
                "filter": find,
                "most": MAX_CHOSEN,
                "best": comparison.metric.higher_is_better is not None,
                "levelled": TIED,
            }
        ],
        on_pick_change=lambda: _on_event("pick", lambda event: _pick(context, comparison, event)),
        on_about_change=lambda: _on_event("about", lambda event: _about(comparison, str(event))),
        on_sort_change=lambda: _on_event("sort", lambda event: url_state.put("order", str(event))),
        on_filter_change=lambda: _on_event("filter", lambda event: url_state.put("find", str(event))),
    )


def toggle(context: AppContext, comparison: Comparison, run_id: str) -> bool:
    """Choose the row that a run is in, or drop it; False where no more may be chosen."""
    row, chosen = comparison.row(run_id), [run.id for run in context.chosen]
    if any(member in chosen for member in row.runs):
        _choose(context, [other for other in chosen if other not in row.runs])
    elif len(chosen) < MAX_CHOSEN:
        _choose(context, [*chosen, row.id])
    else:
        return False
    return True


def _pick(context: AppContext, comparison: Comparison, event: Mapping[str, Any]) -> None:
    if event.get("none"):
        _choose(context, [])
    elif event.get("all"):
        _choose(context, [row.id for row in comparison.rows])
    elif event.get("best"):
        _choose(context, [row.id for row in comparison.rows if row.pool == 0][:MAX_CHOSEN])
    elif str(event.get("id")) in {row.id for row in comparison.rows}:
        toggle(context, comparison, str(event["id"]))


def _about(comparison: Comparison, run_id: str) -> None:
    """Open what a run is."""
    if run_id in {row.id for row in comparison.rows}:
        url_state.put("about", run_id)


def _choose(context: AppContext, ids: Sequence[str]) -> None:
    url_state.put("runs", [run.id for run in context.runs if run.id in ids])


def _on_event(name: str, act: Callable[[Any], None]) -> None:
    event = st.session_state["leaderboard"].get(name)
    if event is not None:
        act(event)


def _columns(comparison: Comparison, shown: Sequence[str]) -> list[dict[str, object]]:
    metric = comparison.metric
    ranked_by = {
        "key": metric.key,
        "title": metric.title,
        "help": f"{metric.help} The bar is its 95 % interval.",
        "kind": "interval",
        "digits": 3,
        "low": metric.higher_is_better is False,
    }
    others = [_column(comparison, key) for key in shown]
    return [{"key": "title", "title": "model", "help": "", "kind": "text"}, ranked_by, *others]


def _column(comparison: Comparison, key: str) -> dict[str, object]:
    """A column of numbers: a metric or a cost."""
    if key in comparison.metrics:
        metric = comparison.metrics[key]
        title, help_text, digits, low = metric.title, metric.help, 3, metric.higher_is_better is False
    else:
        cost = comparison.costs[key]
        title, help_text, digits, low = cost.title, cost.help, cost.digits, not cost.higher_is_better
    return {"kind": "number", "key": key, "title": title, "help": help_text, "digits": digits, "low": low}


def _pools(context: AppContext, comparison: Comparison, shown: Sequence[str]) -> list[dict[str, object]]:
    """Rows by the images they are ranked on, with a title where there is more than one kind."""
    chosen, runs = {run.id for run in context.chosen}, {run.id: run for run in comparison.runs}
    pools: list[dict[str, object]] = []
    for place in [*range(len(comparison.pools)), -1]:
        rows = [row for row in comparison.rows if row.pool == place]
        if rows:
            title = comparison.pools[place].title if place >= 0 else f"No scores on {comparison.split}"
            level = comparison.tied_with_best(place) if place >= 0 and len(rows) > 1 else frozenset()
            lines = [
                _line(context, comparison, row, runs[row.id], shown, chosen, row.id in level and len(level) > 1)
                for row in rows
            ]
            pools.append({"title": title, "domain": interval_ends(rows, comparison.metric.key), "rows": lines})
    if len(pools) == 1:
        pools[0]["title"] = ""
    return pools


def _line(
    context: AppContext,
    comparison: Comparison,
    row: Row,
    run: RunRecord,
    shown: Sequence[str],
    chosen: set[str],
    level: bool,
) -> dict[str, object]:
    key = comparison.metric.key
    interval = row.interval if row.interval is not None and row.interval.low == row.interval.low else None
    name, sub = names(run.title, row)
    values = {column: _finite(row.scores.get(column, row.cost.get(column))) for column in (key, *shown)}
    return {
        "id": row.id,
        "title": name,
        "sub": sub,
        "text": searched_text(run, " ".join([row.title, *row.runs])),
        "color": color_of(context, row),
        "cells": values,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "note": interval_note(interval.low, interval.high) if interval else "",
        "chosen": any(run_id in chosen for run_id in row.runs),
        "level": level,
        "problem": row.problem,
    }


def searched_text(run: RunRecord, title: str) -> str:
    """What the filter looks for its words in, in lower case."""
    return " ".join([title, run.id, run.summary.encoder or "", run.summary.dataset.name]).lower()


def interval_note(low: float, high: float) -> str:
    """The tooltip of a bar."""
    return f"95 % interval: {low:.3f} to {high:.3f}"


def names(model: str, row: Row) -> tuple[str, str]:
    """(model, what distinguishes the row from others of that model)."""
    rest = row.title.removeprefix(model).lstrip(" (,").replace("), ", " · ").removesuffix(")")
    spread = f": {row.mean:.3f} ± {row.spread:.3f}" if row.parts else ""
    return model, rest + spread


def color_of(context: AppContext, row: Row) -> str:
    """The colour of a row: that of its first chosen run."""
    chosen = {run.id for run in context.chosen}
    first = next((run_id for run_id in row.runs if run_id in chosen), None)
    if first is None:
        return context.colors[row.id] if len(row.runs) == 1 else UNCHOSEN
    return context.colors[first]


def interval_ends(rows: Sequence[Row], key: str) -> tuple[float, float]:
    """Ends of the axis that the bars share."""
    values = [value for row in rows if row.interval for value in (row.interval.low, row.interval.high)]
    return common_ends([*values, *(row.scores[key] for row in rows)])


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
