"""Draws a contact sheet of a dataset: image, mask and overlay side by side, and the classes with their shares."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from segcore.arrays import F64, U8, U8Mask
from segcore.data import Dataset, Sample, class_balance
from segcore.data.sampling import spread
from segcore.errors import number
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.visual.overlay import hatch, overlay

PANEL, GAP, LINE = 260, 8, 20  # pixels: width of a panel, space between panels, height of a line of text
COLUMNS = 2  # samples side by side
SHOWN = 4  # samples of a split
INK, PAPER, FAINT = (30, 30, 30), (255, 255, 255), (110, 110, 110)


def contact_sheet(dataset: Dataset, kind: Literal["PNG", "JPEG"] = "PNG") -> bytes:
    """Draw a few samples of every split of a dataset as a picture; pixels that are not scored are hatched.

    The shares of the classes are those in these samples.

    Raises:
        DatasetError: when a sample can't be read, or the dataset has none.
    """
    chosen = [name for ids in dataset.splits.values() for name in spread(ids, SHOWN)]
    shares = class_balance(dataset, chosen).frequency
    title = f"{dataset.name}: {number(len(dataset), 'sample')}, masks are {dataset.mask_rule or 'drawn'}"
    return _drawn([dataset[name] for name in chosen], dataset.labels, shares, title, kind)


def _drawn(samples: Sequence[Sample], labels: LabelMap, shares: F64, title: str, kind: str) -> bytes:
    rows = [samples[start : start + COLUMNS] for start in range(0, len(samples), COLUMNS)]
    heights = [max(map(_panel_height, row)) for row in rows]
    width = COLUMNS * 3 * (PANEL + GAP) + GAP
    legend = _legend(labels, shares, width)
    sheet = Image.new("RGB", (width, 2 * LINE + sum(heights) + len(rows) * (LINE + GAP) + legend.height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, LINE // 2), title, INK, ImageFont.load_default(16))
    top = 2 * LINE
    for row, height in zip(rows, heights, strict=True):
        for column, sample in enumerate(row):
            left = GAP + column * 3 * (PANEL + GAP)
            draw.text((left, top), _cut(f"{sample.id}  ({sample.split})", 3 * PANEL), FAINT, _font())
            for place, panel in enumerate(_panels(sample, labels)):
                sheet.paste(Image.fromarray(panel), (left + place * (PANEL + GAP), top + LINE))
        top += LINE + height + GAP
    sheet.paste(legend, (0, top))
    data = io.BytesIO()
    sheet.save(data, kind, quality=90)
    return data.getvalue()


def _panel_height(sample: Sample) -> int:
    height, width = sample.size
    return max(1, min(2 * PANEL, round(PANEL * height / width)))


def _panels(sample: Sample, labels: LabelMap) -> tuple[U8, U8, U8]:
    """Image, mask in colours, and both, each `[h, PANEL, 3]`."""
    size = (PANEL, _panel_height(sample))
    image = np.asarray(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.asarray(cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return image, _colored(mask, labels), overlay(image, mask, labels, opacity=0.5)


def _colored(mask: U8Mask, labels: LabelMap) -> U8:
    lines = np.where(hatch(mask.shape)[..., None], np.uint8(150), np.uint8(235))
    return np.where((mask == IGNORE_INDEX)[..., None], lines, labels.to_rgb(mask)).astype(np.uint8)


def _legend(labels: LabelMap, shares: F64, width: int) -> Image.Image:
    """The classes by share, the most frequent first, then those that are not scored."""
    order = np.argsort(-shares, kind="stable")
    texts = [(labels.colors[index], f"{labels.names[index]}  {_percent(float(shares[index]))}") for index in order]
    texts += [(color, f"{name}  not scored") for name, color in labels.ignored]
    columns = max(1, width // (PANEL + GAP))
    lines = -(-len(texts) // columns)
    picture = Image.new("RGB", (width, lines * LINE + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    for place, (color, text) in enumerate(texts):
        left, top = GAP + place // lines * (PANEL + GAP), GAP + place % lines * LINE
        draw.rectangle((left, top + 3, left + 14, top + 17), color, FAINT)
        draw.text((left + 22, top + 2), _cut(text, PANEL - 22), INK, _font())
    return picture


def _percent(share: float) -> str:
    """A share of pixels in words.

    >>> _percent(0.4213), _percent(0.0004), _percent(0)
    ('42.1 %', 'below 0.1 %', 'never')
    """
    if share <= 0:
        return "never"
    return f"{100 * share:.1f} %" if share >= 0.001 else "below 0.1 %"


def _cut(text: str, width: int) -> str:
    """A text that is no wider than some pixels."""
    font = _font()
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2].rstrip() + "…"
    return text


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(13)
