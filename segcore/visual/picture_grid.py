"""Draws pictures in rows and columns with their names, and a legend of the classes they show, as one chart."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from segcore.arrays import U8Image, U8Mask
from segcore.labels import LabelMap
from segcore.visual.image_encoding import data_uri, encode_jpeg, encode_layer, encode_png

if TYPE_CHECKING:
    from segcore.data import Sample

GAP, BETWEEN = 6, 10  # px between columns, and between rows
LINE = 16  # px of the line above a picture
FONT = 10  # px
LETTER = 5.7  # px of a letter's width, rather more than less
OPACITY = 0.55  # of class colours over a photo
PREVIEW = 240  # px, width of a picture in a notebook
SHARP = 300 / 96  # pixels of a picture for a px of the chart: sharp in print


@dataclass(frozen=True)
class Picture:
    """One picture of a grid.

    Args:
        layers: (JPEG or PNG, opacity 0-1), the lowest first.
        size: (height, width), for its shape alone.
        title: Above it, left.
        note: Above it, right.
    """

    layers: Sequence[tuple[bytes, float]]
    size: tuple[int, int]
    title: str = ""
    note: str = ""

    def to_html(self, width: int) -> str:
        """The layers on top of each other, `width` px wide."""
        box = f"width:{width}px;height:{width * self.size[0] / self.size[1]:.0f}px"
        images = "".join(
            f'<img src="{data_uri(data)}" alt="{escape(self.title)}" style="position:absolute;{box};opacity:{opacity}">'
            for data, opacity in self.layers
        )
        return f'<div style="display:inline-block;position:relative;{box}">{images}</div>'


def picture_grid(
    rows: Sequence[Sequence[Picture]], *, width: int, classes: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """Draw rows of pictures, all equally wide, with a legend below.

    Args:
        rows: Rows of pictures; the longest decides how many columns there are.
        width: Width in px.
        classes: Name -> hex of what the legend explains; none for no legend.
    """
    columns = max(map(len, rows))
    side = _side(width, columns)
    pictures, words, top = [], [], 0.0
    for row in rows:
        titled = any(picture.title or picture.note for picture in row)
        top += LINE if titled else 0
        height = 0.0
        for column, picture in enumerate(row):
            left, high = column * (side + GAP), side * picture.size[0] / picture.size[1]
            height = max(height, high)
            pictures += [
                {"x": left, "y": top, "width": side, "height": high, "url": data_uri(data), "opacity": opacity}
                for data, opacity in picture.layers
            ]
            words += _words(picture, left, top - 5, side)
        top += height + BETWEEN
    x, y = alt.X("x:Q", scale=None, axis=None), alt.Y("y:Q", scale=None, axis=None)
    images = (
        alt.Chart(pd.DataFrame(pictures))
        .mark_image(
            align="left",
            baseline="top",
            aspect=False,
            width=alt.expr("datum.width"),
            height=alt.expr("datum.height"),
        )
        .encode(x=x, y=y, url="url:N", opacity=alt.Opacity("opacity:Q", scale=None))
    )
    layers: list[alt.Chart] = [images]
    if words:
        texts = alt.Chart(pd.DataFrame(words)).encode(x=x, y=y, text="text:N")
        layers.append(
            texts.mark_text(
                align=alt.expr("datum.align"), baseline="bottom", fontSize=FONT, limit=alt.expr("datum.limit")
            )
        )
    if classes:
        layers.append(_legend(classes, width))
    pad = alt.AutoSizeParams(type="pad", contains="padding")
    return alt.LayerChart(layer=layers).properties(width=width, height=max(1, top - BETWEEN), autosize=pad)


def pixels(width: int, columns: int) -> int:
    """Width in pixels that a picture needs in a grid of `width` px with some columns."""
    return round(SHARP * _side(width, columns))


def _side(width: int, columns: int) -> float:
    """Width in px of a picture in a grid of `width` px with some columns."""
    return (width - GAP * (columns - 1)) / columns


def photo(image: U8Image, width: int) -> tuple[bytes, float]:
    """The lowest layer of a picture: an image `[H, W, 3]` RGB uint8, at most `width` pixels wide."""
    return encode_jpeg(image, width=width, quality=92), 1.0


def classes_shown(labels: LabelMap, masks: Collection[U8Mask]) -> dict[str, str]:
    """Name -> hex of the scored classes that occur in any of some masks `[H, W]` uint8, for a legend."""
    seen = np.unique(np.concatenate([np.unique(mask) for mask in masks])) if masks else np.array([], np.uint8)
    return {labels.names[index]: labels.hex_colors[index] for index in seen.tolist() if index < labels.classes}


def classes_in(layers: Collection[bytes], labels: LabelMap) -> dict[str, str]:
    """Name -> hex of the classes whose colour occurs in any of some PNG layers, for a legend."""
    seen: set[str] = set()
    for layer in layers:
        pixels = np.asarray(Image.open(io.BytesIO(layer)).convert("RGBA"))
        codes = pixels[pixels[..., 3] > 0][:, :3] @ np.array([1 << 16, 1 << 8, 1])
        seen |= {f"#{code:06x}" for code in np.unique(codes).tolist()}
    return {name: code for name, code in zip(labels.names, labels.hex_colors, strict=True) if code in seen}


def sample_sheet(samples: Sequence[Sample], labels: LabelMap, *, width: int) -> alt.LayerChart:
    """Draw image, mask and overlay of each sample, two samples a row, and the classes that they show."""
    cells = [sample_pictures(sample, labels, pixels(width, 6)) for sample in samples]
    rows = [[picture for cell in cells[at : at + 2] for picture in cell] for at in range(0, len(cells), 2)]
    return picture_grid(rows, width=width, classes=classes_shown(labels, [sample.mask for sample in samples]))


def sample_html(sample: Sample) -> str:
    """Image, mask and overlay of one sample as HTML; the image alone where the sample doesn't know its classes."""
    if sample.labels is None:
        pictures = [Picture([photo(sample.image, PREVIEW)], sample.size, sample.id)]
    else:
        pictures = sample_pictures(sample, sample.labels, PREVIEW)
    return f"<div>{' '.join(picture.to_html(PREVIEW) for picture in pictures)}</div>{escape(repr(sample))}"


