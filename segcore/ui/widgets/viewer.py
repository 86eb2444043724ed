"""The viewer: pictures side by side or swiped, which zoom together and tell what is under the cursor."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.labels import LabelMap
from segcore.ui.shell import shortcuts, url_state
from segcore.ui.widgets.components import component
from segcore.ui.widgets.figure import FIGURE_WIDTH, saved_as
from segcore.visual import data_uri, encode_plane, encode_png
from segcore.visual.image_encoding import decode_plane
from segcore.visual.layers import LEVELS, MARKED, confidence_palette

if TYPE_CHECKING:
    import altair as alt

OPACITY = 0.55
THRESHOLD = 0.6
_COLOR = re.compile(r"rgb\([^)]*\)|#[0-9a-f]{6}")  # in a CSS background
_SCRIPTS = ("elements.js", "viewer.zoom.js", "viewer.swipe.js", "viewer.read.js", "viewer.doubt.js", "viewer.js")
_HTML = """<div class="viewer"><div class="bar"><small>Double-click to zoom, drag to pan</small>
<label hidden>Opacity <input type="range" min="0" max="100" step="5" aria-label="Opacity"><output></output></label>
<label hidden>Marked below <input type="range" min="0" max="100" step="1" aria-label="Confidence threshold"><output>
</output></label></div><div class="grid"><div class="over"><div class="handle" role="slider" tabindex="0"
aria-valuemin="0" aria-valuemax="100"><i></i></div></div><div class="key"></div></div><div class="line"></div></div>"""


class Plane(NamedTuple):
    """One number for each pixel, for the browser to read; see `encode_plane`."""

    data: bytes
    height: int
    width: int

    @classmethod
    def of(cls, values: npt.NDArray[np.uint8]) -> Plane:
        """Encode `[H, W]` uint8 values."""
        return cls(encode_plane(values), *values.shape)

    def values(self) -> npt.NDArray[np.uint8]:
        """Return what was encoded, `[H, W]` uint8."""
        return decode_plane(self.data, self.height, self.width)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the viewer's script takes it."""
        return {"data": base64.b64encode(self.data).decode(), "height": self.height, "width": self.width}


@dataclass(frozen=True)
class Reading:
    """What the line below the pictures tells of the point under the cursor: one entry of it.

    Args:
        name: Its name, to which a panel whose confidence is painted refers.
        title: Text before the class.
        color: Hex colour of a dot before the title.
        ids: Class ids; None where there is no answer.
        confidence: Confidence in steps of 1/100, perhaps smaller than `ids`; None where it is not stored.
    """

    name: str
    title: str
    color: str | None = None
    ids: Plane | None = None
    confidence: Plane | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the viewer's script takes it."""
        planes = {
            name: plane and plane.to_dict() for name, plane in (("ids", self.ids), ("confidence", self.confidence))
        }
        return {"name": self.name, "title": self.title, "color": self.color, **planes}


@dataclass(frozen=True)
class Panel:
    """One picture of the viewer.

    Args:
        title: Text under the picture, left.
        note: Text under the picture, right, e.g. a score.
        photo: Name of a photo given to the viewer, or None.
        layer: Palette PNG over the photo, or None.
        fixed: Whether the opacity slider leaves the layer alone (masks, error maps).
        color: Hex colour of a dot before the title.
        problem: Text in place of a picture.
        doubt: Name of a reading; its confidence is painted over the photo where it is below the threshold slider.
    """

    title: str
    note: str = ""
    photo: str | None = None
    layer: bytes | None = None
    fixed: bool = False
    color: str | None = None
    problem: str = ""
    doubt: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the viewer's script takes it."""
        return vars(self) | {"layer": self.layer and data_uri(self.layer)}


class Mark(NamedTuple):
    """One entry of the legend of colours: its meaning and a CSS background."""

    text: str
    background: str


