"""A picture that somebody uploads, with or without its mask: checked, turned upright, made small enough to work with.

Nothing here trusts the file: the formats are few, the pixels are counted from the header before any is decoded.
Sizes are said as width × height, the way programs for photos say them.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from segcore.data.class_lists import ClassList
from segcore.data.decode import EXIF_ORIENTATION, SIDEWAYS, MaskCoding, check_lossless, readable, to_ids, to_rgb
from segcore.data.sample import Sample
from segcore.errors import DatasetError
from segcore.labels import IGNORE_INDEX, LabelMap

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000  # above any phone's photo; 150 MB as RGB
LONGEST = 1280  # px, the longer side of what is worked on
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")  # some phones write a kind of JPEG, MPO
_WANTED = "expected a PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF"
_WAY_OUT = "Export it as PNG or JPEG, or choose another file."

Array = npt.NDArray[np.uint8]
Size = tuple[int, int]  # width, height

# EXIF orientation -> what shows the stored pixels upright
_TURNS: dict[int, Callable[[Array], Array]] = {
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
    """An uploaded picture as a sample, and what was done to it, a short phrase each."""

    sample: Sample
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Picture:
    """A decoded file.

    Args:
        image: Its pixels, as they are stored.
        where: Its name, for errors.
        orientation: 1 to 8, by EXIF; 1 is upright.
        turned: Pillow has turned it upright (it does so with TIFF).
        frames: How many pictures the file holds.
        deep: It has 16 bits a channel.
    """

    image: Image.Image
    where: str
    orientation: int
    turned: bool
    frames: int
    deep: bool

    @property
    def upright(self) -> Size:
        """Its size once it is turned."""
        return self.image.size if self.turned or self.orientation not in SIDEWAYS else self.image.size[::-1]

    @property
    def stored(self) -> Size:
        """Its size before it is turned."""
        return self.upright[::-1] if self.orientation in SIDEWAYS else self.upright

    def turn(self, pixels: Array) -> Array:
        """Pixels of this picture, turned upright."""
        return pixels if self.turned else _turn(pixels, self.orientation)


def read_upload(
    image: bytes, image_name: str, labels: LabelMap, mask: bytes | None = None, mask_name: str = ""
) -> Upload:
    """An uploaded image, with its mask if there is one, as a sample.

    Args:
        image: Bytes of the image file: PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF.
        image_name: Its name; the sample's id is made from it.
        labels: What the ids, the palette or the colours of the mask mean. Ids count scored classes first, then ignored.
        mask: Bytes of the mask file, lossless. Without one every pixel is 255 (ignored).
        mask_name: Its name, for errors.

    Returns:
        A sample of the split `upload`, at most `LONGEST` pixels on its longer side, and notes on what was done to it.

    Raises:
        DatasetError: when a file is empty, damaged, too large, no picture or of floats, or when the two don't fit.
        LabelError: when the mask holds a colour that is no class.
    """
    picture = _open(image, _file_name(image_name, "image"))
    notes = _notes(picture)
    width, height = _limited(picture.upright)
    pixels = picture.turn(_small_rgb(picture.image, picture.where))
    if (width, height) != picture.upright:
        notes.append(f"made smaller: {_text(picture.upright)} → {_text((width, height))}")

    if mask is None:
        ids = np.full((height, width), IGNORE_INDEX, np.uint8)
        notes.append("no mask: every pixel counts as not labelled")
    else:
        drawn = _open(mask, _file_name(mask_name, "mask"))
        check_lossless(drawn.image, drawn.where)
        with_image = _turns_with(drawn, picture)
        # Nearest: a mean would invent ids. Before decoding, which takes ten times the memory of the file's pixels.
        small = drawn.image.resize(_limited(drawn.image.size), Image.Resampling.NEAREST)
        ids = to_ids(small, drawn.where, MaskCoding(ClassList.of(labels), labels))
        ids = _turn(ids, picture.orientation) if with_image else drawn.turn(ids)
        notes += _mask_notes(drawn, picture, with_image)
    sample_id = picture.where.rpartition(".")[0] or picture.where
    return Upload(Sample(sample_id, np.ascontiguousarray(pixels), np.ascontiguousarray(ids), "upload"), tuple(notes))


def _open(data: bytes, where: str) -> _Picture:
    """Decode a file, after its header was looked at.

    Raises:
        DatasetError: when it is empty, damaged, too large, or no picture.
    """
    if len(data) > MAX_BYTES:
        raise DatasetError(
            f"{where}: {len(data) / 2**20:.1f} MB; expected at most {MAX_BYTES / 2**20:.0f} MB. "
            "Make it smaller first, or save it as JPEG."
        )
    foreign = _foreign(data)
    if foreign:
        raise DatasetError(f"{where}: {foreign}; {_WANTED}. {_WAY_OUT}")
    with readable(data, where):
        try:
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            _refuse_pixels(where, f"more than {2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS) // 1_000_000}")
        width, height = picture.size
    if width * height > MAX_PIXELS:
        _refuse_pixels(where, f"{_text(picture.size)}, that is {width * height / 1e6:.0f}")
    with readable(data, where):
        deep = picture.mode.startswith("I") or any(";16" in str(tile.args) for tile in picture.tile)
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        orientation = picture.getexif().get(EXIF_ORIENTATION)  # before loading: a TIFF then forgets it
        picture.load()
    orientation = orientation if orientation in _TURNS else 1
    return _Picture(picture, where, orientation, picture.format == "TIFF", frames, deep)


def _refuse_pixels(where: str, got: str) -> None:
    raise DatasetError(
        f"{where}: {got} million pixels; expected at most {MAX_PIXELS // 1_000_000} million. "
        f"Make it smaller first: it would be worked on at {LONGEST} pixels on its longer side."
    )


def _foreign(data: bytes) -> str:
    """What a file that people take for a picture is instead; empty when it may be one."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:4] == b"%PDF":
        return "a PDF"
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1"}:
        return "a HEIC photo, which can't be read here"
    if start[:1] == b"<" and b"<svg" in start.lower():
        return "an SVG drawing, which has no pixels"
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a letter cut in two
            return ""
        text = start[: error.start].decode()
    return "text, not a picture" if text and all(each.isprintable() or each.isspace() for each in text) else ""


