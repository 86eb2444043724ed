"""Encodes an image or a mask of ids to the bytes of a file that `decode` reads back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image

from segcore.arrays import U8, U8Image, U8Mask
from segcore.data.mask_coding import MaskCoding, decode_mask
from segcore.errors import DatasetError
from segcore.labels import IGNORE_INDEX, is_void

MaskKind = Literal["ids", "palette", "greys", "colors"]
JPEG_QUALITY = 95
_PNG_LEVEL = 3  # of 9: photos are 4 % larger than with the default, and encoded in half the time
_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif")


def image_suffix(file: str) -> str:
    """The suffix under which an image made from a file is stored: PNG's, or JPEG's where the file itself was lossy.

    >>> image_suffix("a.png"), image_suffix("b.JPG"), image_suffix("c.tif"), image_suffix("d.webp")
    ('.png', '.JPG', '.png', '.jpg')
    """
    suffix = PurePosixPath(file).suffix
    if suffix.lower() in (".png", ".jpg", ".jpeg"):
        return suffix
    return ".jpg" if suffix.lower() in _LOSSY else ".png"


def encode_image(image: U8Image, suffix: str) -> bytes:
    """Encode an image as PNG, or as JPEG of quality 95 without colour subsampling; the same bytes each time.

    Args:
        image: `[H, W, 3]` RGB uint8.
        suffix: A result of `image_suffix`.
    """
    data = io.BytesIO()
    if suffix.lower() in _LOSSY:
        Image.fromarray(image).save(data, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        Image.fromarray(image).save(data, "PNG", compress_level=_PNG_LEVEL)
    return data.getvalue()


def mask_kind(data: bytes, coding: MaskCoding) -> MaskKind:
    """How a mask file that `decode_mask` can read holds its classes: as ids, a palette, greys or colours.

    A palette of greys counts as ids: a program that optimised the mask renumbered them. So does a NumPy array.
    """
    if data.startswith(b"\x93NUMPY"):
        return "ids"
    with Image.open(io.BytesIO(data)) as image:
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    if image.mode.startswith("P"):
        return "ids" if (palette == palette[:, :1]).all() else "palette"
    if image.mode.startswith("RGB"):
        return "colors" if coding.classes.colored and not coding.ids_only else "ids"
    return "greys" if coding.grey else "ids"


def encode_mask(mask: U8Mask, kind: MaskKind, coding: MaskCoding, where: str) -> bytes:
    """Encode a mask as a PNG that `decode_mask` reads back exactly, in the wanted kind if possible.

    Pixels that are 255 are written as 255 among ids, and as the void colour among colours. Colours without a void
    class become a palette PNG of the same colours, in which 255 has a colour that belongs to no class.

    Args:
        mask: `[H, W]` uint8 ids of `coding.classes.labels`; 255 is not labelled.
        kind: Kind of the dataset's other masks.
        coding: Coding of those masks; its target is not used.
        where: Name of the file, for the error.

    Raises:
        DatasetError: when no kind can tell 255 from the classes.
    """
    for image, expected in _candidates(mask, kind, coding):
        data = io.BytesIO()
        image.save(data, "PNG")
        with suppress(DatasetError):  # a kind that these classes can't be written in
            if np.array_equal(decode_mask(data.getvalue(), where, coding.counted), expected):
                return data.getvalue()
    raise DatasetError(
        f"{where}: pixels that are not labelled can't be written: {coding.classes.labels.name} has a class with id "
        f"{IGNORE_INDEX} and none for Void. Add a class Void to the list, with a colour and id of its own."
    )


def _candidates(mask: U8Mask, kind: MaskKind, coding: MaskCoding) -> Iterator[tuple[Image.Image, U8Mask]]:
    """(mask as an image, ids that it should be read back as), the wanted kind first.

    There are several because readers guess: ids 0 and 255 alone look like colours of two classes, and greys in a
    palette look like ids.
    """
    labels = coding.classes.labels
    void = next((index for index, name in enumerate(labels.names) if is_void(name)), None)
    filled = mask if void is None else np.where(mask == IGNORE_INDEX, np.uint8(void), mask)
    readings = (mask, filled) if kind == "ids" or coding.ids_only else (filled, mask)
    kinds: tuple[MaskKind, ...] = (kind, "palette", "ids")
    for kind in dict.fromkeys(kinds):
        for ids in readings:
            yield _to_image(ids, kind, coding), ids


def _to_image(mask: U8Mask, kind: MaskKind, coding: MaskCoding) -> Image.Image:
    labels, values = coding.classes.labels, coding.classes.values
    if kind == "colors":
        return Image.fromarray(labels.to_rgb(mask))
    if kind == "greys":
        return Image.fromarray(labels.to_rgb(mask)[..., 0])
    table = np.full(256, IGNORE_INDEX, np.uint8)
    table[: len(values)] = values
    image = Image.fromarray(table[mask])
    if kind == "palette":
        image.putpalette(_palette(coding).tobytes())
    return image


def _palette(coding: MaskCoding) -> U8:
    """`[256, 3]` colours by value in an id mask; values of no class have a colour that is no class's, and no grey."""
    colors = coding.classes.labels.colors
    free = next((255, green, 255) for green in range(255) if (255, green, 255) not in colors)
    palette = np.full((256, 3), free, np.uint8)
    palette[list(coding.classes.values)] = colors
    return palette