def sample_pictures(sample: Sample, labels: LabelMap, width: int) -> list[Picture]:
    """Image, mask and overlay of a sample, each at most `width` pixels wide."""
    image, layer = photo(sample.image, width), encode_layer(sample.mask, labels, width=width)
    return [
        Picture([image], sample.size, sample.id),
        Picture([(encode_png(sample.mask, labels.palette, width=width), 1.0)], sample.size, "mask"),
        Picture([image, (layer, OPACITY)], sample.size, "overlay", sample.split),
    ]


def _words(picture: Picture, left: float, bottom: float, side: float) -> list[dict[str, object]]:
    """The texts above a picture: the title is cut in its middle, since names that differ often do at their end."""
    room = side - LETTER * (len(picture.note) + 1) if picture.note else side
    name, most = picture.title, max(3, int(room / LETTER))
    if len(name) > most:
        name = f"{name[: most // 2]}…{name[most // 2 + 1 - most :]}"
    title = {"x": left, "y": bottom, "text": name, "align": "left", "limit": max(1.0, room)}
    note = {"x": left + side, "y": bottom, "text": picture.note, "align": "right", "limit": side}
    return [text for text in (title, note) if text["text"]]


def _legend(classes: Mapping[str, str], width: int) -> alt.Chart:
    """Squares of the classes with their names, in as many columns as have room; the marks themselves are unseen."""
    column = LETTER * max(map(len, classes)) + 34
    legend = alt.Legend(
        orient="bottom",
        title=None,
        symbolType="square",
        symbolOpacity=1,
        symbolSize=90,
        columns=max(1, int(width / column)),
        labelFontSize=FONT,
        offset=8,
    )
    scale = alt.Scale(domain=list(classes), range=list(classes.values()))
    marks = alt.Chart(pd.DataFrame({"class": list(classes)})).mark_square(opacity=0)
    return marks.encode(x=alt.value(0), y=alt.value(0), color=alt.Color("class:N", scale=scale, legend=legend))
