"""Draws a search from its trials (`SearchRecord.trials`), with the searched settings as axes; see `charts`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from segcore.visual.charts import GRID, name_axis, tooltips
from segcore.visual.search_axes import ROOM, Setting, round_ticks, wider, words

ACCENT, QUIET, WRONG = "#4c86d9", "#8d939e", "#d0544f"
# From a low value to a high one. All of middle lightness, so that none sinks into a white or a black page.
RAMP = ("#8a93a3", "#4c86d9", "#35a07f", "#b99a22", "#e0863b")
# state -> (shape, colour, filled)
MARKS = {
    "complete": ("circle", ACCENT, True),
    "pruned": ("triangle-down", QUIET, False),
    "running": ("circle", ACCENT, False),
    "failed": ("cross", WRONG, True),
}
_TITLE: dict[str, Any] = {"anchor": "start", "fontSize": 13, "fontWeight": "normal", "offset": 8}
MANY = 80  # trials, from which on marks are smaller and fainter
LEAST_SPAN = 0.02  # of a score's axis: less would make a mountain of a thousandth
_NARROW, _LETTER, _LABEL_GAP = 150, 5.5, 8  # px: a chart's width beside three others, a letter, between labels
_LINE, _EMPTY_LINE = 13, "\N{ZERO WIDTH SPACE}"  # px of a row of labels; browsers skip lines without a letter
_BAND = 0.5  # of a choice's share of its axis, over which the trials that took it fan out


def result(value: float, spread: float) -> str:
    """`0.512 ± 0.021`, without the spread where there is one fold, and a dash where there is none.

    >>> result(0.5123, 0.0211), result(0.5, float("nan")), result(float("nan"), float("nan"))
    ('0.512 ± 0.021', '0.500', '–')
    """
    if value != value:
        return "–"
    return f"{value:.3f}" if spread != spread else f"{value:.3f} ± {spread:.3f}"


def trial_history(trials: pd.DataFrame, settings: Sequence[Setting], *, title: str) -> alt.LayerChart | alt.FacetChart:
    """Each trial's value with its spread, and the best so far as a step line; states differ in shape and colour.

    Trials without a score stand below the others, where a word says so.

    Args:
        trials: Columns `number, state, value, spread` and the settings.
        settings: The settings that a tooltip lists.
        title: Title of the y axis.
    """
    data = _named(trials, settings)
    value, spread = data["value"], data["spread"].fillna(0)
    low, high = _bounds(pd.concat([value - spread, value + spread]))
    data["low"], data["high"] = value - spread, value + spread
    without = bool(value.isna().any())
    strip = low - 0.1 * (high - low)
    data["y"] = value.fillna(strip)
    complete = data[data["state"] == "complete"].sort_values("number")
    best = pd.DataFrame({"number": complete["number"], "best": complete["value"].cummax()})
    if len(best):  # to the last trial, whatever became of it
        last = pd.DataFrame({"number": [data["number"].max()], "best": [best["best"].max()]})
        best = pd.concat([best, last], ignore_index=True)
    x = alt.X(
        "number:Q",
        title="trial",
        scale=alt.Scale(domain=[-0.6, float(data["number"].max()) + 0.6], nice=False),
        axis=alt.Axis(grid=False, format="d", tickMinStep=1, labelBound=False, labelFlush=False),
    )
    ticks = round_ticks(low, high, whole=False, most=7)
    y_axis = alt.Axis(gridOpacity=GRID, labelBound=False, labelFlush=False, values=ticks)
    floor = strip - 0.05 * (high - low) if without else low
    scale = alt.Scale(domain=[floor, high], nice=False, zero=False, clamp=True)
    y = alt.Y("y:Q", title=None, scale=scale, axis=y_axis)
    present = [state for state in MARKS if (data["state"] == state).any()]
    shapes, strokes = ([MARKS[state][place] for state in present] for place in (0, 1))
    fills = [MARKS[state][1] if MARKS[state][2] else "transparent" for state in present]
    legend = (
        alt.Legend(orient="top", title=None, offset=2, symbolSize=60, symbolStrokeWidth=1.6)
        if present != ["complete"]
        else None
    )
    steps = (
        alt.Chart(best)
        .mark_line(interpolate="step-after", strokeWidth=1.5, color=ACCENT, opacity=0.55)
        .encode(x=x, y=alt.Y("best:Q", title=None, scale=scale, axis=y_axis))
    )
    spreads = (
        alt.Chart(data[data["spread"].notna() & value.notna()])
        .mark_rule(strokeWidth=2 if len(data) <= MANY else 1, color=ACCENT)
        .encode(
            x=x,
            y=alt.Y("low:Q", title=None, scale=scale, axis=y_axis),
            y2="high:Q",
            opacity=alt.condition(alt.datum.state == "complete", alt.value(0.5), alt.value(0.25)),
        )
    )
    points = (
        alt.Chart(data[data["state"].isin(present)])
        .mark_point(size=55 if len(data) <= MANY else 26, strokeWidth=1.6, opacity=1)
        .encode(
            x=x,
            y=y,
            tooltip=_tips(settings),
            shape=alt.Shape("state:N", scale=alt.Scale(domain=present, range=shapes), legend=legend),
            stroke=alt.Stroke("state:N", scale=alt.Scale(domain=present, range=strokes), legend=legend),
            fill=alt.Fill("state:N", scale=alt.Scale(domain=present, range=fills), legend=legend),
        )
    )
    layers = [spreads, steps, points, _best_mark(data, x, y)]
    if without:
        word = alt.Chart(pd.DataFrame({"y": [strip], "text": ["no score"]}))
        layers.append(
            word.mark_text(align="right", dx=-8, color="gray", fontSize=10).encode(x=alt.value(0), y=y, text="text:N")
        )
    return alt.layer(*layers).properties(height=330, title=alt.TitleParams(title, **_TITLE))


def importance(shares: Mapping[str, float]) -> alt.LayerChart | alt.FacetChart:
    """Draw the share of the differences that each setting explains, as bars with percentages, largest first."""
    data = pd.DataFrame({"setting": list(shares), "share": list(shares.values())}).sort_values("share", ascending=False)
    data["text"] = [f"{share:.0%}" for share in data["share"]]
    base = alt.Chart(data).encode(
        y=alt.Y("setting:N", sort=list(data["setting"]), title=None, axis=name_axis(190, 4)),
        x=alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1.12 * max(0.1, float(data["share"].max()))])),
        tooltip=tooltips("setting:N", ("share:Q", "", ".1%")),
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=2, color=ACCENT)
    return alt.layer(bars, base.mark_text(align="left", dx=6, color="gray").encode(text="text:N")).properties(
        height=20 + 28 * len(data)
    )


def parallel(
    trials: pd.DataFrame, settings: Sequence[Setting], *, title: str, picked: str = "picked"
) -> alt.LayerChart | alt.FacetChart:
    """One axis a setting and one for the value, a line a trial, coloured by its value; pruned ones faint and dotted.

    Hover names a trial; a click picks it, and with shift several. Trials that took the same choice fan out at it, best
    on top.

    Args:
        trials: Columns `number, state, value, spread` and the settings. Lines of trials that were pruned before they
            had a value end early; other states are left out.
        settings: The axes, in this order.
        title: Title of the value's axis, the last.
        picked: Name of the selection, of fields `number`.
    """
    shown = (trials["state"] == "pruned") | ((trials["state"] == "complete") & trials["value"].notna())
    data = _named(trials[shown], settings)
    # The best is drawn last, over the others.
    data = data.sort_values(["state", "value"], ascending=[False, True], ignore_index=True)
    complete = data.loc[data["state"] == "complete", "value"]
    # Of the colours: a few trials that learned nothing should not make all others alike.
    upper = complete.clip(lower=float(complete.quantile(0.1))) if len(complete) else data["value"]
    shade = _bounds(upper, room=0, least=1e-6)
    data["shade"] = data["value"].fillna(shade[0])
    # Where there are many, only the best stand out.
    crowd = len(data) / MANY
    faintest = 0.08 + 0.2 * min(1, 1 / crowd)
    data["strength"] = faintest + (0.95 - faintest) * data["value"].rank(pct=True) ** (1 + crowd)
    data.loc[data["state"] == "pruned", "strength"] = 0.8 * faintest
    value = Setting(title, *_bounds(data["value"]))
    names, parts, marks = [*(setting.name for setting in settings), title], [], []
    for setting in (*settings, value):
        numbers = data["value"] if setting is value else setting.numbers(data[setting.column])
        places = setting.places(numbers)
        if setting.choices:
            alike = data.groupby(numbers)["value"]
            rank = (alike.rank(method="first", na_option="top") - 0.5) / alike.transform("size") - 0.5
            places = places + _BAND * rank / len(setting.choices)
        parts.append(data.assign(axis=setting.name, place=places))
        at = setting.places(pd.Series(setting.ticks, dtype=float))
        marks += [
            {"axis": setting.name, "place": place, "text": _cut(setting.label(tick))}
            for tick, place in zip(setting.ticks, at, strict=True)
        ]
    lines = pd.concat(parts, ignore_index=True).dropna(subset=["place"]).drop(columns=_params(settings))
    x = alt.X(
        "axis:N",
        sort=names,
        title=None,
        scale=alt.Scale(type="point", padding=0.35),
        axis=alt.Axis(
            orient="top",
            domain=False,
            ticks=False,
            grid=False,
            labelAngle=0,
            labelLimit=150,
            labelPadding=12,
            labelOverlap=False,
        ),
    )
    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    hover = alt.selection_point(fields=["number"], on="pointerover", clear="pointerout", empty=False)
    pick = alt.selection_point(name=picked, fields=["number"], on="click", toggle="event.shiftKey")
    color = alt.Color(
        "shade:Q",
        scale=alt.Scale(range=list(RAMP), domain=list(np.linspace(*shade, len(RAMP))), interpolate="rgb", clamp=True),
        legend=None,
    )
    axes = alt.Chart(pd.DataFrame({"axis": names})).mark_rule(color="gray", opacity=0.45).encode(x=x)
    base = alt.Chart(lines).encode(x=x, y=y, detail="number:N")
    dash = alt.StrokeDash(
        "state:N", scale=alt.Scale(domain=["complete", "pruned"], range=[[1, 0], [2, 3]]), legend=None
    )
    drawn = base.mark_line(strokeJoin="round", strokeWidth=1.8).encode(
        strokeDash=dash,
        color=color,
        opacity=alt.condition(pick, alt.Opacity("strength:Q", scale=None), alt.value(0.06)),
    )
    lit = base.mark_line(strokeJoin="round", strokeWidth=4).encode(color=color).transform_filter(hover)
    # Wide and unseen: a line of two pixels is hard to hit.
    hit = base.mark_line(strokeWidth=11, opacity=0).encode(tooltip=_tips(settings)).add_params(hover, pick)
    labels = alt.Chart(pd.DataFrame(marks)).encode(x=x, y=y)
    ticks = labels.mark_tick(orient="horizontal", size=7, thickness=1, color="gray", opacity=0.6)
    texts = labels.mark_text(align="right", dx=-8, color="gray", fontSize=11).encode(text="text:N")
    # Lines run behind the numbers. The page's own background is known where the chart is shown, as a signal of Vega's.
    paper = alt.ExprRef("background")
    halo = texts.mark_text(align="right", dx=-8, fontSize=11, color=paper, stroke=paper, strokeWidth=5, opacity=0.85)
    return alt.layer(axes, drawn, lit, ticks, halo, texts, hit).properties(height=360)


def slice_of(trials: pd.DataFrame, setting: Setting, settings: Sequence[Setting]) -> alt.LayerChart | alt.FacetChart:
    """Value against one setting; pruned trials hollow, the best marked. All settings' charts have the same y axis.

    Args:
        trials: Columns `number, state, value, spread` and the settings; those without a value are left out.
        setting: The x axis.
        settings: The settings that a tooltip lists.
    """
    data = _named(trials[trials["state"].isin(["complete", "pruned"]) & trials["value"].notna()], settings)
    data["x"] = setting.numbers(data[setting.column])
    data = data.dropna(subset=["x"]).drop(columns=_params(settings))
    if setting.choices:
        # Side by side where they took the same choice; the golden ratio spreads neighbouring numbers far apart.
        data["x"] += 0.5 * ((data["number"] * 0.618034) % 1 - 0.5)
        domain = [-0.5, len(setting.choices) - 0.5]
        lines = staggered([_cut(choice) for choice in setting.choices])
        more = _LINE * (max(map(len, lines)) - 1)
        expression = f"{json.dumps(lines)}[datum.value]"
        axis = alt.Axis(values=setting.ticks, labelExpr=expression, labelLimit=150, labelOverlap=False)
    else:
        domain, more = list(wider(setting)), 0
        # As `Setting.label`; Vega's own formats write 20 as 2e+1.
        small = "datum.value > 0 && datum.value < 1e-4"
        axis = alt.Axis(
            values=setting.ticks, labelExpr=f"{small} ? format(datum.value, '~e') : format(datum.value, '~r')"
        )
    axis.grid, axis.labelAngle, axis.labelBound, axis.labelFlush = False, 0, False, False
    scale = alt.Scale(type="log" if setting.log else "linear", domain=domain, nice=False)
    x = alt.X("x:Q", title=None, axis=axis, scale=scale)
    scale = alt.Scale(domain=list(_bounds(data["value"])), nice=False, zero=False)
    y = alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(gridOpacity=GRID, tickCount=4))
    states = ["complete", "pruned"]
    shapes = [MARKS[state][0] for state in states]
    data["filled"] = np.where(data["state"] == "complete", ACCENT, "transparent")
    data["edge"] = np.where(data["state"] == "complete", ACCENT, QUIET)
    points = (
        alt.Chart(data)
        .mark_point(size=42 if len(data) <= MANY else 22, strokeWidth=1.3, opacity=0.85 if len(data) <= MANY else 0.6)
        .encode(
            x=x,
            y=y,
            fill=alt.Fill("filled:N", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            shape=alt.Shape("state:N", scale=alt.Scale(domain=states, range=shapes), legend=None),
            tooltip=_tips(settings),
        )
    )
    return alt.layer(points, _best_mark(data, x, y)).properties(
        height=170 + more, title=alt.TitleParams(setting.name, **_TITLE)
    )


def _best_mark(data: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    complete = data[(data["state"] == "complete") & data["value"].notna()]
    best = complete.nlargest(1, "value")
    mark = alt.Chart(best).mark_point(shape="diamond", size=210, filled=True, color=RAMP[-1], opacity=1, strokeWidth=0)
    return mark.encode(x=x, y=y, tooltip=alt.Undefined)


def _named(trials: pd.DataFrame, settings: Sequence[Setting]) -> pd.DataFrame:
    """The trials with their settings as words in `p0, p1 ...`, for tooltips: a dot in a field's name means a part."""
    data = trials[["number", "state", "value", "spread", *_params(settings)]].copy()
    data["result"] = [result(value, spread) for value, spread in zip(data["value"], data["spread"], strict=True)]
    for index, setting in enumerate(settings):
        data[f"p{index}"] = [words(value) for value in trials[setting.column]]
    return data


