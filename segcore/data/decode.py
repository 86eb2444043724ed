"""Decodes the bytes of a file to an RGB image or a mask of ids. Only Pillow reads the files of users."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from segcore.arrays import U8, Bool, U8Image, U8Mask
from segcore.data.class_lists import ClassList
from segcore.errors import DatasetError, LabelError
from segcore.labels import IGNORE_INDEX, LabelMap

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
EXIF_ORIENTATION = 0x0112
_DAMAGED = (
    *(OSError, SyntaxError, ValueError, TypeError, EOFError, MemoryError, zlib.error, struct.error),
    *(RuntimeError, LookupError, ArithmeticError, AssertionError),  # AVIF, GIF and MPO
)


@dataclass(frozen=True)
class MaskCoding:
    """How the masks of a dataset become ids of its labels.

    Args:
        classes: The classes that the masks are written in.
        target: Labels whose ids the decoded masks hold.
        ids_only: Palette masks are always ids, whatever their palette says.
        tolerance: Largest per-channel distance at which an unknown colour takes its nearest class.
    """

    classes: ClassList
    target: LabelMap
    ids_only: bool = False
    tolerance: int = 0

    @cached_property
    def to_target(self) -> U8:
        """`[256]`: id in `classes` -> id in `target`."""
        return self.classes.labels.mapping_to(self.target)

    @cached_property
    def value_to_target(self) -> U8:
        """`[256]`: value in an id mask -> id in `target`."""
        table = np.full(256, IGNORE_INDEX, np.uint8)
        table[list(self.classes.values)] = self.to_target[: len(self.classes.values)]
        return table

    @cached_property
    def known_values(self) -> Bool:
        """`[256]` bool: the values that an id mask may hold; 255 is always "not labelled"."""
        known = np.zeros(256, bool)
        known[[*self.classes.values, IGNORE_INDEX]] = True
        return known

    @cached_property
    def grey(self) -> bool:
        """Whether every class has a grey colour, so that a grey mask holds colours (0 and 255, say) and no ids."""
        colors = self.classes.labels.colors
        return self.classes.colored and not self.ids_only and all(len(set(color)) == 1 for color in colors)


def decode_image(data: bytes, where: str) -> U8Image:
    """Decode an image file to RGB, turned upright by its EXIF orientation.

    Grey and palette images become RGB, CMYK is converted, 16-bit channels keep their high byte, alpha is dropped.

    Args:
        data: Bytes of the file.
        where: Its name, for the error.

    Returns:
        `[H, W, 3]` uint8.

    Raises:
        DatasetError: when it is empty, corrupt, no image, or of floats.
    """
    with readable(data, where):
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        image.load()
    return to_rgb(image, where)


def to_rgb(image: Image.Image, where: str) -> U8Image:
    """Convert an opened image to RGB as `decode_image` does, without turning it.

    Raises:
        DatasetError: when it is of floats or of more than 16 bits a channel.
    """
    if image.mode.startswith("I"):
        return np.repeat(_high_byte(np.asarray(image), where)[..., None], 3, axis=2)
    if image.mode == "F":
        raise DatasetError(f"{where}: an image of floats; expected 8 or 16 bits a channel. Save it as PNG or JPEG.")
    return np.asarray(image.convert("RGB"))


def read_size(stream: IO[bytes], where: str) -> tuple[int, int]:
    """(height, width) of an image as it will be decoded, from its header.

    Raises:
        DatasetError: when it is empty or no image.
    """
    with readable(None, where), Image.open(stream) as image:
        width, height = image.size
        # Asking a PNG without an EXIF chunk for it would decode its pixels.
        tagged = image.format != "PNG" or "exif" in image.info
        sideways = tagged and image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS
    return (width, height) if sideways else (height, width)


def decode_mask(data: bytes, where: str, coding: MaskCoding) -> U8Mask:
    """Decode a mask file of ids (grey), palette indices or colours to ids of `coding.target`.

    Returns:
        `[H, W]` uint8.

    Raises:
        DatasetError: when it is empty, corrupt, a JPEG, half transparent, or holds ids that are no class.
        LabelError: when it holds a colour that is no class.
    """
    with readable(data, where):
        image = Image.open(io.BytesIO(data))
        image.load()
    check_lossless(image, where)
    return to_ids(image, where, coding)


def check_lossless(image: Image.Image, where: str) -> None:
    """Refuse a mask in a format whose compression changes values.

    Raises:
        DatasetError: when the mask is in such a format.
    """
    if image.format in {"AVIF", "JPEG", "MPO", "WEBP"}:
        raise DatasetError(f"{where}: a mask as {image.format}; compression changes its classes. Save it as PNG.")


def to_ids(image: Image.Image, where: str, coding: MaskCoding) -> U8Mask:
    """Convert an opened mask to ids as `decode_mask` does, whatever its format, with the same errors."""
    mode, pixels = _plain(image, where)
    if image.mode == "1" and coding.grey:
        pixels = pixels * 255  # black and white
    if mode == "P":
        return _from_palette(pixels, _palette(image), where, coding)
    if mode == "RGB":
        return _from_colors(pixels, where, coding)
    if coding.grey and pixels.max() <= 255:
        return _from_colors(np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2), where, coding)
    _refuse_black_and_white(pixels, where, coding)
    return _from_ids(pixels, where, coding)


def _plain(image: Image.Image, where: str) -> tuple[str, npt.NDArray[np.integer]]:
    """(`L`, `P` or `RGB`, pixels) of a mask, without its alpha channel."""
    if image.mode in {"RGBA", "LA", "PA"}:
        if image.getchannel("A").getextrema() != (255, 255):
            raise DatasetError(f"{where}: a mask with transparent pixels; they belong to no class. Save it opaque.")
        image = image.convert("RGB" if image.mode != "LA" else "L")
    if image.mode == "1" or image.mode.startswith("I"):
        return "L", np.asarray(image).astype(np.int64)
    if image.mode in {"L", "P", "RGB"}:
        return image.mode, np.asarray(image)
    raise DatasetError(f"{where}: a mask in mode {image.mode}; expected ids, a palette or RGB colours.")


def _from_ids(ids: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> U8Mask:
    if ids.dtype == np.uint8:
        counts = np.bincount(ids.ravel(), minlength=256)
        wrong = np.flatnonzero((counts > 0) & ~coding.known_values)
        pixels = counts[wrong]
    else:
        values, counts = np.unique(ids, return_counts=True)
        bad = np.array([not (0 <= value < 256 and coding.known_values[value]) for value in values], bool)
        wrong, pixels = values[bad], counts[bad]
    if wrong.size:
        raise DatasetError(
            f"{where}: id {wrong[0]} ({pixels[0]} pixels) is no class; ids go up to {max(coding.classes.values)} "
            f"({coding.classes.labels.name}, {coding.classes.labels.classes} classes), 255 is ignored. "
            "Correct the mask or add the class to the list."
        )
    return coding.value_to_target[ids]


def _refuse_black_and_white(ids: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> None:
    """Refuse a black-and-white mask of two classes whose white pixels would silently become "not labelled"."""
    values = coding.classes.values
    if len(values) != 2 or IGNORE_INDEX in values or ids.max() != IGNORE_INDEX:
        return
    if np.isin(ids, (0, IGNORE_INDEX)).all():
        raise DatasetError(
            f"{where}: only 0 and 255 occur, but the 2 classes are ids {values[0]} and {values[1]}. "
            "Give the classes the colours 0 0 0 and 255 255 255, or save the masks as ids."
        )


def _from_colors(rgb: npt.NDArray[np.integer], where: str, coding: MaskCoding) -> U8Mask:
    colors = rgb.astype(np.uint8, copy=False)
    if coding.ids_only or not coding.classes.colored:
        if (colors[..., :1] == colors).all():
            return _from_ids(colors[..., 0], where, coding)
        raise LabelError(
            f"{where}: a mask in colours, but the classes have none. "
            "List them in label_colors.txt ('R G B name' a line), or save the masks as ids."
        )
    return coding.to_target[coding.classes.labels.to_ids(colors, source=where, tolerance=coding.tolerance)]


def _from_palette(indices: npt.NDArray[np.integer], palette: U8Image, where: str, coding: MaskCoding) -> U8Mask:
    """Read a palette mask: its colours are classes, or else its greys are ids, or else its indices are ids.

    Programs that optimise a grey mask of ids turn it into a palette of those greys, as in many copies of SegNet's
    CamVid.
    """
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
    if used[-1] >= len(palette):
        return _from_ids(indices, where, coding)
    colors = palette[used]
    all_grey = bool((colors == colors[:, :1]).all())
    if coding.classes.colored and not coding.ids_only and (coding.grey or not all_grey):
        known = {color: index for index, color in enumerate(coding.classes.labels.colors)}
        ids = [known.get((int(red), int(green), int(blue))) for red, green, blue in colors]
        if None not in ids:
            table = np.full(256, IGNORE_INDEX, np.uint8)
            table[used] = coding.to_target[np.array(ids)]
            return table[indices]
    greys = colors[:, 0]
    black_and_white = set(greys.tolist()) == {0, 255}  # a mask of two classes, not class 0 and "not labelled"
    if all_grey and not black_and_white and coding.known_values[greys].all():
        return _from_ids(palette[:, 0][indices], where, coding)
    return _from_ids(indices, where, coding)


def _palette(image: Image.Image) -> U8Image:
    return np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)


def _high_byte(pixels: npt.NDArray[np.integer], where: str) -> U8:
    if pixels.min() < 0 or pixels.max() > 65535:
        raise DatasetError(f"{where}: a 32-bit image; expected 8 or 16 bits a channel. Save it as PNG or JPEG.")
    return (pixels.astype(np.uint32) >> 8).astype(np.uint8)


@contextmanager
def readable(data: bytes | None, where: str) -> Iterator[None]:
    """Turn whatever Pillow's decoders raise on damaged files into one `DatasetError`."""
    if data == b"":
        raise DatasetError(f"{where}: an empty file (0 bytes). Get it again from its source.")
    try:
        yield
    except UnidentifiedImageError:  # Pillow's own text names an object in memory
        raise DatasetError(
            f"{where}: not a readable image (no known image format). Get it again from its source."
        ) from None
    except Image.DecompressionBombError as error:
        raise DatasetError(f"{where}: too many pixels for one image ({error}).") from None
    except _DAMAGED as error:
        raise DatasetError(f"{where}: not a readable image ({error}). Get it again from its source.") from None
