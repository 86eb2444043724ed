"""Reads an uploaded image, with or without its mask: checks it, turns it upright and makes it small enough.

Uploaded files are not trusted: few formats are read, and pixels are counted from the header before any is decoded. Of
all sessions' large pictures one is decoded at a time, and all but grey and RGB are converted in bands: fifty million
pixels take up to 0.8 GB.
Messages give sizes as width × height, as photo programs do.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from segcore.arrays import U8, U8Image
from segcore.data.class_lists import ClassList
from segcore.data.decode import (
    EXIF_ORIENTATION,
    FORMATS,
    SIDEWAYS,
    check_lossless,
    mask_pixels,
    readable,
    stored_mode,
    to_rgb,
)
from segcore.data.image_depth import fitting_depth
from segcore.data.mask_coding import MaskCoding, to_ids
from segcore.data.sample import Sample
from segcore.errors import DatasetError
from segcore.labels import IGNORE_INDEX, LabelMap

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000  # above any phone's photo; 150 MB as RGB
LONGEST = 1280  # px, the longer side of the image after reading
_LARGE = 4_000_000  # pixels from which on pictures wait for each other
_ONE_AT_A_TIME = threading.RLock()  # an image and its mask are one
_ROWS = 64  # of the result that are converted at a time

Size = tuple[int, int]  # width, height

# EXIF orientation -> function that turns the stored pixels upright
_TURNS: dict[int, Callable[[U8], U8]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True)
class Upload:
    """An uploaded image as a sample, and notes on how it was changed, a short phrase each."""

    sample: Sample
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Picture:
    """A decoded file.

    Args:
        image: Its pixels, as they are stored.
        where: The file's name, for errors.
        orientation: 1 to 8, by EXIF; 1 is upright.
        turned: Whether Pillow has turned it upright already, as it does with TIFF.
        frames: Number of images in the file.
        deep: Whether it has 16 bits a channel.
        bits: How many of them its brightest pixel needs; 12-bit pictures would be nearly black by their high byte.
        stored_mode: How its pixels are stored, as `decode.stored_mode` says.
    """

    image: Image.Image
    where: str
    orientation: int
    turned: bool
    frames: int
    deep: bool
    bits: int
    stored_mode: str

    @property
    def upright(self) -> Size:
        """Its size after turning."""
        return self.image.size if self.turned or self.orientation not in SIDEWAYS else self.image.size[::-1]

    @property
    def stored(self) -> Size:
        """Its size before turning."""
        return self.upright[::-1] if self.orientation in SIDEWAYS else self.upright

    def turn(self, pixels: U8) -> U8:
        """Turn pixels of this image upright."""
        return pixels if self.turned else _turn(pixels, self.orientation)


class _Band(NamedTuple):
    """Some rows of an image, and of what it is made smaller to.

    Args:
        first: First row of the smaller image.
        end: The row behind its last.
        top: Where they begin in the pixels, in rows of those.
        bottom: Where they end there.
        pixels: The rows of the image that they are made of.
    """

    first: int
    end: int
    top: float
    bottom: float
    pixels: Image.Image


def read_upload(
    image: bytes,
    image_name: str,
    labels: LabelMap,
    mask: bytes | None = None,
    mask_name: str = "",
    color_tolerance: int = 0,
) -> Upload:
    """Read an uploaded image, with its mask if there is one, as a sample.

    Args:
        image: Bytes of the image file, in one of `decode.FORMATS`.
        image_name: Its name; the sample's id is made from it.
        labels: Classes of the mask. Its ids number the scored classes first, then the ignored ones.
        mask: Bytes of the mask file, lossless. Without one every pixel is 255 (ignored).
        mask_name: Its name, for errors.
        color_tolerance: Largest per-channel distance at which an unknown colour of the mask takes its nearest class.

    Returns:
        A sample of the split `upload`, at most `LONGEST` pixels on its longer side, and notes on how it was changed.

    Raises:
        DatasetError: when a file is empty, damaged, too large, no image or of floats, or when the two don't fit.
        LabelError: when the mask holds a colour that is no class.
    """
    with ExitStack() as held:
        picture = _open(image, _file_name(image_name, "image"), held)
        width, height = _limited(picture.upright)
        with readable(image, picture.where):  # a damaged palette shows when colours are converted
            notes = _notes(picture)
            pixels = picture.turn(_small_rgb(picture))
        if (width, height) != picture.upright:
            notes.append(f"made smaller: {_text(picture.upright)} → {_text((width, height))}")

        if mask is None:
            ids = np.full((height, width), IGNORE_INDEX, np.uint8)
            notes.append("no mask: every pixel counts as not labelled")
        else:
            drawn = _open(mask, _file_name(mask_name, "mask"), held)
            check_lossless(drawn.image, drawn.where)
            with_image = _turns_with(drawn, picture)
            # Nearest: a mean would invent ids. Before decoding, which takes ten times the memory of the file's pixels.
            with readable(mask, drawn.where):
                small = drawn.image.resize(_limited(drawn.image.size), Image.Resampling.NEAREST)
                stored = mask_pixels(small, drawn.where, drawn.stored_mode)
            ids = to_ids(stored, MaskCoding(ClassList.of(labels), labels, tolerance=color_tolerance))
            ids = _turn(ids, picture.orientation) if with_image else drawn.turn(ids)
            notes += _mask_notes(drawn, picture, with_image)
        sample_id = picture.where.rpartition(".")[0] or picture.where
        return Upload(
            Sample(sample_id, np.ascontiguousarray(pixels), np.ascontiguousarray(ids), "upload"), tuple(notes)
        )


def _open(data: bytes, where: str, held: ExitStack) -> _Picture:
    """Check the header of a file, and decode it; a large one once no other is in work, until `held` ends.

    Raises:
        DatasetError: when it is empty, damaged, too large, or no image.
    """
    if len(data) > MAX_BYTES:
        raise DatasetError(
            f"{where}: {len(data) / 2**20:.1f} MB; expected at most {MAX_BYTES / 2**20:.0f} MB. "
            "Make it smaller first, or save it as JPEG."
        )
    with readable(data, where):
        try:
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            _refuse_pixels(where, f"more than {2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS) // 1_000_000}")
        width, height = picture.size
    if width * height > MAX_PIXELS:
        _refuse_pixels(where, f"{_text(picture.size)}, that is {width * height / 1e6:.0f}")
    if width * height > _LARGE:
        held.enter_context(_ONE_AT_A_TIME)
    with readable(data, where):
        stored = stored_mode(picture)
        deep = picture.mode.startswith("I") or any(";16" in str(tile.args) for tile in picture.tile)
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        orientation = picture.getexif().get(EXIF_ORIENTATION)  # before loading: a TIFF then forgets it
        picture.load()
    orientation = orientation if orientation in _TURNS else 1
    bits = 16
    if picture.mode.startswith("I"):
        bits = fitting_depth(max(int(np.asarray(band.pixels).max()) for band in _bands(picture)))
    return _Picture(picture, where, orientation, picture.format == "TIFF", frames, deep, bits, stored)


def _refuse_pixels(where: str, got: str) -> None:
    raise DatasetError(
        f"{where}: {got} million pixels; expected at most {MAX_PIXELS // 1_000_000} million. "
        f"Make it smaller first: it would be worked on at {LONGEST} pixels on its longer side."
    )


def _notes(picture: _Picture) -> list[str]:
    """Notes on what reading an image as RGB leaves out or changes."""
    notes = []
    if picture.frames > 1:
        notes.append(_frames(picture))
    if picture.image.mode == "CMYK":
        notes.append("CMYK converted to RGB")
    if picture.deep:
        used = "the high byte" if picture.bits == 16 else f"its brightest pixel needs {picture.bits}, shown as 8"
        notes.append(f"16 bits a channel: {used}")
    if picture.image.has_transparency_data and any(
        np.asarray(band.pixels.convert("RGBA").getchannel("A")).min() < 255 for band in _bands(picture.image)
    ):
        notes.append("transparency left out: the colours below it show")
    if picture.orientation != 1:
        notes.append("turned upright by its EXIF orientation")
    return notes


def _mask_notes(drawn: _Picture, picture: _Picture, with_image: bool) -> list[str]:
    notes = [f"mask {_frames(drawn)}"] if drawn.frames > 1 else []
    if with_image:
        notes.append("mask turned with its image")
    elif drawn.orientation != 1:
        notes.append("mask turned upright by its EXIF orientation")
    elif picture.orientation != 1 and drawn.stored == picture.stored:
        notes.append("mask taken to be upright already")  # it fits both ways, so no size can tell
    return notes


def _frames(picture: _Picture) -> str:
    if picture.image.format == "TIFF":
        return f"of {picture.frames} pages: the first"
    return f"animated: the first of {picture.frames} frames"


def _turns_with(drawn: _Picture, picture: _Picture) -> bool:
    """Whether a mask was drawn over the stored pixels of its image, and so must be turned with it.

    Raises:
        DatasetError: when it fits neither the stored pixels nor the upright ones.
    """
    if drawn.upright == picture.upright:
        return False
    if drawn.orientation == 1 and drawn.stored == picture.stored:
        return True
    shown = " once it is upright" if picture.orientation in SIDEWAYS else ""
    raise DatasetError(
        f"{drawn.where}: the mask is {_text(drawn.upright)}, {picture.where} is {_text(picture.upright)}{shown}; "
        "they must match. Upload the mask that was drawn over this image, at its size."
    )


def _limited(size: Size) -> Size:
    """The size scaled so that its longer side is at most `LONGEST`."""
    scale = LONGEST / max(size)
    return size if scale >= 1 else (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _small_rgb(picture: _Picture) -> U8Image:
    """RGB with at most `LONGEST` pixels on the longer side; each pixel is the mean of its area."""
    image, (width, height) = picture.image, _limited(picture.image.size)
    if image.mode in {"RGB", "L"}:  # most photos, shrunk before anything copies them
        return to_rgb(image.resize((width, height), Image.Resampling.BOX), picture.where)
    small = np.empty((height, width, 3), np.uint8)
    for band in _bands(image):
        rgb = Image.fromarray(to_rgb(band.pixels, picture.where, picture.bits))
        size, area = (width, band.end - band.first), (0, band.top, image.width, band.bottom)
        small[band.first : band.end] = np.asarray(rgb.resize(size, Image.Resampling.BOX, area))
    return small


def _bands(image: Image.Image) -> Iterator[_Band]:
    """An image in bands of its rows, since converted as a whole it would take several times its memory."""
    height = _limited(image.size)[1]
    scale = image.height / height
    for first in range(0, height, _ROWS):
        end = min(first + _ROWS, height)
        top, bottom = first * scale, min(end * scale, image.height)
        start = math.floor(top)
        pixels = image.crop((0, start, image.width, math.ceil(bottom)))
        yield _Band(first, end, top - start, bottom - start, pixels)


def _turn(pixels: U8, orientation: int) -> U8:
    return _TURNS[orientation](pixels) if orientation in _TURNS else pixels


def _text(size: Size) -> str:
    return f"{size[0]} × {size[1]}"


def _file_name(name: str, otherwise: str) -> str:
    """A file's name without folders and unprintable characters, shortened to 80."""
    own = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in own if letter.isprintable()).strip() or otherwise
    return shown if len(shown) <= 80 else f"{shown[:60]}…{shown[-15:]}"