def _params(settings: Sequence[Setting]) -> list[str]:
    return [setting.column for setting in settings]


def _tips(settings: Sequence[Setting]) -> list[alt.Tooltip]:
    parameters = [(f"p{index}:N", setting.name) for index, setting in enumerate(settings)]
    return tooltips(("number:Q", "trial", "d"), "state:N", ("result:N", "score"), *parameters)


def _bounds(values: pd.Series, room: float = ROOM, least: float = LEAST_SPAN) -> tuple[float, float]:
    """(low, high) around values, at least so far apart."""
    values = values[np.isfinite(values)]
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    span = max(high - low, least)
    middle = (low + high) / 2
    half = (0.5 + room) * span
    return middle - half, middle + half


def staggered(labels: Sequence[str]) -> list[list[str]]:
    """The lines of each label on an axis, in as many rows in turn as all labels of a narrow chart need.

    >>> [len(lines) for lines in staggered(["unet", "fcn8s", "pspnet", "deeplabv3plus"])]
    [1, 2, 3, 1]
    """
    width = len(labels) * (_LETTER * max(map(len, labels)) + _LABEL_GAP)
    rows = max(1, min(len(labels), math.ceil(width / _NARROW)))
    return [[_EMPTY_LINE] * (index % rows) + [label] for index, label in enumerate(labels)]


def _cut(text: str, most: int = 18) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
