"""Draws a described model as SVG: the encoder on the left, what it feeds beside it, one row for each stride.

Parts differ in their border as well as in their colour, so that a grey print can be read.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segcore.models.description import ModelDescription, Stage

BOX, GAP, STACKED = (148, 42), (54, 26), 12  # width and height of a box; between columns and rows; within a cell
MARGIN, LABEL = 12, 74  # around the drawing; the strides on its left
MOST_LETTERS = 19  # of a name in a box
_FONT = "font-family:ui-sans-serif,system-ui,sans-serif"
_LIGHT = {"ink": "#1f2328", "faint": "#656d76", "paper": "#ffffff", "line": "#8c959f"}
_DARK = {"ink": "#e6edf3", "faint": "#9aa4ae", "paper": "#14181d", "line": "#7d8590"}
_FILLS = {  # light, dark
    "image": ("#f0f1f3", "#262b31"),
    "encoder": ("#dbe7fb", "#1c3253"),
    "decoder": ("#fbe8d3", "#4d3415"),
    "head": ("#dff2e1", "#173d22"),
    "module": ("#dbe7fb", "#1c3253"),
}
_BORDERS = {"image": "1 2", "encoder": "none", "decoder": "7 2", "head": "2 2", "module": "none"}

Cell = tuple[int, int]  # row and column
Place = tuple[float, float]  # left and top of a box


def model_diagram(model: ModelDescription, *, dark: bool | None = None) -> str:
    """The diagram of a model.

    Args:
        model: From `segcore.models.inspection.describe`.
        dark: For a dark page, or a light one; None follows the reader's own setting, with a background of its own.

    Returns:
        One `<svg>` element, readable alone.
    """
    strides = _strides(model)
    cells = _cells(model.stages, strides)
    places, lines, (width, height) = _places(model.stages, cells)
    labels = [_label(model, level, y) for level, y in lines.items()]
    by_name = {stage.name: stage for stage in model.stages}
    edges = [
        _edge(by_name[source], stage, places) for stage in model.stages for source in stage.inputs if source in places
    ]
    boxes = [_box(stage, places[stage.name]) for stage in model.stages]
    words = f"{model.title}: {len(model.stages)} stages, from the image to the scores"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(words)}" class="segcore-model">'
        f"<title>{escape(words)}</title><style>{_style(dark)}</style>"
        '<defs><marker id="segcore-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" class="tip"/></marker></defs>'
        + (f'<rect width="{width:g}" height="{height:g}" class="paper"/>' if dark is None else "")
        + "".join([*labels, *edges, *boxes])
        + "</svg>"
    )


def _strides(model: ModelDescription) -> dict[str, int]:
    """Pixels of the image for one cell of a stage's output; of tokens, that of the stage that feeds them."""
    strides: dict[str, int] = {}
    for stage in model.stages:
        fed = [strides[source] for source in stage.inputs if source in strides]
        is_map = len(stage.shape) == 3 and stage.shape[1] > 0
        strides[stage.name] = max(1, round(model.size[0] / stage.shape[1])) if is_map else max(fed, default=1)
    return strides


def _cells(stages: tuple[Stage, ...], strides: dict[str, int]) -> dict[str, Cell]:
    """The cell of each stage: the row of its stride; to the right of what feeds it in that row.

    The first column is the encoder's. Stages that do not depend on each other may share a cell.
    """
    cells: dict[str, Cell] = {}
    for stage in stages:
        row = strides[stage.name]
        if stage.part in ("image", "encoder"):
            cells[stage.name] = (row, 0)
            continue
        fed = [cells[source] for source in stage.inputs if source in cells]
        column = max([1, *(other[1] + (other[0] == row) for other in fed)])
        if column == 1 and (row, 1) in cells.values():  # the way up stays one box wide
            column = 2
        cells[stage.name] = (row, column)
    return cells


def _places(
    stages: tuple[Stage, ...], cells: dict[str, Cell]
) -> tuple[dict[str, Place], dict[int, float], tuple[float, float]]:
    """(left and top of each box, top of each row, size of the drawing)."""
    members: dict[Cell, list[str]] = defaultdict(list)
    for stage in stages:
        members[cells[stage.name]].append(stage.name)
    columns = {column: index for index, column in enumerate(sorted({column for _, column in members}))}
    places: dict[str, Place] = {}
    lines: dict[int, float] = {}
    top = float(MARGIN)
    for row in sorted({row for row, _ in members}):
        lines[row] = top
        most = max(len(names) for (other, _), names in members.items() if other == row)
        for (other, column), names in members.items():
            if other == row:
                left = MARGIN + LABEL + columns[column] * (BOX[0] + GAP[0])
                for index, name in enumerate(names):
                    places[name] = (left, top + index * (BOX[1] + STACKED))
        top += most * BOX[1] + (most - 1) * STACKED + GAP[1]
    width = MARGIN * 2 + LABEL + len(columns) * BOX[0] + (len(columns) - 1) * GAP[0]
    return places, lines, (width, top - GAP[1] + MARGIN)


