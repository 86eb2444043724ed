"""Renders charts to SVG, PNG or PDF with vl-convert: no browser, no network."""

from __future__ import annotations

import io
import json
import re
import threading
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias
from xml.etree import ElementTree

import altair as alt
from altair.utils import schemapi
from PIL import Image

from segcore.visual.compare_charts import BETTER, BETTER_ON_DARK, WORSE, WORSE_ON_DARK
from segcore.visual.vega_lite import Charts, Layers

Chart: TypeAlias = Charts
Spec: TypeAlias = "dict[str, Any]"
Height: TypeAlias = "int | alt.Step | None"
PRINTED = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}  # kind of a file -> its media type
PRINTED_WIDTH = 160.0  # mm: the text of an A4 page
DPI, PX_AN_INCH = 300, 96  # of a printed PNG, and of charts
FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"
ROOM = 1.15  # times the width of a text as measured here: the fonts of those who open an SVG may be wider
_ONE_AT_A_TIME = threading.Lock()  # vl-convert has one JavaScript engine for a whole process
_SVG = "{http://www.w3.org/2000/svg}"
_KEPT = {"d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform", "fill", "fill-opacity", "font-size"}
_KEPT |= {"font-style", "font-weight", "opacity", "stroke", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"}
_KEPT |= {"stroke-opacity", "stroke-width", "text-anchor", "href", "preserveAspectRatio"}
_IMAGE = re.compile(r'<image (?=[^>]*width="(?P<width>[\d.]+)")[^>]*href="data:image/\w+;base64,(?P<data>[^"]+)"[^>]*>')
_FRACTION = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")


@dataclass(frozen=True)
class Theme:
    """Colours of a chart that are not those of runs or classes, as hex.

    Args:
        ink: Titles.
        muted: Numbers, names, and marks that are gray.
        line: Grid lines.
        better: Cells in which the first model is better.
        worse: Cells in which it is worse.
    """

    ink: str
    muted: str
    line: str
    better: str
    worse: str


LIGHT = Theme("#1d1d1f", "#67676c", "#afafad", BETTER, WORSE)
DARK = Theme("#e9e9eb", "#a2a2a9", "#646469", BETTER_ON_DARK, WORSE_ON_DARK)


def to_svg(
    chart: Chart,
    *,
    width: int,
    height: Height = None,
    label: str,
    dark: bool = False,
    variables: bool = False,
    drawn_here: bool = False,
) -> str:
    """Render a chart to an SVG element. Text stays text, and a mark with a tooltip in the app has it as its `<title>`.

    Args:
        chart: The chart; it is not changed.
        width: px, axes included; the element has a `viewBox`, so a page can scale it.
        height: px of the plot, or of one of its steps; None for the chart's own.
        label: What the chart shows, for readers who can't see it.
        dark: The page is dark.
        variables: Write each colour of the theme as the CSS variable `--chart-<name>`, so that the chart follows the
            page that it is put in. Such an element has no XML namespace.
        drawn_here: vl-convert draws the element, with the font that it has measured; texts need no room for wider ones.
    """
    theme, room, font = DARK if dark else LIGHT, 1.0 if drawn_here else ROOM, "sans-serif" if drawn_here else FONT
    spec = _spec(chart, theme, width, height, room)
    _describe(spec)
    pictures = _named_pictures(spec)
    import vl_convert

    with _ONE_AT_A_TIME:
        drawn = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    colors = {"gray": theme.muted}
    if variables:
        colors = {color: f"var(--chart-{name},{color})" for name, color in asdict(theme).items()}
        colors["gray"] = colors[theme.muted]
    root = ElementTree.Element("svg", {"viewBox": drawn.attrib["viewBox"], "role": "img", "aria-label": label})
    root.attrib |= {"width": drawn.attrib["width"], "height": drawn.attrib["height"], "font-family": font}
    if not variables:
        root.attrib["xmlns"] = _SVG.strip("{}")
    for child in drawn:
        _copy(child, root, colors, room)
    for image in root.iter("image"):
        image.attrib["href"] = pictures.get(image.attrib["href"], image.attrib["href"])
    return ElementTree.tostring(root, encoding="unicode")


def to_print(chart: Chart, kind: str, *, width: float = PRINTED_WIDTH, height: Height = None, label: str = "") -> bytes:
    """Render a chart as a file for a page of paper.

    Args:
        chart: The chart; it is not changed.
        kind: A key of `PRINTED`; PNG has 300 pixels an inch and a white page, text in SVG and PDF stays text.
        width: Width in mm.
        height: px of the plot at 96 px an inch, or of one of its steps; None for the chart's own.
        label: What the chart shows, for readers of an SVG who can't see it.
    """
    import vl_convert

    svg = to_svg(chart, width=printed_pixels(width), height=height, label=label, drawn_here=kind != "svg")
    if kind == "svg":
        return _scaled(svg, 25.4 / PX_AN_INCH, "mm").encode()
    with _ONE_AT_A_TIME:
        if kind == "png":
            return bytes(vl_convert.svg_to_png(_for_pixels(svg), scale=72 / PX_AN_INCH, ppi=DPI))
        return bytes(vl_convert.svg_to_pdf(_scaled(svg, 72 / PX_AN_INCH)))  # 72 points an inch


def printed_pixels(width: float) -> int:
    """Width in px of a chart that is `width` mm wide on paper, where 12 px are text of 9 points."""
    return round(width / 25.4 * PX_AN_INCH)


def _for_pixels(svg: str) -> str:
    """The same drawing on a white page; a picture that has its pixels at 300 an inch isn't resampled, which is slow."""

    def image(tag: re.Match[str]) -> str:
        with Image.open(io.BytesIO(b64decode(tag["data"]))) as picture:
            exact = abs(picture.width - float(tag["width"]) * DPI / PX_AN_INCH) < 1
        return tag[0].replace("<image", '<image image-rendering="optimizeSpeed"', 1) if exact else tag[0]

    return _IMAGE.sub(image, svg).replace(">", '><rect width="100%" height="100%" fill="#ffffff"/>', 1)


def _scaled(svg: str, scale: float, unit: str = "") -> str:
    """The same drawing in another size, given in a unit of SVG."""

    def sides(size: re.Match[str]) -> str:
        width, height = (f"{float(side) * scale:.2f}{unit}" for side in size.groups())
        return f' width="{width}" height="{height}"'

    return re.sub(r' width="([\d.]+)" height="([\d.]+)"', sides, svg, count=1)


def _spec(chart: Chart, theme: Theme, width: int, height: Height, room: float = 1.0) -> Spec:
    """Vega-Lite of the chart with its rows, its size and its theme."""
    if height is not None:
        chart = replace(chart, height=height) if isinstance(chart, Layers) else chart.properties(height=height)
    with schemapi.debug_mode(False), alt.data_transformers.enable("default", max_rows=None):
        spec = chart.to_dict() if isinstance(chart, Layers) else chart.to_dict(validate=False)
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    colors = {"labelColor": theme.muted, "titleColor": theme.muted}
    axis = {"gridColor": theme.line, "domain": False, "ticks": False, "labelPadding": 6, "titlePadding": 8}
    config = {
        "font": "sans-serif",
        "axis": axis | text | colors,
        "legend": text | colors | {"layout": {"bottom": {"anchor": "start", "direction": "vertical", "margin": 4}}},
        "text": {"fontSize": 12},
        "title": {"color": theme.ink, "fontSize": 13},
        "view": {"stroke": None},
    }
    fit = {"type": "fit" if isinstance(spec.get("height"), int) else "fit-x", "contains": "padding"}
    sized = {} if "autosize" in spec else {"width": width, "autosize": fit}  # a grid of pictures has its own size
    spec |= sized | {"background": None, "padding": 1, "config": config}
    return dict(_with_room({name: value for name, value in spec.items() if name != "datasets"}, room)) | {
        "datasets": spec.get("datasets", {})
    }


def _with_room(spec: Any, room: float) -> Any:  # noqa: ANN401 - a part of a specification
    """Return the specification with all texts larger."""
    if isinstance(spec, list):
        return [_with_room(part, room) for part in spec]
    if not isinstance(spec, dict):
        return spec
    sized = {name for name in spec if name.lower().endswith(("fontsize", "limit")) and isinstance(spec[name], int)}
    computed = {name for name in spec if name.lower().endswith("limit") and isinstance(spec[name], dict)}
    return {
        name: value * room
        if name in sized
        else {"expr": f"{room} * ({value['expr']})"}
        if name in computed
        else _with_room(value, room)
        for name, value in spec.items()
    }


def _named_pictures(spec: Spec) -> dict[str, str]:
    """Replace the pictures in the tables by short names, so that JavaScript needn't carry them; name -> data URI."""
    pictures: dict[str, str] = {}
    for rows in spec["datasets"].values():
        for row in rows:
            if str(row.get("url", "")).startswith("data:image/"):
                name = f"data:,{len(pictures)}"
                pictures[name], row["url"] = row["url"], name
    return pictures


def _describe(spec: Spec) -> None:
    """Move each mark's tooltip to its description, which vl-convert writes into the SVG."""
    for layer in spec.get("layer", ()):
        _describe(layer)
    if "mark" not in spec:
        return
    mark = spec["mark"] if isinstance(spec["mark"], dict) else {"type": spec["mark"]}
    tips = spec.get("encoding", {}).pop("tooltip", None)
    described = {"description": {"expr": _words(tips)}} if isinstance(tips, list) else {"aria": False}
    spec["mark"] = mark | described


def _words(tips: list[Mapping[str, Any]]) -> str:
    """Vega's expression for a tooltip as one line: `model: U-Net; mIoU: 0.420`."""
    parts = []
    for tip in tips:
        value = f"datum[{json.dumps(tip['field'])}]"
        text = f"format({value}, {json.dumps(tip['format'])})" if "format" in tip else value
        title = tip.get("title", tip["field"]).strip()
        parts.append(f"{json.dumps(f'{title}: ' if title else '')} + (isValid({value}) ? {text} : '–')")
    return " + '; ' + ".join(parts)


def _copy(element: ElementTree.Element, parent: ElementTree.Element, colors: Mapping[str, str], room: float) -> None:
    """Copy what can be seen below `parent`: no namespace, no needless digits, a description as `<title>`."""
    tag, given = element.tag.removeprefix(_SVG), {name.rpartition("}")[2]: text for name, text in element.items()}
    unseen = given.get("opacity") == "0" or given.get("display") == "none"
    unseen |= tag == "path" and not {"fill", "stroke"} & set(given)
    if unseen or (tag == "g" and not len(element)):
        return
    kept = {name: value for name, value in given.items() if name in _KEPT and (name, value) != ("opacity", "1")}
    if "font-size" in kept:
        kept["font-size"] = f"{float(kept['font-size'].removesuffix('px')) / room}px"
    for name, value in kept.items():
        short = _FRACTION.sub(lambda number: f"{round(float(number[0]), 2):g}", value)
        kept[name] = colors.get(short, short) if name in ("fill", "stroke") else short
    paints = {name for name in ("fill", "stroke") if name in kept and f"{name}-opacity" not in kept}
    if tag in ("path", "line") and "opacity" in kept and len(paints) == 1:
        kept[f"{paints.pop()}-opacity"] = kept.pop("opacity")  # the same, drawn without a layer as large as the page
    target = parent if tag == "g" and not kept else ElementTree.SubElement(parent, tag, kept)
    if tag != "g" and "aria-label" in given:
        ElementTree.SubElement(target, "title").text = given["aria-label"]
    if element.text and tag in ("text", "tspan"):
        target.text = element.text
    for child in element:
        _copy(child, target, colors, room)
