"""Draws curves, class balance and image sizes in Altair; fonts and grid colours come from where charts are shown.

Every function takes tidy tables and `colors` (name of a run -> hex), so that a run has one colour in every chart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from segcore.labels import LabelMap
from segcore.visual.vega_lite import Layers

GRID = 0.35  # opacity of grid lines: the data is the loud thing
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
TICKS = 5  # a number: by default it follows the height, which is known after room is made for the labels
FLAT = 1000  # times the lowest value: a curve that reaches it draws the others flat
DECADES = 4  # of a logarithmic axis
MARKERS = 10  # along a printed curve, to tell it from others where colours can't be seen
PRINTED_LEGEND: dict[str, Any] = {"title": None, "orient": "bottom", "direction": "horizontal", "offset": 6}
_LETTER, _SYMBOL = 6.9, 28  # px of a letter of a printed legend, where fonts are wide, and of a symbol with its space
_EPOCHS = 10  # that are labelled
NAME_AXIS: dict[str, Any] = {"ticks": False, "domain": False, "labelBound": False, "labelFlush": False}


def printed_legend(names: Iterable[str]) -> dict[str, Any]:
    """Make the settings of a legend below a printed chart, in as many columns as its width has room for."""
    widths = [_LETTER * len(name) + _SYMBOL for name in names]
    columns = f"width >= {sum(widths):.0f} ? {len(widths)} : max(1, floor(width / {max(widths):.0f}))"
    return PRINTED_LEGEND | {"columns": alt.ExprRef(columns)}


def run_scale(colors: Mapping[str, str]) -> alt.Scale:
    """Make the scale that gives each run, or each class, its colour."""
    return alt.Scale(domain=list(colors), range=list(colors.values()))


def run_color(colors: Mapping[str, str], *, printed: bool = False) -> alt.Color:
    """Make the channel that gives each run its colour; a printed chart has a legend, the app has one of its own."""
    legend = alt.Legend(**printed_legend(colors), symbolSize=70, symbolOpacity=1) if printed else None
    return alt.Color("run:N", scale=run_scale(colors), legend=legend)


def run_shape(colors: Mapping[str, str]) -> alt.Shape:
    """Make the channel that gives each run a marker, by which a grey print can be read; its legend is the colours'."""
    shapes = [SHAPES[index % len(SHAPES)] for index in range(len(colors))]
    scale = alt.Scale(domain=list(colors), range=shapes)
    return alt.Shape("run:N", scale=scale, legend=alt.Legend(**printed_legend(colors), symbolSize=70, symbolOpacity=1))


def name_axis(limit: int, offset: int) -> alt.Axis:
    """Make the axis of names, up to `limit` px long, that stand `offset` px from the marks."""
    return alt.Axis(**NAME_AXIS, labelLimit=limit, offset=offset)


def tooltips(*columns: str | tuple[str, str] | tuple[str, str, str]) -> list[alt.Tooltip]:
    """Make tooltips of columns with their types: `"run:N"`, with a title too, or with title (or "") and format."""
    rows = [(column, "", "") if isinstance(column, str) else (*column, "")[:3] for column in columns]
    unset = alt.Undefined
    return [alt.Tooltip(name, title=title or unset, format=format_ or unset) for name, title, format_ in rows]


def _while(hover: alt.Parameter, opacity: float) -> alt.OpacityValue:
    """Make a mark visible only under the pointer. `alt.condition` does the same, and takes Altair 10 ms."""
    return alt.OpacityValue(0, condition={"param": hover.name, "value": opacity, "empty": False})


def smoothed(values: pd.Series, strength: float) -> pd.Series:
    """Exponential moving average without its start-up bias; `strength` 0 leaves the values alone."""
    if strength <= 0:
        return values
    return values.ewm(alpha=1 - strength, ignore_na=True).mean().where(values.notna())  # a gap stays one


def log_domain(values: pd.Series) -> tuple[float, float] | None:
    """The ends of a logarithmic axis for values that a linear one would draw as a flat line, at most `DECADES` apart.

    >>> log_domain(pd.Series([0.5, 2.0, 3.0])), log_domain(pd.Series([0.5, 2.0, 1e30]))
    (None, (0.5, 5000.0))
    """
    finite = values[np.isfinite(values)]
    if finite.empty or finite.min() <= 0 or finite.max() < FLAT * finite.min():
        return None
    low = float(finite.min())
    return low, min(float(finite.max()), low * 10**DECADES)