def _notes(picture: _Picture) -> list[str]:
    """What reading an image as RGB leaves out or changes."""
    notes = []
    if picture.frames > 1:
        notes.append(_frames(picture))
    if picture.image.mode == "CMYK":
        notes.append("CMYK converted to RGB")
    if picture.deep:
        notes.append("16 bits a channel: the high byte")
    if picture.image.has_transparency_data and np.asarray(picture.image.convert("RGBA").getchannel("A")).min() < 255:
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
    """Whether a mask must be turned with its image: it was drawn over the stored pixels, not the upright ones.

    Raises:
        DatasetError: when it fits neither.
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
    """The size with its longer side at most `LONGEST`."""
    scale = LONGEST / max(size)
    return size if scale >= 1 else (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _small_rgb(image: Image.Image, where: str) -> Array:
    """RGB of at most `LONGEST` pixels, each the mean of the area that it stands for."""
    size = _limited(image.size)
    if image.mode in {"RGB", "L"}:  # most photos, shrunk before anything copies them
        return to_rgb(image.resize(size, Image.Resampling.BOX), where)
    return np.asarray(Image.fromarray(to_rgb(image, where)).resize(size, Image.Resampling.BOX))


def _turn(pixels: Array, orientation: int) -> Array:
    return _TURNS[orientation](pixels) if orientation in _TURNS else pixels


def _text(size: Size) -> str:
    return f"{size[0]} × {size[1]}"


def _file_name(name: str, otherwise: str) -> str:
    """A file's own name without its folders, fit to be shown."""
    own = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in own if each.isprintable()).strip() or otherwise
    return shown if len(shown) <= 80 else f"{shown[:60]}…{shown[-15:]}"