def _label(model: ModelDescription, stride: int, top: float) -> str:
    height = model.size[0]
    sizes = [stage.shape[1:] for stage in model.stages if len(stage.shape) == 3]
    size = next((size for size in sizes if max(1, round(height / size[0])) == stride), None)
    middle = top + BOX[1] / 2
    text = f'<text x="{MARGIN}" y="{middle - 2:g}" class="name">1/{stride}</text>'
    if size:
        text += f'<text x="{MARGIN}" y="{middle + 12:g}" class="note">{size[0]} x {size[1]}</text>'
    return text


def _box(stage: Stage, place: Place) -> str:
    left, top = place
    name = stage.name.removeprefix("decoder.")
    name = name if len(name) <= MOST_LETTERS else "…" + name[1 - MOST_LETTERS :]
    channels = f"{stage.shape[0]} channels" if len(stage.shape) == 3 else stage.size
    parameters = f" · {count_words(stage.parameters)}" if stage.parameters else ""
    tip = f"{stage.name}: {stage.kind or 'the image'}, {stage.size}, {stage.parameters:,} parameters"
    return (
        f'<g><title>{escape(tip)}</title><rect x="{left:g}" y="{top:g}" width="{BOX[0]}" height="{BOX[1]}" rx="5" '
        f'class="{stage.part}"/><text x="{left + 9:g}" y="{top + 18:g}" class="name">{escape(name)}</text>'
        f'<text x="{left + 9:g}" y="{top + 33:g}" class="note">{escape(channels + parameters)}</text></g>'
    )


def _edge(source: Stage, target: Stage, places: dict[str, Place]) -> str:
    """An arrow: along a column, around the boxes between; else from the right of a box to the left of another."""
    (left, top), (right, below) = places[source.name], places[target.name]
    middle = BOX[1] / 2
    skip = ' class="edge skip"' if source.part == "encoder" and target.part == "decoder" else ' class="edge"'
    between = [y for x, y in places.values() if x == left and min(top, below) < y < max(top, below)]
    if left == right and between:
        x, y, end_y = left + BOX[0], top + middle, below + middle
        path = f"M{x:g},{y:g} C{x + GAP[0] / 2:g},{y:g} {x + GAP[0] / 2:g},{end_y:g} {x:g},{end_y:g}"
    elif left == right:
        x, down = left + BOX[0] / 2, below > top
        start, end = (top + BOX[1], below) if down else (top, below + BOX[1])
        path = f"M{x:g},{start:g} L{x:g},{end:g}"
    else:
        x, end_x = (left + BOX[0], right) if right > left else (left, right + BOX[0])
        y, end_y = top + middle, below + middle
        bend = (GAP[0] / 2) * (1 if right > left else -1)
        path = f"M{x:g},{y:g} C{x + 1.6 * bend:g},{y:g} {end_x - 1.6 * bend:g},{end_y:g} {end_x:g},{end_y:g}"
    return f'<path d="{path}"{skip} marker-end="url(#segcore-arrow)"/>'


def count_words(count: int) -> str:
    """A number of parameters, short.

    >>> count_words(3_761_152), count_words(12_345), count_words(77)
    ('3.76 M', '12.3 k', '77')
    """
    if count >= 1_000_000:
        return f"{count / 1e6:.2f} M"
    return f"{count / 1e3:.1f} k" if count >= 1000 else str(count)


def _style(dark: bool | None) -> str:
    if dark is None:
        return _rules(False) + f"@media (prefers-color-scheme: dark){{{_rules(True)}}}"
    return _rules(dark)


def _rules(dark: bool) -> str:
    colors = _DARK if dark else _LIGHT
    rules = [
        f"text{{{_FONT};fill:{colors['ink']}}}",
        "text.name{font-size:12px;font-weight:600}",
        f"text.note{{font-size:11px;fill:{colors['faint']}}}",
        f".edge{{fill:none;stroke:{colors['line']};stroke-width:1.4}}",
        ".skip{stroke-dasharray:5 3}",
        f".tip{{fill:{colors['line']}}}",
        f".paper{{fill:{colors['paper']}}}",
    ]
    for part, fills in _FILLS.items():
        rules.append(
            f"rect.{part}{{fill:{fills[dark]};stroke:{colors['ink']};stroke-width:1;stroke-dasharray:{_BORDERS[part]}}}"
        )
    return "".join(f".segcore-model {rule}" for rule in rules)