def epoch_ticks(epochs: pd.Series) -> list[int]:
    """The epochs that an axis labels: all, or as many in round steps as there is room for.

    >>> epoch_ticks(pd.Series([1, 2, 3])), epoch_ticks(pd.Series(range(1, 101)))
    ([1, 2, 3], [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
    """
    if epochs.empty:
        return []
    first, last = int(epochs.min()), int(epochs.max())
    steps = (digit * 10**power for power in range(7) for digit in (1, 2, 5))
    step = next(step for step in steps if (last - first) / step < _EPOCHS)
    return list(range(-(-first // step) * step, last + 1, step))


def history(
    table: pd.DataFrame,
    colors: Mapping[str, str],
    *,
    title: str,
    x_title: str,
    score: bool = False,
    height: int = 300,
    printed: bool = False,
) -> Layers:
    """Draw curves over training: train dashed, validation solid, kept epochs marked, hover reads all runs at once.

    An epoch without a number is a gap. Where one value would draw all others flat, the axis is logarithmic, which the
    title says.

    Args:
        table: Columns `run, phase (train | validation), x, value`. With a column `kept`, a diamond marks the points of
            the epochs whose weights were kept; with a column `raw`, the values that were smoothed, these are drawn
            thin behind them.
        colors: Run -> hex.
        title: Title above the chart.
        x_title: Title of the x axis.
        score: Values are 0..1.
        height: Height of the plot in px.
        printed: For a figure that nobody points at: with a legend, and markers that tell runs apart in grey.
    """
    table = table.assign(value=table["value"].where(np.isfinite(table["value"].astype(float))))
    kept = table[table["kept"]] if "kept" in table else table[:0]
    table = table.drop(columns="kept", errors="ignore")
    data = table.dropna(subset=["value"])
    ends = None if score else log_domain(data["value"])
    if ends is not None:
        cut = f", cut at {ends[1]:,.4g}" if ends[1] < data["value"].max() else ""
        title = f"{title} (log scale{cut})"
    clip = ends is not None  # what leaves the axis
    x = alt.X(
        "x:Q",
        title=x_title,
        axis=alt.Axis(
            grid=False,
            format="~r",
            labelBound=False,
            labelFlush=False,
            values=epoch_ticks(data["x"]) if x_title == "epoch" else alt.Undefined,
        ),
    )
    y = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=TICKS, domainMax=1 if score else alt.Undefined)
        if ends is None
        else alt.Scale(type="log", domain=list(ends), nice=False),
        axis=alt.Axis(gridOpacity=GRID, labelBound=False, labelFlush=False, tickCount=TICKS),
    )
    color = run_color(colors, printed=printed)
    phases = ["train", "validation"]
    phase_legend = alt.Legend(**PRINTED_LEGEND, symbolStrokeColor="gray") if printed else None
    lines = (
        alt.Chart(table)
        .mark_line(interpolate="linear", strokeWidth=2, clip=clip, invalid="break-paths-show-domains")
        .encode(
            x=x,
            y=y,
            color=color,
            strokeDash=alt.StrokeDash(
                "phase:N", scale=alt.Scale(domain=phases, range=[[3, 3], [1, 0]]), legend=phase_legend
            ),
            opacity=alt.Opacity("phase:N", scale=alt.Scale(domain=phases, range=[0.6, 1.0]), legend=None),
        )
    )
    heading = alt.TitleParams(title, anchor="start", fontSize=13, fontWeight="normal", offset=8)
    if printed:
        marked = alt.Chart(_markers(data, kept)).mark_point(filled=True, opacity=1, strokeWidth=0, clip=clip)
        size = alt.Size("size:Q", scale=None)
        return Layers(
            (lines, marked.encode(x=x, y=y, color=color, shape=run_shape(colors), size=size)), height, heading
        )
    names = list(colors)
    wide = (
        data.assign(column="c" + data["run"].map(names.index).astype(str) + data["phase"].str[0])
        .pivot_table(index="x", columns="column", values="value", aggfunc="last")
        .reset_index()
    )
    tips = [alt.Tooltip("x:Q", title=x_title, format=".4~g")]
    for index, name in enumerate(names):
        for letter, phase in (("v", ""), ("t", " train")):
            if f"c{index}{letter}" in wide:
                column = f"c{index}{letter}"  # text: a run without this epoch would read "null"
                wide[column] = ["–" if value != value else f"{value:.3f}" for value in wide[column]]
                tips.append(alt.Tooltip(f"{column}:N", title=name + phase))
    hover = alt.selection_point(fields=["x"], nearest=True, on="pointermove", empty=False, clear="pointerout")
    rule = (
        alt.Chart(wide)
        .mark_rule(color="gray", strokeWidth=1)
        .encode(x=x, opacity=_while(hover, 0.7), tooltip=tips)
        .add_params(hover)
    )
    points = alt.Chart(data).mark_circle(size=45, clip=clip).encode(x=x, y=y, color=color, opacity=_while(hover, 1))
    layers: list[alt.Chart] = [lines, points, rule]
    if "raw" in data:
        thin = alt.Chart(table).mark_line(strokeWidth=1, opacity=0.3, clip=clip)
        layers.insert(0, thin.encode(x=x, y=alt.Y("raw:Q", title=None), color=color, detail="phase:N"))
    if len(kept):
        marks = alt.Chart(kept).mark_point(shape="diamond", size=90, filled=True, strokeWidth=0, clip=clip)
        tip = tooltips("run:N", ("x:Q", x_title, ".4~g"), ("value:Q", title, ".3f"))
        layers.append(marks.encode(x=x, y=y, color=color, tooltip=tip))
    return Layers(tuple(layers), height, heading)


def _markers(data: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """Points of the validation curves at even steps, small, and the kept epochs, large, by a column `size`.

    A run that nothing validates has them on its training curve.
    """
    validated = data["phase"] == "validation"
    solid = data[validated | ~data["run"].isin(data["run"][validated])]
    place, length = solid.groupby("run").cumcount(), solid.groupby("run")["x"].transform("size")
    small = solid[place % np.maximum(1, -(-length // MARKERS)) == 0].assign(size=26)
    return pd.concat([small, kept.assign(size=110)])


def balance(table: pd.DataFrame, labels: LabelMap, *, value: str, title: str, log: bool) -> alt.Chart:
    """Draw class frequencies as bars in class colours, most frequent first.

    Args:
        table: Column `class` and the column named by `value`.
        labels: Class colours.
        value: Column of the bars.
        title: Title of the x axis.
        log: Logarithmic x axis.
    """
    data = table[table[value] > 0].sort_values(value, ascending=False)
    colors = dict(zip(labels.names, labels.hex_colors, strict=True))
    low = 10 ** np.floor(np.log10(max(1e-9, float(data[value].min())))) if log and len(data) else 0
    scale = alt.Scale(type="log", domainMin=float(low), nice=False) if log else alt.Scale(domainMin=0)
    axis = alt.Axis(orient="top", gridOpacity=GRID, format="~s", tickCount=5)
    return (
        alt.Chart(data)
        .transform_calculate(low=str(low))
        .mark_bar(height={"band": 0.72}, cornerRadiusEnd=2)
        .encode(
            y=alt.Y("class:N", sort=list(data["class"]), title=None, axis=name_axis(150, 4)),
            x=alt.X(f"{value}:Q", scale=scale, title=title, axis=axis),
            x2="low:Q",
            color=alt.Color("class:N", scale=run_scale(colors), legend=None),
            tooltip=tooltips("class:N", (f"{value}:Q", title, ",.4~g")),
        )
        .properties(height=alt.Step(20))
    )


def class_shares(table: pd.DataFrame, name: str, color: str) -> alt.Chart:
    """Draw how many images hold how much of a class. Columns `share` (bins in order) and `images`."""
    return (
        alt.Chart(table)
        .mark_bar(color=color, cornerRadiusEnd=2, height={"band": 0.72})
        .encode(
            y=alt.Y("share:N", sort=list(table["share"]), title=f"share of {name}", axis=name_axis(150, 4)),
            x=alt.X("images:Q", axis=alt.Axis(orient="top", gridOpacity=GRID, format="~s", tickCount=5)),
            tooltip=tooltips("share:N", "images:Q"),
        )
        .properties(height=alt.Step(20))
    )


def co_occurrence(table: pd.DataFrame, names: Sequence[str]) -> alt.Chart:
    """Draw of the images that hold a class (row) the share that holds another. Columns `class, with, share, images`."""
    return (
        alt.Chart(table)
        .mark_rect()
        .encode(
            y=alt.Y("class:N", sort=list(names), title="of the images with", axis=name_axis(150, 4)),
            x=alt.X(
                "with:N",
                sort=list(names),
                title="so many hold",
                axis=alt.Axis(orient="top", labelAngle=-45, labelOverlap=False),
            ),
            color=alt.Color("share:Q", title="share", scale=alt.Scale(domain=[0, 1]), legend=alt.Legend(format="%")),
            tooltip=tooltips("class:N", "with:N", ("share:Q", "share", ".1%"), "images:Q"),
        )
        .properties(height=alt.Step(26 if len(names) <= 16 else 14))
    )


def image_sizes(table: pd.DataFrame) -> alt.Chart:
    """Draw width against height; the area of a dot is the number of images. Columns `width, height, images`."""
    return (
        alt.Chart(table)
        .mark_circle(opacity=0.7)
        .encode(
            x=alt.X("width:Q", title="width, px", scale=alt.Scale(zero=False, padding=30)),
            y=alt.Y("height:Q", title="height, px", scale=alt.Scale(zero=False, padding=30)),
            size=alt.Size("images:Q", legend=None, scale=alt.Scale(range=[60, 900])),
            tooltip=["width:Q", "height:Q", "images:Q"],
            detail="size:N",
        )
        .properties(height=260)
    )