def viewer(
    panels: Sequence[Panel],
    photos: Mapping[str, bytes],
    size: tuple[int, int],
    *,
    key: str,
    slider: bool = True,
    smallest: int = 300,
    swipe: bool = False,
    lead: int = 0,
    marks: Sequence[Mark] = (),
    readings: Sequence[Reading] = (),
    labels: LabelMap | None = None,
    on_step: Callable[[int], None] | None = None,
) -> None:
    """Pictures side by side, with linked zoom and pan, and one opacity for all layers.

    Args:
        panels: What to show, in order.
        photos: Name -> JPEG, each sent once however many panels use it.
        size: (height, width) of the pictures; the boxes keep this shape, so nothing jumps.
        key: Streamlit key, unique on the page.
        slider: Whether there is an opacity slider.
        smallest: Width in px below which a panel wraps to the next row.
        swipe: Whether the two panels lie on one another; the first shows left of a handle that can be dragged.
        lead: Number of panels in the first row; the others begin in a row of their own.
        marks: Legend of the colours that are no class's.
        readings: Entries of the line below, the truth first; without any there is no line.
        labels: Names and colours of the readings' ids, and of the classes in the legend of a saved picture.
        on_step: Called with -1 or 1 when an arrow key is pressed.

    Raises:
        ValueError: when there are not two panels to swipe, or readings without labels.
    """
    if swipe and len(panels) != 2:
        raise ValueError(f"{len(panels)} panels to swipe; expected 2.")
    if readings and labels is None:
        raise ValueError(f"{len(readings)} readings without labels; they hold ids alone.")
    has_confidence = any(panel.doubt for panel in panels)
    opacity = url_state.get("opacity", OPACITY, url_state.Between(0, 1))
    threshold = url_state.get("threshold", THRESHOLD, url_state.Between(0, 1)) if has_confidence else None
    render = component("viewer", _HTML, *_SCRIPTS)

    def keep(name: str) -> None:
        url_state.put(name, float(st.session_state[key][name]))

    def step() -> None:
        if on_step is not None and st.session_state[key].get("step"):
            on_step(int(st.session_state[key]["step"]))

    def figure() -> alt.LayerChart:
        return viewer_figure(
            panels,
            photos,
            size,
            opacity=opacity,
            threshold=threshold or 0,
            marks=marks,
            readings=readings,
            labels=labels,
        )

    if on_step is not None:
        shortcuts.offer(("ArrowLeft", "ArrowRight"), "image before, next image")
    if readings:
        shortcuts.offer(
            ("Tab", "+", "-", "0"), "go to the pictures, zoom in, out, whole picture; arrows move the point"
        )
    with saved_as(key, figure, style="pictures"):
        render(
            key=key,
            data=[  # a list: Streamlit looks for data frames in a dict, and imports pandas to do so
                {
                    "panels": [panel.to_dict() for panel in panels],
                    "photos": {name: data_uri(photo) for name, photo in photos.items()},
                    "size": list(size),
                    "min": f"{smallest}px",
                    "opacity": opacity if slider else None,
                    "threshold": threshold,
                    "swipe": swipe,
                    "lead": 0 if swipe else lead,
                    "key": [mark._asdict() for mark in marks],
                    "keys": on_step is not None,
                    "readings": [reading.to_dict() for reading in readings],
                    **_classes(labels),
                    "ramp": base64.b64encode(confidence_palette(0)[: LEVELS + 1].tobytes()).decode(),
                    "mark": list(MARKED),
                }
            ],
            on_opacity_change=lambda: keep("opacity"),
            on_threshold_change=lambda: keep("threshold"),
            on_step_change=step,
        )


def viewer_figure(
    panels: Sequence[Panel],
    photos: Mapping[str, bytes],
    size: tuple[int, int],
    *,
    opacity: float,
    threshold: float,
    marks: Sequence[Mark],
    readings: Sequence[Reading],
    labels: LabelMap | None,
) -> alt.LayerChart:
    """Draw the pictures of a viewer for paper, with a legend of the classes that their layers show and of the marks.

    The arguments are those of `viewer`; `opacity` and `threshold` are where its sliders stand.
    """
    from segcore.visual.picture_grid import Picture, classes_in, picture_grid

    confidence = {reading.name: reading.confidence for reading in readings}
    pictures, layers = [], []
    for panel in panels:
        stack = [(photos[panel.photo], 1.0)] if panel.photo is not None else []
        if panel.layer is not None:
            stack.append((panel.layer, 1.0 if panel.fixed else opacity))
            layers.append(panel.layer)
        doubt = confidence.get(panel.doubt or "")
        if doubt is not None:
            stack.append((encode_png(doubt.values(), confidence_palette(threshold)), 1.0))
        pictures.append(Picture(stack, size, panel.title, "–" if panel.problem else panel.note))
    columns = 2 if len(pictures) in (2, 4) else 3
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    classes = {} if labels is None else classes_in(layers, labels)
    return picture_grid(rows, width=FIGURE_WIDTH, classes=classes | dict(map(_printed_mark, marks)))


def _printed_mark(mark: Mark) -> tuple[str, str]:
    """(text, colour) of a mark: the last colour of a gradient, where it is strongest."""
    return mark.text, _COLOR.findall(mark.background)[-1].replace(" ", ",")


def _classes(labels: LabelMap | None) -> dict[str, Any]:
    """Names and colours of ids, and the name of ids that are never scored."""
    if labels is None:
        return {"names": [], "colors": [], "unscored": ""}
    return {
        "names": list(labels.names),
        "colors": labels.hex_colors,
        "unscored": " or ".join(name for name, _ in labels.ignored[:2]) or "ignored",
    }
