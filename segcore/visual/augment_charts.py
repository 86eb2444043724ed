"""Draws what an augmentation does to the data: before in grey, after in colour."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from segcore.arrays import F64, I64
from segcore.labels import LabelMap
from segcore.visual.charts import GRID, name_axis, run_scale, tooltips

ACCENT = "#4c86d9"  # reads on white and on black
ROW = 20  # px of a class
_LEAST = 1e-6  # share below which a class counts as gone: a log axis has no zero


def class_shares(table: pd.DataFrame, labels: LabelMap) -> alt.LayerChart | alt.FacetChart:
    """Draw one row a class, the most frequent first: a ring at its share before, a dot in its colour at that after.

    The x axis is logarithmic, so that rare classes can be seen to move; what is gone stands at its left end.

    Args:
        table: Columns `class, before, after` (shares of the scored pixels, 0-1) and `seen, kept` (pictures that had
            the class, and those of them that still have it). Classes that were never there are left out.
        labels: Colours.
    """
    data = table[table["before"] > _LEAST].sort_values("before", ascending=False)
    shares = data[["before", "after"]].to_numpy(float)
    visible = shares[shares > _LEAST]
    low = float(10 ** np.floor(np.log10(visible.min()))) if visible.size else 0.01
    data = data.assign(
        shown=np.maximum(data["after"], low),
        change=[_change(before, after) for before, after in shares],
        pictures=[f"{kept} of {seen}" for kept, seen in zip(data["kept"], data["seen"], strict=True)],
    )
    colors = dict(zip(labels.names, labels.hex_colors, strict=True))
    y = alt.Y("class:N", sort=list(data["class"]), title=None, axis=name_axis(150, 8))
    scale = alt.Scale(type="log", domain=[low, 1], nice=False)
    axis = alt.Axis(
        orient="top",
        gridOpacity=GRID,
        labelExpr="format(datum.value * 100, '~r') + ' %'",
        values=[10.0**power for power in range(round(np.log10(low)), 1)],
    )
    x = alt.X("before:Q", scale=scale, title="share of pixels, before ○ and after ●", axis=axis)
    shares_before_after = ("before:Q", "before", ".2%"), ("after:Q", "after", ".2%")
    tips = tooltips("class:N", *shares_before_after, "change:N", ("pictures:N", "still in"))
    base = alt.Chart(data).encode(y=y, tooltip=tips)
    color = alt.Color("class:N", scale=run_scale(colors), legend=None)
    span = base.mark_rule(strokeWidth=2, color="gray", opacity=0.4).encode(x=x, x2="shown:Q")
    before = base.mark_point(size=120, color="gray", strokeWidth=1.5, opacity=0.9).encode(x=x)
    # The thin edge keeps dark classes visible on a dark page.
    after = base.mark_point(size=75, filled=True, opacity=1, stroke="gray", strokeWidth=0.75).encode(
        x=alt.X("shown:Q", scale=scale, axis=axis), color=color
    )
    return alt.layer(span, before, after).properties(height=alt.Step(ROW))


def histogram(
    edges: Sequence[float] | F64, before: I64, after: I64, *, title: str, height: int = 150
) -> alt.LayerChart | alt.FacetChart:
    """Draw the distribution of a measure over images: before as a grey area, after as a line over it.

    Args:
        edges: Edges of the bins, one more than bins.
        before: Number of images in each bin before the augmentation.
        after: Number of images in each bin after it.
        title: Title of the x axis.
        height: px, axis included.
    """
    filled = np.flatnonzero(np.asarray(before) + np.asarray(after))
    first, last = (max(0, int(filled[0]) - 1), min(len(before), int(filled[-1]) + 2)) if filled.size else (0, 1)
    rows = pd.DataFrame(
        {
            "low": np.asarray(edges[:-1], float),
            "high": np.asarray(edges[1:], float),
            "before": before / max(1, int(np.sum(before))),
            "after": after / max(1, int(np.sum(after))),
        }
    ).iloc[first:last]
    # A step line needs its last bin to end somewhere.
    end = rows.tail(1).assign(low=rows["high"].tail(1))
    line = pd.concat([rows, end])
    x = alt.X(
        "low:Q",
        scale=alt.Scale(domain=[float(edges[first]), float(edges[last])], nice=False),
        title=title,
        axis=alt.Axis(grid=False, tickCount=5, labelBound=False, labelFlush=False),
    )
    top = 1.08 * max(float(rows["before"].max()), float(rows["after"].max()), 1e-9)
    scale = alt.Scale(domain=[0, top], nice=False)
    y_before = alt.Y("before:Q", scale=scale, title=None, axis=None)
    y_after = alt.Y("after:Q", scale=scale, title=None, axis=None)
    ends, shares = (
        (("low:Q", "from", ".0f"), ("high:Q", "to", ".0f")),
        (("before:Q", "", ".0%"), ("after:Q", "", ".0%")),
    )
    ground = alt.Chart(line).mark_area(interpolate="step-after", color="gray", opacity=0.35).encode(x=x, y=y_before)
    over = alt.Chart(line).mark_line(interpolate="step-after", color=ACCENT, strokeWidth=2).encode(x=x, y=y_after)
    # Bars that can't be seen, for the pointer to find a bin.
    touch = alt.Chart(rows).mark_rect(opacity=0).encode(x=x, x2="high:Q", tooltip=tooltips(*ends, *shares))
    return alt.layer(ground, over, touch).properties(height=height)


def _change(before: float, after: float) -> str:
    """`1.3 times`, `gone`."""
    if after <= _LEAST:
        return "gone"
    return "the same" if abs(after / before - 1) < 0.005 else f"{after / before:.2f} times"
