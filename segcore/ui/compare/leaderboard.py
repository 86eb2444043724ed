"""The leaderboard: one line a run or recipe, intervals in the cells, sortable, filtered, rows to choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.components import v2

from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import MAX_CHOSEN, AppContext
from segcore.visual.run_colors import UNCHOSEN
from segcore.visual.whisker import common_ends

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, Cost, Metric, Row

COLUMNS = ("image_miou", "pixel_accuracy", "mean_accuracy", "boundary_iou", "ece", "parameters", "minutes")
MANY = 16  # runs, beyond which scores that have a file of their own are read only when asked for
TIED = "These images show no clear difference from the best."
_HTML = """<div class="board"><div class="bar"><label class="search"><input type="search" placeholder="Filter runs"
aria-label="Filter runs"></label><span class="count"></span><button type="button" class="best"></button>
<button type="button" class="none">none</button></div><div class="scroll"><table><thead></thead></table></div></div>"""


def columns(comparison: Comparison) -> list[str]:
    """Keys of the columns that may stand beside the one ranked by: metrics, then costs."""
    known = [key for key in comparison.metrics if key != comparison.metric.key]
    return [*known, *comparison.costs]


def first_columns(comparison: Comparison) -> list[str]:
    """Those that are shown at first, a latency among them where one was measured."""
    offered = columns(comparison)
    latency = next((key for key in offered if key.endswith("_median")), None)
    wanted = {"miou", *COLUMNS, latency}
    if len(comparison.runs) > MANY:
        wanted -= {key for key, metric in comparison.metrics.items() if metric.file}
    return [key for key in offered if key in wanted]


def title_of(comparison: Comparison, key: str) -> str:
    """What a column is called."""
    named: Mapping[str, Metric | Cost] = {**comparison.metrics, **comparison.costs}
    return named[key].title


def first_sort(comparison: Comparison) -> str:
    """The best first; by name where no value is better than another."""
    if comparison.metric.higher_is_better is None:
        return "title"
    return ("" if comparison.metric.higher_is_better is False else "-") + comparison.metric.key


def draw(view: AppContext, comparison: Comparison, shown: Sequence[str]) -> None:
    """Draw it. Its choices are the sidebar's runs, and `order` and `find` in the link.

    Args:
        view: Which runs are chosen, and their colours.
        comparison: What to show.
        shown: Keys of the columns beside the metric.
    """
    sorts = [sign + key for key in ("title", comparison.metric.key, *shown) for sign in ("", "-")]
    sort = url_state.get("order", first_sort(comparison), sorts)
    find = url_state.get("find", "")
    render = v2.component(
        "segcore.leaderboard",
        html=_HTML,
        css=_source("leaderboard.css"),
        js=_source("leaderboard.js"),
        isolate_styles=True,
    )
    render(
        key="leaderboard",
        data=[  # a list: Streamlit looks for data frames in a dict
            {
                "columns": _columns(comparison, shown),
                "pools": _pools(view, comparison, shown),
                "sort": sort,
                "filter": find,
                "most": MAX_CHOSEN,
                "best": comparison.metric.higher_is_better is not None,
                "levelled": TIED,
            }
        ],
        on_pick_change=lambda: _told("pick", lambda asked: _pick(view, comparison, asked)),
        on_sort_change=lambda: _told("sort", lambda asked: url_state.put("order", str(asked))),
        on_filter_change=lambda: _told("filter", lambda asked: url_state.put("find", str(asked))),
    )


def toggle(view: AppContext, comparison: Comparison, run_id: str) -> bool:
    """Choose the row that a run is in, or drop it; False where no more may be chosen."""
    row, chosen = comparison.row(run_id), [run.id for run in view.chosen]
    if any(each in chosen for each in row.runs):
        _choose(view, [each for each in chosen if each not in row.runs])
    elif len(chosen) < MAX_CHOSEN:
        _choose(view, [*chosen, row.id])
    else:
        return False
    return True


def _pick(view: AppContext, comparison: Comparison, asked: Mapping[str, Any]) -> None:
    if asked.get("none"):
        _choose(view, [])
    elif asked.get("best"):
        _choose(view, [row.id for row in comparison.rows if row.pool == 0][:MAX_CHOSEN])
    elif str(asked.get("id")) in {row.id for row in comparison.rows}:
        toggle(view, comparison, str(asked["id"]))


def _choose(view: AppContext, ids: Sequence[str]) -> None:
    url_state.put("runs", [run.id for run in view.runs if run.id in ids])


def _told(name: str, act: Callable[[Any], None]) -> None:
    asked = st.session_state["leaderboard"].get(name)
    if asked is not None:
        act(asked)


def _columns(comparison: Comparison, shown: Sequence[str]) -> list[dict[str, object]]:
    metric = comparison.metric
    found: list[dict[str, object]] = [
        {"key": "title", "title": "model", "help": "", "kind": "text"},
        {
            "key": metric.key,
            "title": metric.title,
            "help": f"{metric.help} The bar is its 95 % interval.",
            "kind": "interval",
            "digits": 3,
            "low": metric.higher_is_better is False,
        },
    ]
    for key in shown:
        if key in comparison.metrics:
            other = comparison.metrics[key]
            found.append(
                {
                    "key": key,
                    "title": other.title,
                    "help": other.help,
                    "digits": 3,
                    "low": other.higher_is_better is False,
                }
            )
        else:
            cost = comparison.costs[key]
            found.append({"key": key, "title": cost.title, "help": cost.help, "digits": cost.digits, "low": True})
    return [{"kind": "number"} | each for each in found]


def _pools(view: AppContext, comparison: Comparison, shown: Sequence[str]) -> list[dict[str, object]]:
    """Rows by what ranks them; titled where there is more than one kind."""
    chosen = {run.id for run in view.chosen}
    found: list[dict[str, object]] = []
    for place in [*range(len(comparison.pools)), -1]:
        rows = [row for row in comparison.rows if row.pool == place]
        if rows:
            title = comparison.pools[place].title if place >= 0 else f"No scores on {comparison.split}"
            level = comparison.level(place) if place >= 0 and len(rows) > 1 else frozenset()
            lines = [_line(view, comparison, row, shown, chosen, row.id in level and len(level) > 1) for row in rows]
            found.append({"title": title, "domain": interval_ends(rows, comparison.metric.key), "rows": lines})
    if len(found) == 1:
        found[0]["title"] = ""
    return found


def _line(
    view: AppContext, comparison: Comparison, row: Row, shown: Sequence[str], chosen: set[str], level: bool
) -> dict[str, object]:
    key = comparison.metric.key
    interval = row.interval if row.interval is not None and row.interval.low == row.interval.low else None
    name, sub = names(view, row)
    run = next(run for run in comparison.runs if run.id == row.id)
    values = {each: _plain(row.scores.get(each, row.cost.get(each))) for each in (key, *shown)}
    return {
        "id": row.id,
        "title": name,
        "sub": sub,
        "text": " ".join([row.title, *row.runs, run.summary.encoder, run.summary.dataset.name]).lower(),
        "color": color_of(view, row),
        "cells": values,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "note": interval_note(interval.low, interval.high) if interval else "",
        "chosen": any(run_id in chosen for run_id in row.runs),
        "level": level,
        "problem": row.problem,
    }


def interval_note(low: float, high: float) -> str:
    """What a bar says when it is asked."""
    return f"{low:.3f} to {high:.3f} in 95 of 100 draws"


def names(view: AppContext, row: Row) -> tuple[str, str]:
    """(model, what tells it from others of its name)."""
    model = next(run.title for run in view.runs if run.id == row.id)
    rest = row.title.removeprefix(model).lstrip(" (,").replace("), ", " · ").removesuffix(")")
    spread = f" ± {row.spread:.3f}" if row.spread == row.spread else ""
    return model, rest + spread


def color_of(view: AppContext, row: Row) -> str:
    """That of its first chosen run."""
    chosen = {run.id for run in view.chosen}
    first = next((run_id for run_id in row.runs if run_id in chosen), None)
    if first is None:
        return view.colors[row.id] if len(row.runs) == 1 else UNCHOSEN
    return view.colors[first]


def interval_ends(rows: Sequence[Row], key: str) -> tuple[float, float]:
    """Ends of the axis that the bars share."""
    values = [value for row in rows if row.interval for value in (row.interval.low, row.interval.high)]
    return common_ends([*values, *(row.scores[key] for row in rows)])


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _source(name: str) -> str:
    return (files("segcore.ui.widgets.components") / name).read_text(encoding="utf-8")
