"""Draws runs against each other: classes, quality and cost, confusion, pairs, calibration; see `charts`.

A *model* in a table is one line of the leaderboard: a run, or all runs of a recipe. Channels are written out
(`x2=alt.X2("high:Q")`): Altair takes 5 ms for each that is a string.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from segcore.arrays import I64
from segcore.labels import LabelMap
from segcore.visual.chart_label_placement import place_names
from segcore.visual.charts import GRID, NAME_AXIS, name_axis, run_color, run_shape, tooltips
from segcore.visual.vega_lite import Layers

CELL = 20  # px, height of a row of a matrix
PRINTED_CELL = 14  # px, of one that is printed
SEEN = 0.0005  # share from which on a cell of a printed matrix is drawn
NUMBERED = 15  # classes of a printed confusion matrix that has numbers
BETTER, WORSE = "#3d7fd6", "#d9763a"  # of the row against the column, and the other way round
BETTER_ON_DARK, WORSE_ON_DARK = "#7db0ff", "#ff9d61"  # what fades to black must begin brighter
QUIET = "#8c8c8c"  # dots of models that are not chosen
LOG_FROM = 20.0  # times the least cost that the greatest must be, for a logarithmic axis
NAMED = 24  # models whose matrix has room for numbers
SHARE = ".1%"


def per_class(table: pd.DataFrame, colors: Mapping[str, str], *, title: str = "IoU", printed: bool = False) -> Layers:
    """Draw one row a class, a dot with its interval a model; classes in which models differ most come first.

    Args:
        table: Columns `class, run, value, low, high` (NaN where a class is absent, or there is no interval).
        colors: Model -> hex.
        title: Title of the x axis.
        printed: With a legend, and markers that tell models apart in grey.
    """
    data = table.dropna(subset=["value"]).assign(low=lambda all_: all_["low"].fillna(all_["value"]))
    data["high"] = data["high"].fillna(data["value"])
    models = len(colors)
    order = by_spread(data)
    y = alt.Y(
        "class:N",
        sort=order,
        title=None,
        scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
        axis=name_axis(160, 6),
    )
    beside = alt.YOffset("run:N", sort=list(colors), scale=alt.Scale(paddingOuter=0.3 if models > 1 else 0.5))
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(orient="top", gridOpacity=GRID, format="~r", tickCount=6)
    base = alt.Chart(data).encode(y=y, yOffset=beside, color=run_color(colors, printed=printed))
    spans = base.mark_rule(strokeWidth=3, opacity=0.4, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale, title=title, axis=axis), x2=alt.X2("high:Q")
    )
    dots = _dots(base, colors, printed).encode(
        x=alt.X("value:Q", scale=scale, title=title, axis=axis),
        tooltip=tooltips(
            "class:N", ("run:N", "model"), ("value:Q", title, ".3f"), ("low:Q", "from", ".3f"), ("high:Q", "to", ".3f")
        ),
    )
    return Layers((spans, dots), class_step(models))


def class_step(models: int, most: float = math.inf) -> alt.Step:
    """Height of a class in px, with room for its models; at most `most`."""
    return alt.Step(min(max(22, 9 * models + 5), most), **{"for": "position"})


def _dots(base: alt.Chart, colors: Mapping[str, str], printed: bool) -> alt.Chart:
    """Circles, or in print a marker for each model."""
    if not printed:
        return base.mark_circle(size=62, opacity=1)
    return base.mark_point(size=62, opacity=1, filled=True, strokeWidth=0).encode(shape=run_shape(colors))


def model_scores(table: pd.DataFrame, colors: Mapping[str, str], *, title: str) -> Layers:
    """Draw one row a model, the best first: its score with its interval.

    Args:
        table: Columns `run, value, low, high` (NaN where there is no interval), in the order of the rows.
        colors: Model -> hex.
        title: Title of the x axis.
    """
    data = table.dropna(subset=["value"])
    y = alt.Y("run:N", sort=list(data["run"]), title=None, axis=name_axis(200, 6))
    axis = alt.Axis(gridOpacity=GRID, format="~r", tickCount=5)
    x = alt.X("value:Q", scale=alt.Scale(zero=False, padding=12), title=title, axis=axis)
    tips = tooltips(("run:N", "model"), ("value:Q", title, ".3f"), ("low:Q", "from", ".3f"), ("high:Q", "to", ".3f"))
    base = alt.Chart(data).encode(y=y, color=run_color(colors))
    spans = base.mark_rule(strokeWidth=3, opacity=0.4, strokeCap="round").transform_filter("isValid(datum.low)")
    dots = base.mark_circle(size=90, opacity=1).encode(x=x, tooltip=tips)
    return Layers((spans.encode(x=alt.X("low:Q", title=title, axis=axis), x2=alt.X2("high:Q")), dots), alt.Step(26))


def by_spread(table: pd.DataFrame) -> list[str]:
    """Order classes: those in which models differ most first, then the hardest. Columns `class, value`."""
    grouped = table.groupby("class")["value"]
    spread, middle = grouped.max() - grouped.min(), grouped.mean()
    return sorted(spread.index, key=lambda name: (-round(float(spread[name]), 6), float(middle[name])))


def front(table: pd.DataFrame, *, least: bool, higher: bool = True) -> pd.Series:
    """Mark the rows that no other row beats in both `x` and `y`.

    Args:
        table: Columns `x` and `y`.
        least: A smaller x is better, as of costs.
        higher: A higher y is better.
    """
    x = table["x"].to_numpy() * (1 if least else -1)
    y = table["y"].to_numpy() * (1 if higher else -1)
    beaten = [bool((((x <= a) & (y > b)) | ((x < a) & (y >= b))).any()) for a, b in zip(x, y, strict=True)]
    return ~pd.Series(beaten, index=table.index, dtype=bool)


def trade_off(
    table: pd.DataFrame,
    colors: Mapping[str, str],
    *,
    x_title: str,
    y_title: str,
    higher: bool | None = True,
    more: bool = False,
    points: str = "pick",
) -> Layers:
    """Draw quality against cost: a dot a model, chosen ones named with their interval, unbeaten ones joined.

    Args:
        table: Columns `id, run, x, y, low, high, chosen`.
        colors: Chosen model -> hex; the others are grey.
        x_title: Title of the cost.
        y_title: Title of the quality.
        higher: A higher y is better; None where neither is, and nothing is joined.
        more: A higher x is better, as of a speed.
        points: Name of the selection of a clicked dot.
    """
    data = table.dropna(subset=["x", "y"])
    chosen = data["chosen"].astype(bool)
    data = data.assign(color=data["run"].map(colors).where(chosen, QUIET), size=np.where(chosen, 130, 55))
    least, most = (float(data["x"].min()), float(data["x"].max())) if len(data) else (0.0, 1.0)
    log = least > 0 and most / least >= LOG_FROM
    room = 0.12 * max(most - least, 0.2 * most, 1e-9)
    domain = [least / 1.35, most * 1.9] if log else [max(0.0, least - room), most + 2.2 * room]
    data = data.join(place_names(data, domain, log=log))
    x = alt.X(
        "x:Q",
        title=x_title,
        scale=alt.Scale(type="log" if log else "linear", domain=domain, nice=False),
        axis=alt.Axis(grid=False, format="~r", labelFlush=False),
    )
    y_axis = alt.Axis(gridOpacity=GRID, format="~r")
    y = alt.Y("y:Q", title=y_title, scale=alt.Scale(zero=False, padding=18), axis=y_axis)
    picked = alt.selection_point(name=points, fields=["id"], on="click", empty=False)
    base = alt.Chart(data).encode(x=x)
    best = data[:0] if higher is None else data[front(data, least=not more, higher=higher)].sort_values("x")
    line = (
        alt.Chart(best)
        .mark_line(
            interpolate="step-before" if more else "step-after",
            color="gray",
            strokeWidth=1.5,
            strokeDash=[4, 4],
            opacity=0.7,
        )
        .encode(x=x, y=y)
    )
    # Colours and sizes as columns: Altair takes 10 ms for each of its conditions.
    color = alt.Color("color:N", scale=None)
    spans = base.transform_filter("datum.chosen && isValid(datum.low)").mark_rule(strokeWidth=3, opacity=0.4)
    dots = base.mark_circle(opacity=1, stroke="white", strokeWidth=0).encode(
        y=y,
        color=color,
        size=alt.Size("size:Q", scale=None),
        tooltip=tooltips(("run:N", "model"), ("x:Q", x_title, ".3~g"), ("y:Q", y_title, ".3f")),
    )
    named = alt.Chart(data[data["named"]]).encode(x=x)
    texts = named.mark_text(
        align=alt.expr("datum.flip ? 'right' : 'left'"),
        dx=alt.expr("datum.flip ? -9 : 9"),
        dy=alt.expr("datum.below ? 12 : -9"),
        limit=170,
        color="gray",
    )
    layers = (
        line,
        spans.encode(y=alt.Y("low:Q", title=y_title, axis=y_axis), y2=alt.Y2("high:Q"), color=color),
        texts.encode(y=y, text=alt.Text("run:N")),
        dots.add_params(picked),
    )
    return Layers(layers, 340)


def confusion(
    counts: I64, labels: LabelMap, *, hue: str, dark: bool = False, printed: bool = False
) -> alt.Chart | alt.LayerChart:
    """Draw what each true class was taken for, in shares of its pixels; classes that occur nowhere are left out.

    Args:
        counts: `[C, C]`, rows = truth.
        labels: Names.
        hue: Hex of a share of 1.
        dark: The page is dark: stronger is brighter there, and `hue` is lightened so that small shares can be seen.
        printed: For a narrow figure that nobody points at: square cells, no empty ones, names that stand upright, and
            the shares in percent where there are few classes.
    """
    true, kept = _occurring(counts)
    rows = [
        {
            "truth": labels.names[truth],
            "prediction": labels.names[guess],
            "pixels": int(counts[truth, guess]),
            "share": float(counts[truth, guess] / counts[truth].sum()),
        }
        for truth in true
        for guess in kept
    ]
    # The eye tells dark colours from black less well than pale ones from white.
    strength = alt.Scale(type="pow", exponent=0.4 if dark else 0.5, domain=[0, 1], range=[0.07 if dark else 0.04, 1])
    table = pd.DataFrame(rows, columns=["truth", "prediction", "pixels", "share"])
    base = _cells(table[table["share"] >= SEEN] if printed else table, labels, kept, printed)
    cells = base.encode(
        # Opacity over the page's own background: light and dark themes both read as "more is stronger".
        opacity=alt.Opacity("share:Q", scale=strength, legend=None),
        color=alt.value(_lighter(hue) if dark else hue),
        tooltip=tooltips("truth:N", ("prediction:N", "taken for"), ("share:Q", "", SHARE), ("pixels:Q", "", ",")),
    )
    if not printed or len(kept) > NUMBERED:
        return cells
    room = alt.ExprRef(f"min(11, width / {2.4 * len(kept):.1f})")  # three digits in a cell
    percent = base.transform_calculate(percent="round(100 * datum.share)").transform_filter("datum.percent >= 1")
    ink = alt.condition("datum.share >= 0.3", alt.value("#ffffff"), alt.value("#1d1d1f"))
    numbers = percent.mark_text(fontSize=room, aria=False).encode(text="percent:Q", color=ink)
    return cells + numbers


def confusion_difference(
    one: I64, other: I64, labels: LabelMap, *, names: tuple[str, str], dark: bool = False, printed: bool = False
) -> alt.Chart:
    """Draw where one model does better than another: blue where the first is more often right or less often wrong.

    A cell is as strong as the difference of the two shares of the true class's pixels; no difference is no colour.

    Args:
        one: `[C, C]` counts of the first, rows = truth.
        other: `[C, C]` counts of the second, on the same images.
        labels: Names of the classes.
        names: Names of the two models.
        dark: The page is dark.
        printed: As in `confusion`.
    """
    better, worse = (BETTER_ON_DARK, WORSE_ON_DARK) if dark else (BETTER, WORSE)
    true, kept = _occurring(one + other)
    shares = [counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (one, other)]
    rows = []
    for truth in true:
        for guess in kept:
            first, second = (float(share[truth, guess]) for share in shares)
            gain = (first - second) * (1 if truth == guess else -1)
            rows.append(
                {
                    "truth": labels.names[truth],
                    "prediction": labels.names[guess],
                    "one": first,
                    "other": second,
                    "difference": 100 * (first - second),
                    "gain": gain,
                    "size": abs(gain),
                    "color": better if gain > 0 else worse,
                }
            )
    columns = ["truth", "prediction", "one", "other", "difference", "gain", "size", "color"]
    table = pd.DataFrame(rows, columns=columns)
    by_model = ("one:Q", names[0], SHARE), ("other:Q", names[1], SHARE), ("difference:Q", "difference, points", "+.1f")
    most = max(0.02, float(table["size"].max()) if len(table) else 0.0)  # 2 points: smaller ones stay faint
    return _cells(table[table["size"] >= SEEN] if printed else table, labels, kept, printed).encode(
        opacity=alt.Opacity("size:Q", scale=alt.Scale(type="sqrt", domain=[0, most], range=[0, 1]), legend=None),
        color=alt.Color("color:N", scale=None),
        tooltip=tooltips("truth:N", ("prediction:N", "taken for"), *by_model),
    )


def _lighter(color: str) -> str:
    """Half way to white."""
    return "#" + "".join(f"{(int(color[at : at + 2], 16) + 255) // 2:02x}" for at in (1, 3, 5))


def _occurring(counts: I64) -> tuple[list[int], list[int]]:
    """(true classes, those and the ones that were only ever predicted last, so that the diagonal stays one)."""
    true = [int(index) for index in np.flatnonzero(counts.sum(axis=1))]
    return true, true + [int(index) for index in np.flatnonzero(counts.sum(axis=0)) if index not in true]


def _cells(table: pd.DataFrame, labels: LabelMap, kept: Sequence[int], printed: bool) -> alt.Chart:
    names = [labels.names[index] for index in kept]
    scale = alt.Scale(paddingInner=0.08, domain=names) if printed else alt.Scale(paddingInner=0.08)
    return (
        alt.Chart(table)
        .mark_rect(cornerRadius=0 if printed else 2)
        .encode(
            x=alt.X("prediction:N", sort=names, title="taken for", axis=_names(-90 if printed else -50), scale=scale),
            y=alt.Y("truth:N", sort=names, title="truth", axis=_names(0), scale=scale),
        )
        .properties(height=alt.Step(PRINTED_CELL if printed else CELL))
    )


def square_cells(counts: I64, width: int = 605) -> alt.Step:
    """Height of the rows of a printed confusion matrix of `width` px (A4's text) that makes its cells about square."""
    columns = len(_occurring(counts)[1])
    return alt.Step(min(30, max(PRINTED_CELL, round((width - 140) / max(1, columns)))))


def confusion_width(counts: I64) -> int:
    """Width in px at which the cells of the confusion matrix are about twice as wide as high."""
    return 170 + 2 * CELL * max(3, int(np.count_nonzero(counts.sum(axis=0) + counts.sum(axis=1))))


def significance(table: pd.DataFrame, order: Sequence[str], *, dark: bool = False) -> Layers:
    """Draw every model against every other one: blue where the row is better, orange where worse, grey where level.

    Args:
        table: Columns `row, column, points` (of difference), `verdict` (better, worse, level, unknown), `says`.
        order: Models, best first.
        dark: The page is dark.
    """
    most = max(0.5, float(table["points"].abs().max())) if len(table) else 1.0
    judged = table["verdict"].isin(["better", "worse"])
    strong = dark | (table["points"].abs() >= most / 2)  # behind it, more colour than page
    ink = np.where(judged, np.where(strong, "white", "#333333"), "gray")
    fill = table["verdict"].map({"better": BETTER, "worse": WORSE, "level": QUIET, "unknown": "transparent"})
    base = alt.Chart(table.assign(ink=ink, fill=fill)).encode(
        x=alt.X("column:N", sort=list(order), title=None, axis=_names(-50, top=True), scale=alt.Scale(padding=0.06)),
        y=alt.Y("row:N", sort=list(order), title=None, axis=_names(0), scale=alt.Scale(padding=0.06)),
        tooltip=[alt.Tooltip("says:N", title=" ")],
    )
    cells = base.transform_calculate(
        size="datum.verdict == 'better' || datum.verdict == 'worse' ? abs(datum.points) : 0"
    ).mark_rect(cornerRadius=2)
    strength = alt.Opacity("size:Q", scale=alt.Scale(type="sqrt", domain=[0, most], range=[0.1, 0.9]), legend=None)
    shown = cells.encode(color=alt.Color("fill:N", scale=None), opacity=strength)
    height = alt.Step(26 if len(order) <= NAMED // 2 else 18)
    heading = alt.TitleParams("Row minus column, in points", anchor="start", fontSize=13, fontWeight="normal")
    if len(order) > NAMED // 2:
        return Layers((shown,), height, heading)
    texts = base.mark_text(fontSize=11).encode(
        text=alt.Text("points:Q", format="+.1f"), color=alt.Color("ink:N", scale=None)
    )
    return Layers((shown, texts), height, heading)


def reliability(table: pd.DataFrame, colors: Mapping[str, str], *, printed: bool = False) -> Layers:
    """Draw the reliability of models: accuracy against confidence, equal on the dashed line.

    Args:
        table: Columns `run, confidence, accuracy, share` (of the scored pixels), one row a bin that has pixels.
        colors: Model -> hex.
        printed: With a legend, and markers that tell models apart in grey.
    """
    of_all = ("share:Q", "of all pixels", SHARE)
    ideal = alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})).mark_line(
        color="gray", strokeWidth=1, strokeDash=[4, 4], opacity=0.7
    )
    scale = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(table).encode(
        x=alt.X("confidence:Q", title="confidence", scale=scale, axis=alt.Axis(grid=False, format="~r")),
        y=alt.Y("accuracy:Q", title="share that is right", scale=scale, axis=alt.Axis(gridOpacity=GRID, format="~r")),
        color=run_color(colors, printed=printed),
    )
    dots = _dots(base, colors, printed).encode(
        size=alt.Size("share:Q", scale=alt.Scale(range=[15, 260], domain=[0, 1]), legend=None),
        tooltip=tooltips(("run:N", "model"), ("confidence:Q", "", ".3f"), ("accuracy:Q", "right", ".3f"), of_all),
    )
    return Layers((ideal.encode(x=alt.X("x:Q"), y=alt.Y("y:Q")), base.mark_line(strokeWidth=1.5), dots), 300)


def _names(angle: int, *, top: bool = False) -> alt.Axis:
    orient: dict[str, Any] = {"orient": "top"} if top else {}
    return alt.Axis(**NAME_AXIS, grid=False, labelLimit=150, labelOverlap=False, labelAngle=angle, **orient)
