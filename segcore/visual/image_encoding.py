"""Encodes images: masks exactly (palette PNG, nearest resize), photos as JPEG.

A *layer* is a palette PNG with its own transparency that lies over a photo: a class is hidden, or the opacity moved,
without touching a pixel. Encoding 960x720 takes about 2 ms; a blended RGB PNG takes about 100.
"""

from __future__ import annotations

import base64
import io
import zlib
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from segcore.arrays import F64, U8
from segcore.errors import SegcoreError
from segcore.labels import IGNORE_INDEX, Color, LabelMap, hex_color
from segcore.visual.overlay import Visible, contour

JPEG_QUALITY = 88


def encode_jpeg(image: U8, *, width: int | None = None, quality: int = JPEG_QUALITY) -> bytes:
    """JPEG of a photo, made smaller (never larger) to `width` pixels.

    Args:
        image: `[H, W, 3]` RGB uint8.
        width: Largest width in pixels; None keeps the size.
        quality: 1 to 100.

    Raises:
        SegcoreError: when the array can't be encoded.
    """
    small = shrunk(image, width, cv2.INTER_AREA)
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise SegcoreError(f"Can't encode an image of shape {list(image.shape)} as JPEG.")
    return bytes(encoded.tobytes())


def encode_png(mask: U8, palette: U8, *, width: int | None = None) -> bytes:
    """Palette PNG of a mask: every pixel exactly one of the palette's colours.

    Args:
        mask: `[H, W]` uint8 indices into the palette.
        palette: `[256, 3]` RGB, or `[256, 4]` RGBA for a layer.
        width: Largest width in pixels (nearest resize); None keeps the size.
    """
    small = np.ascontiguousarray(shrunk(mask, width, cv2.INTER_NEAREST))
    height, columns = small.shape
    picture = Image.frombytes("P", (columns, height), small.tobytes())
    picture.putpalette(np.ascontiguousarray(palette[:, :3]).tobytes())
    buffer = io.BytesIO()
    # Masks are runs of one id: looking for nothing else takes two thirds of the time, and about as many bytes.
    options = {"compress_level": 1, "compress_type": zlib.Z_RLE}
    if palette.shape[1] == 4:
        picture.save(buffer, "PNG", transparency=palette[:, 3].tobytes(), **options)
    else:
        picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def layer_palette(labels: LabelMap, visible: Visible = None) -> U8:
    """`[256, 4]` RGBA: class colours; ignored and hidden classes fully transparent."""
    alpha = np.zeros((256, 1), np.uint8)
    alpha[list(range(labels.classes) if visible is None else visible)] = 255
    alpha[IGNORE_INDEX] = 0
    return np.concatenate([labels.palette, alpha], axis=1)


def encode_layer(
    mask: U8, labels: LabelMap, *, visible: Visible = None, outline: bool = False, width: int | None = None
) -> bytes:
    """Palette PNG with transparency, to lie over the photo.

    Args:
        mask: `[H, W]` uint8 ids.
        labels: Palette of the ids.
        visible: Ids that are drawn; None for all.
        outline: Only the borders of the regions.
        width: Largest width in pixels (nearest resize).
    """
    small = shrunk(mask, width, cv2.INTER_NEAREST)
    if outline:
        small = np.where(contour(small, width=3), small, np.uint8(IGNORE_INDEX))
    return encode_png(small, layer_palette(labels, visible))


def encode_heat(values: F64, color: Color) -> bytes:
    """Palette PNG of numbers from 0 (transparent) to the largest of them (the colour).

    Args:
        values: `[H, W]` of 0 or more.
        color: RGB 0-255.
    """
    palette = np.tile(np.array([*color, 0], np.uint8), (256, 1))
    palette[:, 3] = np.arange(256)
    return encode_png(np.rint(255 * values / max(float(values.max()), 1e-12)).astype(np.uint8), palette)


def encode_plane(values: U8) -> bytes:
    """Numbers for a script in the browser, exactly: rows as differences to the one above, deflated (RFC 1950).

    Reading a picture's pixels back in a browser goes through colours, which some browsers blur on purpose.

    Args:
        values: `[H, W]` uint8.
    """
    rows = values.copy()
    np.subtract(values[1:], values[:-1], out=rows[1:])  # modulo 256
    return zlib.compress(rows.tobytes(), 1)


def decode_plane(data: bytes, height: int, width: int) -> U8:
    """Read what `encode_plane` encoded: `[H, W]` uint8."""
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width)
    return np.cumsum(rows, axis=0, dtype=np.uint8)  # modulo 256


def data_uri(data: bytes) -> str:
    """`data:image/...;base64,...` of JPEG or PNG bytes: shown by a browser as they are, never re-encoded."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


@lru_cache(maxsize=512)
def swatch(color: tuple[int, int, int] | str, *, round_: bool = False, margin: int = 0) -> str:
    """A small filled square (or dot) as an SVG data URI, for labels of widgets.

    Args:
        color: RGB 0-255, or hex.
        round_: A dot, as runs have; classes have squares.
        margin: Empty space around it, in twelfths of its size, where it is stretched to fill a cell.
    """
    fill = color if isinstance(color, str) else hex_color(color)
    corner = 6 if round_ else 3
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="12" height="12" '
        f'viewBox="{-margin} {-margin} {12 + 2 * margin} {12 + 2 * margin}">'
        f'<rect x=".5" y=".5" width="11" height="11" rx="{corner}" fill="{fill}" stroke="#80808080"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def shrunk(array: U8, width: int | None, interpolation: int) -> U8:
    """`[H, W, ...]` made smaller (never larger) to `width` pixels, with an interpolation of OpenCV's."""
    height, columns = array.shape[:2]
    if width is None or columns <= width:
        return array
    size = (width, max(1, round(height * width / columns)))
    return np.asarray(cv2.resize(array, size, interpolation=interpolation), np.uint8)
