"""Charts as HTML and inline SVG. Marks are placed in percent and text stays text, so they stretch from phone to print.

Colours of lines and text come from the page's style sheet (light and dark); colours of runs from the caller. Every
chart has an `aria-label`, and every mark a `<title>` that shows on hover.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segcore.arrays import F64
from segcore.report.axis import Axis
from segcore.report.markup import Html, el, inner

LANE = 7  # px between the marks of two runs in one row of the class chart
CELL = 15  # px, height of a row of a confusion matrix


def percent(value: float) -> str:
    """A position in percent."""
    return f"{value:.2f}%"


@dataclass(frozen=True)
class Mark:
    """A value with its interval.

    Args:
        name: Of the run.
        color: Hex.
        value: Where the dot is; NaN draws nothing.
        low: Where its line begins; NaN draws no line.
        high: Where it ends.
    """

    name: str
    color: str
    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def words(self) -> str:
        """`U-Net 0.420 (0.348 to 0.443)`."""
        known = f" ({self.low:.3f} to {self.high:.3f})" if self.low == self.low else ""
        return f"{self.name} {self.value:.3f}{known}"


def legend(runs: Sequence[tuple[str, str]]) -> Html:
    """(name, colour) of each run in one line."""
    return el("p", [el("span", dot(color), name) for name, color in runs], class_="legend")


def dot(color: str) -> Html:
    """A run's colour."""
    return el("span", class_="dot", style=f"background:{color}", aria_hidden="true")


def who(color: str, title: str) -> Html:
    """A run by its colour and name; a short name is never broken from its dot."""
    return el("span", dot(color), title, class_="who" if len(title) <= 18 else None)


def swatch(color: Sequence[int]) -> Html:
    """A class's colour."""
    return el("span", class_="swatch", style="background:#{:02x}{:02x}{:02x}".format(*color), aria_hidden="true")


def strip(marks: Sequence[Mark], axis: Axis, *, lane: int = LANE, least: int = 22) -> Html:
    """One row of dots with intervals, a lane a run, over the grid lines of the axis."""
    height = max(least, lane * (len(marks) - 1) + 18)
    drawn = [
        el("line", class_="grid", x1=percent(axis.at(tick)), x2=percent(axis.at(tick)), y1=0, y2=height)
        for tick in axis.ticks
    ]
    first = (height - lane * (len(marks) - 1)) / 2
    for index, mark in enumerate(marks):
        if mark.value == mark.value:
            drawn.append(_mark(mark, axis, first + lane * index))
    said = "; ".join(mark.words for mark in marks if mark.value == mark.value)
    return el("svg", drawn, role="img", aria_label=said or "no value", width="100%", height=height, class_="strip")


def _mark(mark: Mark, axis: Axis, y: float) -> Html:
    line = None
    if mark.low == mark.low:
        ends = {"x1": percent(axis.at(mark.low)), "x2": percent(axis.at(mark.high)), "y1": y, "y2": y}
        line = el("line", class_="interval", stroke=mark.color, **ends)
    point = el("circle", cx=percent(axis.at(mark.value)), cy=y, r=4, fill=mark.color)
    return el("g", el("title", mark.words), line, point)


def ticks(axis: Axis) -> Html:
    """The numbers of an axis in one line, to stand over strips."""
    spans = [el("span", axis.label(tick), style=f"left:{percent(axis.at(tick))}") for tick in axis.ticks]
    return el("span", spans, class_="ticks", aria_hidden="true")


def class_chart(rows: Sequence[tuple[Html, Sequence[Mark]]], axis: Axis, label: str) -> Html:
    """A row a class: its name, and every run's value with its interval.

    Args:
        rows: (name of a class, a mark a run).
        axis: For all rows.
        label: What the chart shows, for those who can't see it.
    """
    cells = [el("span"), ticks(axis)]
    for name, marks in rows:
        cells += [el("span", name, class_="name"), strip(marks, axis)]
    return el("div", cells, class_="classes", role="group", aria_label=label)


@dataclass(frozen=True)
class Line:
    """One run over time.

    Args:
        name: Of the run.
        color: Hex.
        x: `[N]`.
        y: `[N]`; NaN leaves a gap.
        dashed: How training is drawn, beside validation.
        best: Place of the point that gets a mark; None for none.
    """

    name: str
    color: str
    x: F64
    y: F64
    dashed: bool = False
    best: int | None = None


def lines(curves: Sequence[Line], *, label: str, x_title: str) -> Html:
    """Curves over a common axis; the best point of each is marked."""
    x = Axis.around([value for line in curves for value in line.x])
    y = Axis.around([value for line in curves for value in line.y])
    drawn: list[Html] = []
    marks: list[Html] = []
    for line in curves:
        for part in _parts(line):
            points = " ".join(f"{x.at(float(a)):.2f},{100 - y.at(float(b)):.2f}" for a, b in part)
            dashes = "3 3" if line.dashed else None
            drawn.append(el("polyline", points=points, stroke=line.color, stroke_dasharray=dashes, class_="curve"))
        if line.best is not None and line.y[line.best] == line.y[line.best]:
            a, b = float(line.x[line.best]), float(line.y[line.best])
            words = f"{line.name}: {b:.3f} at {x_title} {a:g}"
            place = {"cx": percent(x.at(a)), "cy": percent(100 - y.at(b))}
            marks.append(el("circle", el("title", words), r=4.5, fill=line.color, **place))
    stretched = el("svg", drawn, viewBox="0 0 100 100", preserveAspectRatio="none", width="100%", height="100%")
    return _plot(inner(stretched, marks), x, y, label=label, x_title=x_title)


