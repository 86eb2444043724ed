"""Decodes the bytes of a file to an RGB image or to the pixels of a mask. Only Pillow reads the pictures of users."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pi_heif
from PIL import Image, UnidentifiedImageError

from segcore.arrays import U8, U8Image, U8Mask
from segcore.data.file_kind import kind_of_file
from segcore.data.image_depth import ImageDepth
from segcore.errors import DatasetError, one_line
from segcore.labels import IGNORE_INDEX
from segcore.reading import DECODER_ERRORS

pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)  # photos of Apple's phones

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif"),
    *(".jp2", ".j2k", ".bmp", ".tif", ".tiff", ".gif"),
)
# The formats that are tried, in this order. Others of Pillow's run programs (EPS).
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "JPEG2000", "BMP", "TIFF", "GIF")
EXPECTED_IMAGE = "expected a PNG, JPEG, WebP, AVIF, HEIC, JPEG 2000, BMP or GIF, or a TIFF of 1, 3 or 4 bands of 8 bits"
MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".gif", ".npy")
NEAREST_COLOUR = (
    "Then list the classes' colours and read each pixel as the nearest, with a colour tolerance of 60 "
    "(--color-tolerance 60)."
)
SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
EXIF_ORIENTATION = 0x0112
_LARGE, _PIXELS_A_BYTE = 25_000_000, 8_300  # more pixels a byte than a picture of that size has
_ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # chunks of a PNG that may turn it
_STRETCHED = {"L;2": 85, "L;4": 17}  # Pillow spreads greys of 2 and 4 bits over 0..255
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_image(data: bytes, where: str, depth: ImageDepth | None = None) -> U8Image:
    """Decode an image file to RGB, turned upright by its EXIF orientation.

    Grey and palette images become RGB, CMYK is converted, 16-bit channels keep their high byte or, with `depth`, the
    highest of the bits that the dataset uses; alpha is dropped.

    Args:
        data: Bytes of the file.
        where: Its name, for the error.
        depth: Bits that the dataset's images use; None: all 16.

    Returns:
        `[H, W, 3]` uint8.

    Raises:
        DatasetError: when it is empty, corrupt, no image, of floats, or deeper than the dataset's other images.
    """
    with readable(data, where):
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_claim(image, data)
        turn = _TURNS.get(_orientation(image)) if image.format != "TIFF" else None  # Pillow turns TIFFs itself
        image.load()
        image = image if turn is None else image.transpose(turn)
    return to_rgb(image, where, depth.bits if depth and image.mode.startswith("I") else 16)


def to_rgb(image: Image.Image, where: str, bits: int = 16) -> U8Image:
    """Convert an opened image to RGB as `decode_image` does, without turning it.

    Raises:
        DatasetError: when it is of floats or of more than 16 bits a channel.
    """
    if image.mode.startswith("I"):
        return np.repeat(_high_byte(np.asarray(image), where, bits)[..., None], 3, axis=2)
    if image.mode == "F":
        raise DatasetError(f"{where}: an image of floats; expected 8 or 16 bits a channel. Save it as PNG or JPEG.")
    return np.asarray(image.convert("RGB"))


class Header(NamedTuple):
    """What is known of an image before its pixels are decoded.

    Args:
        height: In px, as it will be decoded.
        width: The same.
        orientation: EXIF's: 1 where it is shown as it is stored.
    """

    height: int
    width: int
    orientation: int


def read_header(stream: IO[bytes], where: str) -> Header:
    """The header of an image.

    Raises:
        DatasetError: when it is empty or no image.
    """
    with readable(stream, where), Image.open(stream, formats=FORMATS) as image:
        width, height = image.size
        orientation = _orientation(image)
        sideways = image.format != "TIFF" and orientation in SIDEWAYS  # of a TIFF, Pillow gives it turned
    return Header(width, height, orientation) if sideways else Header(height, width, orientation)


@dataclass(frozen=True, eq=False)
class MaskPixels:
    """The stored pixels of a mask, before it is known what they mean.

    Args:
        where: Name of the file, for errors.
        pixels: `[H, W]` grey values or palette indices, or `[H, W, 3]` colours.
        palette: `[N, 3]` uint8 colours of the indices, 256 or fewer; None where the pixels are no indices.
        two_tone: Whether a pixel is one bit: 0 and 1 as ids, black and white as colours.
        named: Whether the pixels are positions in the list of classes, since the classes were given by name.
    """

    where: str
    pixels: npt.NDArray[np.integer]
    palette: U8Image | None = None
    two_tone: bool = False
    named: bool = False

    @property
    def colored(self) -> bool:
        """Whether each pixel is a colour."""
        return self.pixels.ndim == 3


def read_mask(data: bytes, where: str) -> MaskPixels:
    """Read the pixels of a mask file: an image of grey values, palette indices or colours, or a NumPy array of ids.

    Raises:
        DatasetError: when it is empty, corrupt, lossy, half transparent, of several pages, or of fractions.
    """
    if where.lower().endswith(".npy"):
        return _from_array(data, where)
    with readable(data, where):
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_claim(image, data)
        stored = stored_mode(image)
        image.load()
        pages = getattr(image, "n_frames", 1)
    check_lossless(image, where)
    if image.format == "PNG":
        _check_png(data, where)
    if ";16" in stored and image.mode != "I;16":
        raise DatasetError(f"{where}: a mask of 16-bit colours; expected 8 bits a channel, or ids in one channel.")
    if pages > 1:
        raise DatasetError(f"{where}: a mask of {pages} pages; expected one. Save each page as a file of its own.")
    return mask_pixels(image, where, stored)


def _check_png(data: bytes, where: str) -> None:
    """Compare the checksums of a PNG's chunks, which Pillow does not do for pixels: a wrong bit changes classes.

    Raises:
        DatasetError: when one is wrong.
    """
    start = 8  # behind the signature
    while start + 12 <= len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4])
        critical = not data[start + 4] & 32  # a capital letter
        if critical and zlib.crc32(data[start + 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise DatasetError(f"{where}: a damaged PNG (a checksum is wrong). Copy it again from its source.")
        start = end + 4


def stored_mode(image: Image.Image) -> str:
    """The mode of an opened image's pixels in its file, e.g. `L;4`; empty where it is not known before decoding."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def check_lossless(image: Image.Image, where: str) -> None:
    """Refuse a mask in a format whose compression changes values.

    Raises:
        DatasetError: when the mask is in such a format.
    """
    if image.format in {"AVIF", "HEIF", "JPEG", "JPEG2000", "MPO", "WEBP"}:
        raise DatasetError(
            f"{where}: a mask as {image.format}; compression changes its classes. Save it as PNG. {NEAREST_COLOUR}"
        )


