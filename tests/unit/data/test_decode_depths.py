"""Pixels of fewer and of more bits a channel than eight."""

import io
import struct
import zlib

import numpy as np
import pytest
from fixtures import layouts
from fixtures.random_data.codings import few_bits, packed
from PIL import Image

from segcore.data.decode import decode_image, read_mask, stored_mode, to_rgb
from segcore.errors import DatasetError


def test_16_bit_grey_and_colour_keep_their_high_byte():
    high = layouts.mask(0, 255)
    deep = high.astype(np.uint16) * 256 + 77
    assert (decode_image(packed(Image.fromarray(deep)), "x") == high[..., None].repeat(3, axis=2)).all()
    colors = layouts.image().astype(np.uint16) * 256 + 200
    assert (decode_image(png16(colors), "x") == layouts.image()).all()


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_deep_greys_keep_the_highest_of_their_bits(bits):
    top = (1 << bits) - 1
    rgb = to_rgb(Image.fromarray(np.array([[0, 1 << (bits - 1), top]], np.uint16)), "x", bits)
    assert rgb.dtype == np.uint8 and rgb.tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    if bits < 16:
        message = rf"^x: a value of {top + 1}, but the dataset's other images hold {bits} of 16 bits\. Save all"
        with pytest.raises(DatasetError, match=message):
            to_rgb(Image.fromarray(np.array([[top + 1]], np.uint16)), "x", bits)
    for value in (-1, 1 << 16):
        with pytest.raises(DatasetError, match=r"^x: a 32-bit image"):
            to_rgb(Image.fromarray(np.array([[value]], np.int32)), "x", bits)
    assert to_rgb(Image.fromarray(np.array([[65535, 255]], np.uint16)), "x")[0, :, 0].tolist() == [255, 0]


def png16(rgb):
    """A 16-bit RGB PNG, which Pillow can't write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = rgb.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def few_bits_tiff(pixels, depth):
    """A TIFF of greys of so many bits, which Pillow can't write."""
    bits = pixels[..., None] >> np.arange(depth - 1, -1, -1) & 1
    rows = np.packbits(bits.reshape(len(pixels), -1), axis=1).tobytes()
    height, width = pixels.shape
    # Size, bits, no compression, black is zero, place of the rows, one channel, one strip and its length.
    tags = {256: width, 257: height, 258: depth, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(rows)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHI", b"II", 42, 8 + len(rows)) + rows + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("write", [few_bits, few_bits_tiff])
def test_greys_of_few_bits_are_ids_as_they_are_stored(write, depth):
    ids = np.random.default_rng(depth).integers(0, 1 << depth, (4, 8), np.uint8)  # rows are whole bytes
    mask = read_mask(write(ids, depth), "m")
    assert mask.where == "m" and mask.pixels.dtype == np.uint8 and mask.pixels.tolist() == ids.tolist()
    assert mask.two_tone == (depth == 1)


def test_masks_of_16_bit_colours_are_refused_and_ids_of_16_bits_read():
    with pytest.raises(DatasetError, match=r"^m\.png: a mask of 16-bit colours; expected 8 bits a channel, or ids in"):
        read_mask(png16(np.zeros((2, 2, 3), np.uint16)), "m.png")
    ids = np.array([[0, 1, 1 << 15]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert read_mask(packed(Image.fromarray(ids), kind), "m").pixels.tolist() == ids.tolist()


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_a_bitmap_has_no_count_of_pages_and_is_read(mode):
    ids = np.array([[0, 1, 1, 0]], np.uint8)
    picture = Image.fromarray(ids * np.uint8(255)).convert(mode)
    assert np.array_equal(read_mask(packed(picture, "BMP"), "m.bmp").pixels, np.asarray(picture))


def test_the_stored_mode_is_what_the_file_says_and_unknown_without_one():
    ids = np.array([[0, 1, 2, 3]], np.uint8)
    deep = Image.fromarray(ids.astype(np.uint16))
    for data, mode in (
        (few_bits(ids, 2), "L;2"),
        (few_bits_tiff(ids, 2), "L;2"),
        (packed(Image.fromarray(ids)), "L"),
        (packed(deep, "TIFF"), "I;16"),
        (packed(Image.fromarray(ids).convert("RGB"), "BMP"), "BGR"),
    ):
        assert stored_mode(Image.open(io.BytesIO(data))) == mode
    assert stored_mode(deep) == ""
