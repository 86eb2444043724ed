"""Draws a contact sheet of a dataset: image, mask and overlay side by side, and the classes with their shares."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from segcore.arrays import F64, U8, U8Mask
from segcore.errors import number
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.visual.overlay import hatch, overlay

if TYPE_CHECKING:
    from segcore.data import Dataset, Sample

Font: TypeAlias = "ImageFont.ImageFont | ImageFont.FreeTypeFont"
PANEL, GAP, LINE = 260, 8, 20  # pixels: width of a panel, space between panels, height of a line of text
COLUMNS, BETWEEN = 2, 24  # samples side by side, and pixels between them
BLOCK = 3 * (PANEL + GAP) + BETWEEN  # pixels from one sample to the next
INK, PAPER, FAINT = (30, 30, 30), (255, 255, 255), (110, 110, 110)
# Pillow's own font has the letters of English alone; these are looked for where a text has others.
WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc", "DejaVuSans.ttf", "arial.ttf")

SHEET_MARK = "Segcore, contact sheet"  # in a PNG, so that it is known as one that may be replaced


def contact_sheet(dataset: Dataset, kind: Literal["PNG", "JPEG"] = "PNG") -> bytes:
    """Draw a few samples of every split of a dataset as a picture; pixels that are not scored are hatched.

    The shares of the classes are those in these samples.

    Raises:
        DatasetError: when a sample can't be read, or the dataset has none.
    """
    labels, chosen = dataset.labels, dataset.examples()
    pixels = np.zeros(256, np.int64)
    cells = []
    for sample_id in chosen:  # one at a time: only small pictures of large ones are kept
        sample = dataset[sample_id]
        pixels += np.bincount(sample.mask.ravel(), minlength=256)
        cells.append(_cell(sample, labels))
    shares = pixels[: labels.classes] / max(1, int(pixels[: labels.classes].sum()))
    classes = "1 class" if labels.classes == 1 else f"{labels.classes} classes"
    rule = f"Masks hold {dataset.mask_rule}" if dataset.mask_rule else "Masks are drawn"
    title = f"{dataset.name}: {number(len(dataset), 'sample')}, {classes}"
    facts = f"Layout: {dataset.layout}. {rule}." if dataset.layout else f"{rule}."
    legend = _legend(labels, shares, f"Shares of the scored pixels of these {number(len(chosen), 'sample')}")
    data, made_by = io.BytesIO(), PngInfo()
    made_by.add_text("Software", SHEET_MARK)
    _sheet(cells, (title, facts), legend).save(data, kind, quality=90, pnginfo=made_by)
    return data.getvalue()


def validation_sheet(rows: Sequence[tuple[U8, U8Mask, U8Mask]], labels: LabelMap) -> bytes:
    """Draw image, truth and prediction of a few samples, one below the other, as JPEG.

    Args:
        rows: `[H, W, 3]` uint8 RGB, and `[H, W]` uint8 ids of the truth and of the prediction, of each sample.
        labels: Colours of the ids; pixels that are not scored are hatched in the truth.
    """
    pictures = []
    for image, truth, prediction in rows:
        size = (PANEL, max(1, round(PANEL * image.shape[0] / image.shape[1])))
        masks = (cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in (truth, prediction))
        panels = [
            cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            *(_colored(np.asarray(mask, np.uint8), labels) for mask in masks),
        ]
        pictures.append(
            np.hstack([np.pad(panel, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for panel in panels])
        )
    sheet = Image.fromarray(np.vstack(pictures)[:-GAP, :-GAP])
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=85)
    return data.getvalue()


def share_text(share: float) -> str:
    """A share of pixels in words.

    >>> share_text(0.4213), share_text(0.0004), share_text(0)
    ('42.1 %', '< 0.1 %', '0 %')
    """
    if share <= 0:
        return "0 %"
    return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"


def _sheet(cells: Sequence[Image.Image], titles: tuple[str, str], legend: Image.Image) -> Image.Image:
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    heights = [max(cell.height for cell in row) + GAP for row in rows]
    sheet = Image.new("RGB", (legend.width, 3 * LINE + sum(heights) + legend.height), PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (GAP, GAP), titles[0], sheet.width, size=16)
    _write(draw, (GAP, GAP + LINE + 4), titles[1], sheet.width, FAINT)
    top = 3 * LINE
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            sheet.paste(cell, (GAP + column * BLOCK, top))
        top += height
    sheet.paste(legend, (0, top))
    return sheet


def _cell(sample: Sample, labels: LabelMap) -> Image.Image:
    """Image, mask in colours, and both, side by side under the sample's id."""
    height, width = sample.size
    scale = min(PANEL / width, 2 * PANEL / height)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    image = np.asarray(cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.asarray(cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    cell = Image.new("RGB", (3 * PANEL + 2 * GAP, LINE + size[1]), PAPER)
    _write(ImageDraw.Draw(cell), (0, 0), f"{sample.id}  ({sample.split})", cell.width, FAINT)
    for place, panel in enumerate((image, _colored(mask, labels), overlay(image, mask, labels, opacity=0.5))):
        cell.paste(Image.fromarray(panel), (place * (PANEL + GAP), LINE))
    return cell


def _colored(mask: U8Mask, labels: LabelMap) -> U8:
    return np.where((mask == IGNORE_INDEX)[..., None], _hatched(mask.shape), labels.to_rgb(mask)).astype(np.uint8)


def _hatched(shape: tuple[int, ...]) -> U8:
    """`[H, W, 1]`: how pixels that are not scored look."""
    return np.where(hatch(shape)[..., None], np.uint8(150), np.uint8(235))


def _legend(labels: LabelMap, shares: F64, title: str) -> Image.Image:
    """The classes that occur, the most frequent first, those that are not scored, and how many do not occur."""
    texts = [(name, share_text(float(share))) for name, share in zip(labels.names, shares, strict=True)]
    order = [index for index in np.argsort(-shares, kind="stable") if shares[index] > 0]
    rows = [(*texts[index], np.full((15, 15, 3), labels.colors[index], np.uint8), int(index)) for index in order]
    swatch = np.broadcast_to(_hatched((15, 15)), (15, 15, 3))
    rows += [(name, "not scored", swatch, IGNORE_INDEX) for name, _ in labels.ignored]
    width = COLUMNS * BLOCK - BETWEEN + GAP
    columns = width // (PANEL + GAP)
    lines = -(-len(rows) // columns)
    absent = labels.classes - len(order)
    picture = Image.new("RGB", (width, (lines + 1 + bool(absent)) * LINE + 3 * GAP), PAPER)
    draw = ImageDraw.Draw(picture)
    _write(draw, (GAP, GAP), title, width, FAINT)
    for place, (name, share, color, index) in enumerate(rows):
        left, top = GAP + place // lines * (PANEL + GAP), 2 * GAP + (1 + place % lines) * LINE
        picture.paste(Image.fromarray(np.ascontiguousarray(color)), (left, top + 3))
        draw.rectangle((left, top + 3, left + 14, top + 17), None, FAINT)
        room = PANEL - 30 - draw.textlength(share, _fonts(13)[0])
        end = _write(draw, (left + 22, top + 2), name, room, otherwise=f"class {index}")
        _write(draw, (end + 8, top + 2), share, PANEL, FAINT)
    if absent:
        _write(draw, (GAP, 2 * GAP + (1 + lines) * LINE + 4), _absent_text(absent), width, FAINT)
    return picture


def _absent_text(count: int) -> str:
    return (
        f"{count} classes do not occur in these samples." if count > 1 else "1 class does not occur in these samples."
    )


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    room: float,
    ink: tuple[int, int, int] = INK,
    *,
    size: int = 13,
    otherwise: str = "?",
) -> float:
    """Draw a text, cut where it is wider than `room` pixels; return where it ends.

    Letters that no font here has lose their accents or are left out; `otherwise` is drawn where none remains.
    """
    font = next((font for font in _fonts(size) if _has(font, text)), None)
    if font is None:
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip() or otherwise
        font = _fonts(size)[0]
    while len(text) > 1 and draw.textlength(text, font) > room:
        text = text[:-2].rstrip() + "…"
    draw.text(place, text, ink, font)
    return place[0] + draw.textlength(text, font)


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    """Pillow's own font, then those of `WIDE_FONTS` that are here."""
    fonts: list[Font] = [ImageFont.load_default(size)]
    for name in WIDE_FONTS:
        with suppress(OSError):
            fonts.append(ImageFont.truetype(name, size))
    return tuple(fonts)


def _has(font: Font, text: str) -> bool:
    """Whether a font has every letter of a text, and no empty box in its place."""
    box = bytes(font.getmask("\uffff"))
    return text.isascii() or all(letter.isascii() or bytes(font.getmask(letter)) != box for letter in text)