def upright(mask: U8Mask, orientation: int) -> U8Mask:
    """A mask `[H, W]` turned as an EXIF orientation says."""
    method = _TURNS.get(orientation)
    return mask if method is None else np.asarray(Image.fromarray(mask).transpose(method))


def _orientation(image: Image.Image) -> int:
    # Asking a PNG without such a chunk for it would decode its pixels.
    tagged = image.format != "PNG" or not _ORIENTED.isdisjoint(image.info)
    stated = image.getexif().get(EXIF_ORIENTATION) if tagged else None
    return stated if stated in _TURNS else 1


def mask_pixels(image: Image.Image, where: str, stored: str = "") -> MaskPixels:
    """The pixels of an opened mask, whatever its format, without its alpha channel.

    Args:
        image: The mask.
        where: Name of its file, for errors.
        stored: Its `stored_mode` before it was decoded: greys of 2 and 4 bits are ids as they are stored.

    Raises:
        DatasetError: when it is half transparent, of fractions, or in a mode that holds neither ids nor colours.
    """
    stretch = _STRETCHED.get(stored, 1)
    if image.has_transparency_data and _has_transparent_pixels(image, stretch):
        raise DatasetError(f"{where}: a mask with transparent pixels; they belong to no class. Save it opaque.")
    if image.mode in {"RGBA", "LA", "PA"}:
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "1":  # 0 and 1, shown as black and white
        return MaskPixels(where, np.asarray(image).astype(np.uint8), np.array([[0] * 3, [255] * 3], np.uint8), True)
    if image.mode == "F":
        return MaskPixels(where, _whole(np.asarray(image), where))
    if image.mode.startswith("I"):
        return MaskPixels(where, np.asarray(image).astype(np.int64))
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return MaskPixels(where, np.asarray(image), palette)
    if image.mode in {"L", "RGB"}:
        return MaskPixels(where, np.asarray(image) // stretch if stretch > 1 else np.asarray(image))
    raise DatasetError(f"{where}: a mask in mode {image.mode}; expected ids, a palette or RGB colours.")


def _has_transparent_pixels(image: Image.Image, stretch: int) -> bool:
    """Whether a pixel is not opaque, by an alpha channel, a palette's or the value that a PNG names."""
    if image.mode.startswith("I") or stretch > 1:  # Pillow converts neither
        return bool((np.asarray(image) == image.info["transparency"] * stretch).any())
    return image.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def _from_array(data: bytes, where: str) -> MaskPixels:
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise DatasetError(
            f"{where}: not a readable array ({one_line(error)}). Save it again with numpy.save."
        ) from None
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "biuf" or not array.size:
        got = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "several arrays"
        raise DatasetError(f"{where}: {got}; expected an array [H, W] of ids.")
    return array_pixels(array, where)


def array_pixels(array: npt.NDArray[Any], where: str) -> MaskPixels:
    """The pixels of a mask that is an array `[H, W]` of whole numbers, whatever their type.

    Raises:
        DatasetError: when a number is not whole.
    """
    if array.dtype == np.uint8:
        return MaskPixels(where, array)
    ids = _whole(array, where) if array.dtype.kind == "f" else array.astype(np.int64)
    return MaskPixels(where, np.where(ids == -1, IGNORE_INDEX, ids))  # labelme writes -1 for __ignore__


def _whole(values: npt.NDArray[np.floating], where: str) -> npt.NDArray[np.int64]:
    exact = values.astype(np.float64)
    if not ((exact == np.floor(exact)) & (np.abs(exact) <= 1 << 31)).all():  # NaN and infinity are neither
        raise DatasetError(f"{where}: a mask of floats that are no whole numbers; expected ids. Save it as PNG of ids.")
    return exact.astype(np.int64)


def _high_byte(pixels: npt.NDArray[np.integer], where: str, bits: int) -> U8:
    if pixels.min() < 0 or pixels.max() > 65535:
        raise DatasetError(f"{where}: a 32-bit image; expected 8 or 16 bits a channel. Save it as PNG or JPEG.")
    if pixels.max() >= 1 << bits:
        raise DatasetError(
            f"{where}: a value of {pixels.max()}, but the dataset's other images hold {bits} of 16 bits. "
            "Save all images with the same depth, best as 8-bit PNG or JPEG."
        )
    return (pixels.astype(np.uint32) >> bits - 8).astype(np.uint8)


@contextmanager
def readable(source: bytes | IO[bytes], where: str) -> Iterator[None]:
    """Turn whatever Pillow's decoders raise on a file, given whole or as a stream, into one `DatasetError`."""
    if source == b"":
        raise DatasetError(f"{where}: an empty file (0 bytes). Get it again from its source.")
    try:
        yield
    except UnidentifiedImageError:  # Pillow's own text names an object in memory
        kind = kind_of_file(source if isinstance(source, bytes) else _whole_file(source))
        if kind:
            raise DatasetError(f"{where}: {kind}; {EXPECTED_IMAGE}. Export it as PNG or JPEG.") from None
        raise DatasetError(
            f"{where}: not a readable image (no known image format). Get it again from its source."
        ) from None
    except Image.DecompressionBombError as error:
        raise DatasetError(f"{where}: too many pixels for one image ({error}).") from None
    except DECODER_ERRORS as error:
        raise DatasetError(f"{where}: not a readable image ({error}). Get it again from its source.") from None


def _check_claim(image: Image.Image, data: bytes) -> None:
    """Refuse a header that claims more pixels than its bytes can hold; decoding them would take gigabytes.

    Deflate makes at most 1,032 bytes of one (zlib's technical details), in a PNG 8,256 pixels of one bit.
    """
    pixels = image.width * image.height
    if pixels > _LARGE and pixels > _PIXELS_A_BYTE * len(data):
        raise Image.DecompressionBombError(f"{image.width}x{image.height} from {len(data):,} bytes")


def _whole_file(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()