def _parts(line: Line) -> list[list[tuple[float, float]]]:
    """Runs of points without a gap."""
    found: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(line.x, line.y, strict=True):
        if math.isfinite(b):
            found[-1].append((a, b))
        elif found[-1]:
            found.append([])
    return [part for part in found if len(part) > 1]


def scatter(points: Sequence[tuple[Mark, float]], *, label: str, x_title: str, lower: bool | None = False) -> Html:
    """Quality against cost: a labelled dot a run, its interval, and a line through those that no other beats in both.

    Args:
        points: (quality, cost) of each run.
        label: What the chart shows, for those who can't see it.
        x_title: Of the cost.
        lower: A lower quality is better (for errors); None where neither is, and there is no line.
    """
    x = Axis.around([0.0, *(cost for _, cost in points)], floor=0)
    y = Axis.around([value for mark, _ in points for value in (mark.value, mark.low, mark.high)])
    front = [] if lower is None else _front(points, lower)
    line = " ".join(f"{x.at(cost):.2f},{100 - y.at(mark.value):.2f}" for mark, cost in front)
    drawn = [
        el(
            "svg",
            el("polyline", points=line, class_="front"),
            viewBox="0 0 100 100",
            preserveAspectRatio="none",
            width="100%",
            height="100%",
        )
    ]
    for (mark, cost), shift in zip(
        points, _shifts([(x.at(cost), y.at(mark.value)) for mark, cost in points]), strict=True
    ):
        left = x.at(cost) > 60
        at = {"x": percent(x.at(cost)), "y": percent(100 - y.at(mark.value))}
        if mark.low == mark.low:
            ends = {"y1": percent(100 - y.at(mark.low)), "y2": percent(100 - y.at(mark.high))}
            drawn.append(el("line", class_="interval", stroke=mark.color, x1=at["x"], x2=at["x"], **ends))
        words = el("title", f"{mark.words}, {x_title} {cost:.4g}")
        drawn.append(el("circle", words, cx=at["x"], cy=at["y"], r=5, fill=mark.color))
        anchor = "end" if left else "start"
        drawn.append(el("text", mark.name, dx=-9 if left else 9, dy=4 + shift, text_anchor=anchor, **at))
    return _plot(inner(drawn), x, y, label=label, x_title=x_title)


def _front(points: Sequence[tuple[Mark, float]], lower: bool) -> list[tuple[Mark, float]]:
    """Those that are better than every cheaper one, cheapest first."""
    found: list[tuple[Mark, float]] = []
    sign = -1 if lower else 1
    for mark, cost in sorted(points, key=lambda point: (point[1], -sign * point[0].value)):
        if not found or sign * mark.value > sign * found[-1][0].value:
            found.append((mark, cost))
    return found


def _shifts(places: Sequence[tuple[float, float]]) -> list[float]:
    """Px by which labels move down so that neighbours don't cover each other; a plot is about 200 px high."""
    shifts = [0.0] * len(places)
    taken: list[tuple[float, float]] = []
    for index in sorted(range(len(places)), key=lambda each: -places[each][1]):
        x, y = places[index]
        top = 2.0 * (100 - y)
        for other_x, other_y in taken:
            if abs(other_x - x) < 35 and top - other_y < 14:
                top = other_y + 14
        taken.append((x, top))
        shifts[index] = top - 2.0 * (100 - y)
    return shifts


def _plot(marks: Html, x: Axis, y: Axis, *, label: str, x_title: str) -> Html:
    grid = [
        el("line", class_="grid", x1=0, x2="100%", y1=percent(100 - y.at(tick)), y2=percent(100 - y.at(tick)))
        for tick in y.ticks
    ]
    left = [el("span", y.label(tick), style=f"top:{percent(100 - y.at(tick))}") for tick in y.ticks]
    return el(
        "div",
        el("span", left, class_="y", aria_hidden="true"),
        el("svg", grid, marks, role="img", aria_label=label, width="100%", height="100%"),
        el("span"),
        ticks(x),
        el("span"),
        el("span", x_title, class_="title", aria_hidden="true"),
        class_="plot",
    )


def matrix(shares: F64, names: Sequence[str], label: str, *, against: bool = False) -> Html:
    """Cells by strength: 1 is full, 0 empty.

    Args:
        shares: `[C, C]` in -1..1, rows = truth.
        names: Of the classes.
        label: What the chart shows, for those who can't see it.
        against: They are differences of two models. As on the compare page the hue tells where the first does better,
            more often right or less often wrong.
    """
    count, drawn = len(names), []
    for row, column in zip(*np.nonzero(np.abs(shares) >= 0.0005), strict=True):
        share = float(shares[row, column])
        value = f"{100 * share:+.1f} points" if against else f"{100 * share:.1f} %"
        said = f"{names[row]} taken for {names[column]}: {value}"
        better = share > 0 if row == column or not against else share < 0
        place = {"x": percent(100 * column / count), "y": CELL * int(row), "width": percent(100 / count)}
        opacity = 0.06 + 0.94 * math.sqrt(abs(share))
        drawn.append(
            el(
                "rect",
                el("title", said),
                class_="cell-more" if better else "cell-less",
                fill_opacity=opacity,
                height=CELL,
                **place,
            )
        )
    lines_ = [
        el("line", class_="grid", x1=0, x2="100%", y1=CELL * index, y2=CELL * index) for index in range(count + 1)
    ]
    left = [el("span", name) for name in names]
    below = [el("span", name) for name in names]
    return el(
        "div",
        el("span", left, class_="rows", aria_hidden="true"),
        el("svg", lines_, drawn, role="img", aria_label=label, width="100%", height=CELL * count),
        el("span", "truth ↑   taken for →", class_="corner", aria_hidden="true"),
        el("span", below, class_="columns", aria_hidden="true"),
        class_="matrix",
    )
