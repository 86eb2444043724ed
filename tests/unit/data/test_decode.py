"""Pixels out of every kind of file."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from fixtures import layouts
from fixtures.random_data.codings import few_bits
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from segcore.data.class_lists import ClassList
from segcore.data.decode import (
    FORMATS,
    check_lossless,
    decode_image,
    mask_pixels,
    read_header,
    read_mask,
    upright,
)
from segcore.data.mask_coding import MaskCoding, decode_mask
from segcore.errors import DatasetError
from segcore.labels import CAMVID32, LabelMap

PETS = MaskCoding(ClassList.of(layouts.PETS), layouts.PETS)


def encoded(picture, file_format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def test_grey_palette_rgba_and_two_tone_become_rgb():
    grey = layouts.mask(0, 200)
    as_rgb = grey[..., None].repeat(3, axis=2)
    assert (decode_image(encoded(Image.fromarray(grey)), "x") == as_rgb).all()
    color = Image.fromarray(layouts.image())
    quantised = color.quantize(16)
    assert (decode_image(encoded(quantised), "x") == np.asarray(quantised.convert("RGB"))).all()
    transparent = color.copy()
    transparent.putalpha(7)
    assert (decode_image(encoded(transparent), "x") == layouts.image()).all()
    assert (decode_image(encoded(Image.fromarray(grey > 100)), "x") == (as_rgb > 100) * 255).all()


def test_cmyk_jpeg_is_converted():
    flat = Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK")
    decoded = decode_image(encoded(flat, "JPEG", quality=95), "x")
    assert np.abs(decoded.astype(int) - (200, 30, 60)).max() < 12


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_exif_rotation_is_undone_in_pixels_and_size(file_format):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    data = encoded(Image.fromarray(pixels), file_format, exif=exif)
    decoded = decode_image(data, "x")
    assert decoded.shape == (16, 8, 3) and decoded[0].max() < 20 and decoded[-1].min() > 235
    assert read_header(io.BytesIO(data), "x")[:2] == (16, 8)


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 mean nothing
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_image_mask_and_header_are_turned_alike(orientation, file_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = layouts.image()
    data = encoded(Image.fromarray(pixels), file_format, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decode_image(data, "x"), expected)
    header = read_header(io.BytesIO(data), "x")
    assert (header.height, header.width) == expected.shape[:2]
    assert header.orientation == (orientation if 1 <= orientation <= 8 else 1)
    np.testing.assert_array_equal(upright(pixels[..., 0], header.orientation), expected[..., 0])


@pytest.mark.parametrize("suffix", ["PPM", "EPS", "TGA"])  # Pillow would read them
def test_other_formats_of_pillow_are_never_tried(suffix):
    data = encoded(Image.fromarray(layouts.image()), suffix)
    for read in (decode_image, read_mask, lambda data, where: read_header(io.BytesIO(data), where)):
        with pytest.raises(
            DatasetError, match=r"^x: (not a readable image \(no known image format\)|text, not a picture)"
        ):
            read(data, "x")


def test_a_file_of_another_kind_is_named_from_bytes_and_streams():
    for read in (decode_image, read_mask, lambda data, where: read_header(io.BytesIO(data), where)):
        with pytest.raises(DatasetError, match=r"^x: a PDF; expected a PNG, .* Export it as PNG or JPEG\.$"):
            read(b"%PDF-1.7 and more", "x")


def test_size_needs_only_the_header():
    data = encoded(Image.fromarray(layouts.image(0, (300, 400))))
    assert read_header(io.BytesIO(data[:400]), "x")[:2] == (300, 400)


def test_images_of_floats_and_32_bits_are_refused():
    floats = encoded(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF")
    with pytest.raises(DatasetError, match=r"^x: an image of floats; expected 8 or 16 bits a channel\. Save it as PNG"):
        decode_image(floats, "x")
    deep = encoded(Image.fromarray(np.full((2, 2), 1 << 20, np.int32)), "TIFF")
    with pytest.raises(DatasetError, match=r"^x: a 32-bit image; expected 8 or 16 bits a channel"):
        decode_image(deep, "x")
    with pytest.raises(DatasetError, match=r"^x: an empty file \(0 bytes\)"):
        decode_image(b"", "x")


@pytest.mark.parametrize("mode", ["ids", "ids16", "palette", "colors", "rgba"])
def test_masks_in_every_mode(mode):
    ids = layouts.mask(0, 3)
    palette = Image.fromarray(ids)
    palette.putpalette(layouts.PETS.palette.tobytes())
    picture = {
        "ids": Image.fromarray(ids),
        "ids16": Image.fromarray(ids.astype(np.uint16)),
        "palette": palette,
        "colors": Image.fromarray(layouts.PETS.to_rgb(ids)),
        "rgba": Image.fromarray(layouts.PETS.to_rgb(ids)).convert("RGBA"),
    }[mode]
    decoded = decode_mask(encoded(picture), "x", PETS)
    assert decoded.dtype == np.uint8 and (decoded == ids).all()


def test_a_quantised_colour_mask_is_read_by_its_colours():
    ids = layouts.mask(0, 3)
    order = np.array([2, 0, 1], np.uint8)  # palette index -> id
    picture = Image.fromarray(np.argsort(order).astype(np.uint8)[ids])
    picture.putpalette(np.array(layouts.PETS.colors, np.uint8)[order].tobytes())
    assert (decode_mask(encoded(picture), "x", PETS) == ids).all()


def test_a_foreign_palette_leaves_ids_alone():
    ids = layouts.mask(0, 3)
    picture = Image.fromarray(ids)
    picture.putpalette([1, 2, 3, 40, 50, 60, 70, 80, 90])
    assert (decode_mask(encoded(picture), "x", PETS) == ids).all()


def test_deep_masks_out_of_range_and_transparent_masks_are_refused():
    deep = encoded(Image.fromarray(layouts.mask(0, 3).astype(np.uint16) + 1000))
    with pytest.raises(DatasetError, match=r"^x: id 1000 \(\d+ pixels\) is no class; ids go up to 2"):
        decode_mask(deep, "x", PETS)
    picture = Image.fromarray(layouts.PETS.to_rgb(layouts.mask(0, 3))).convert("RGBA")
    picture.putalpha(100)
    with pytest.raises(DatasetError, match=r"^x: a mask with transparent pixels; they belong to no class"):
        decode_mask(encoded(picture), "x", PETS)
    cmyk = encoded(Image.new("CMYK", (3, 3)), "TIFF")
    with pytest.raises(DatasetError, match=r"^x: a mask in mode CMYK; expected ids, a palette or RGB colours"):
        decode_mask(cmyk, "x", PETS)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 2.0**80])
@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_masks_of_fractions_are_refused(kind, value):
    with np.errstate(over="ignore"):  # 2^80 is infinite in 16 bits
        floats = np.array([[1, value]]).astype(kind)
    with pytest.raises(DatasetError, match=r"^x\.npy: a mask of floats that are no whole numbers; expected ids\."):
        read_mask(saved(np.save, floats), "x.npy")
    if kind == "float32":
        with pytest.raises(DatasetError, match=r"^x\.tif: a mask of floats that are no whole numbers; expected ids\."):
            read_mask(encoded(Image.fromarray(floats), "TIFF"), "x.tif")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, bool])
def test_masks_of_one_channel_keep_their_values(kind):
    ids = np.array([[0, 1, 1]])
    mask = read_mask(encoded(Image.fromarray(ids.astype(kind)), "TIFF"), "m.tif")
    assert (mask.where, mask.pixels.tolist(), mask.two_tone) == ("m.tif", ids.tolist(), kind is bool)
    if kind is bool:
        assert mask.palette.dtype == np.uint8 and mask.palette.tolist() == [[0, 0, 0], [255, 255, 255]]


def test_opaque_masks_are_read_without_their_alpha():
    ids = layouts.mask(0, 3)
    palette = Image.fromarray(ids)
    palette.putpalette(layouts.PETS.palette.tobytes())
    grey, colors = Image.fromarray(ids), Image.fromarray(layouts.PETS.to_rgb(ids))
    for picture, expected in (
        (grey.convert("LA"), ids),
        (colors.convert("RGBA"), layouts.PETS.to_rgb(ids)),
        (palette.convert("PA"), layouts.PETS.to_rgb(ids)),
        (palette, ids),
    ):
        assert mask_pixels(picture, "x").pixels.tolist() == expected.tolist()
        if picture.mode != "P":
            picture.putalpha(Image.fromarray(np.where(ids == 1, 254, 255).astype(np.uint8)))
            with pytest.raises(DatasetError, match=r"^x: a mask with transparent pixels"):
                mask_pixels(picture, "x")
    with_alpha = Image.fromarray(ids)
    with_alpha.putpalette(np.pad(layouts.PETS.palette, ((0, 0), (0, 1)), constant_values=255).tobytes(), "RGBA")
    for picture in (palette, with_alpha):
        colors_of_indices = mask_pixels(picture, "x").palette
        assert colors_of_indices.dtype == np.uint8 and colors_of_indices.tolist() == layouts.PETS.palette.tolist()
    for picture, absent, present, expected in (
        (palette, 3, 1, ids),
        (grey, 3, 1, ids),
        (Image.fromarray(ids.astype(np.uint16) + 300), 299, 301, ids.astype(int) + 300),
        (colors, (9, 9, 9), tuple(layouts.PETS.palette[1].tolist()), layouts.PETS.to_rgb(ids)),
        (Image.fromarray(ids * 0 == 1), 1, 0, ids * 0),
    ):  # a value that no pixel has, and one that some have
        assert read_mask(encoded(picture, transparency=absent), "x").pixels.tolist() == expected.tolist()
        with pytest.raises(DatasetError, match=r"^x: a mask with transparent pixels"):
            read_mask(encoded(picture, transparency=present), "x")


@pytest.mark.parametrize("depth", [2, 4])
def test_greys_of_few_bits_are_ids_and_may_be_transparent(depth):
    ids = layouts.mask(0, 3)
    assert read_mask(few_bits(ids, depth), "x").pixels.tolist() == ids.tolist()
    assert read_mask(few_bits(ids, depth, transparent=3), "x").pixels.tolist() == ids.tolist()
    with pytest.raises(DatasetError, match=r"^x: a mask with transparent pixels"):
        read_mask(few_bits(ids, depth, transparent=1), "x")


@pytest.mark.parametrize("file_format", [*FORMATS, "MPO"])
def test_masks_are_in_formats_that_keep_every_value(file_format):
    picture = Image.new("L", (2, 2))
    picture.format = file_format
    if file_format in ("PNG", "BMP", "TIFF", "GIF"):
        check_lossless(picture, "x")
    else:
        message = rf"^x: a mask as {file_format}; compression changes its classes\. Save it as PNG\. Then list the"
        with pytest.raises(DatasetError, match=message):
            check_lossless(picture, "x")
    if file_format == "JPEG":
        with pytest.raises(DatasetError, match=message):
            read_mask(encoded(picture, file_format), "x")


def test_only_chunks_of_a_png_that_make_its_pixels_must_be_whole():
    data = encoded(Image.fromarray(layouts.mask(0, 3)))
    for kind, refused in ((b"tEXt", False), (b"IDAT", True)):
        chunk = struct.pack(">I", 4) + kind + b"a\0bc" + b"\0\0\0\0"  # no such checksum
        if refused:
            with pytest.raises(DatasetError, match=r"^x: a damaged PNG \(a checksum is wrong\)"):
                read_mask(data[:-12] + chunk + data[-12:], "x")
        else:
            assert read_mask(data[:-12] + chunk + data[-12:], "x").pixels.tolist() == layouts.mask(0, 3).tolist()


def saved(write, *arrays, **options):
    buffer = io.BytesIO()
    write(buffer, *arrays, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (saved(np.save, np.zeros(3)), r"float64 \[3\]; expected an array \[H, W\] of ids"),
        (saved(np.save, np.zeros((0, 3), np.int32)), r"int32 \[0, 3\]; expected an array"),
        (saved(np.save, np.zeros((1, 2), complex)), r"complex128 \[1, 2\]; expected an array"),
        (saved(np.save, np.array([["a"]])), r"<U1 \[1, 1\]; expected an array"),
        (saved(np.savez, a=np.zeros((2, 2))), r"several arrays; expected an array"),
        (saved(np.save, np.array([[None]]), allow_pickle=True), r"not a readable array \(Object arrays .*\)\. Save it"),
        (b"no array", r"not a readable array \(.*pickle.*\)\. Save it again with numpy\.save\."),
    ],
)
def test_arrays_that_are_no_masks_are_refused(data, message):
    with pytest.raises(DatasetError, match=rf"^x\.NPY: {message}"):
        read_mask(data, "x.NPY")


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int64", "float32", "bool"])
def test_arrays_of_every_kind_are_masks(kind):
    signed = kind in ("int8", "int64", "float32")
    mask = read_mask(saved(np.save, np.array([[0, 1, -1 if signed else 0]]).astype(kind)), "x.npy")
    assert mask.where == "x.npy" and mask.pixels.tolist() == [[0, 1, 255 if signed else 0]]
    assert not (mask.colored or mask.two_tone or mask.named) and mask.palette is None
    if kind == "float32":
        ends = np.array([[0, 1 << 31, -(1 << 31)]])
        assert read_mask(saved(np.save, ends.astype(float)), "x.npy").pixels.tolist() == ends.tolist()
        for beyond in (ends + 1, ends - 1):
            with pytest.raises(DatasetError, match=r"^x\.npy: a mask of floats"):
                read_mask(saved(np.save, beyond.astype(float)), "x.npy")
    far = np.array([[1 << 40]])
    assert read_mask(saved(np.save, far), "x.npy").pixels.tolist() == far.tolist()


def test_decoding_regroups_in_the_same_lookup():
    native = CAMVID32.with_ignored(())
    target = LabelMap("flat", ("all",), ((1, 2, 3),))
    table = MaskCoding(ClassList.of(CAMVID32), CAMVID32)
    ids = layouts.mask(0, 32)
    assert (
        decode_mask(encoded(Image.fromarray(native.to_rgb(ids))), "x", table) == np.where(ids == 31, 255, ids)
    ).all()
    with pytest.raises(DatasetError, match=r"^Class 'Animal' of camvid32 has no place in flat; it knows all\."):
        decode_mask(encoded(Image.fromarray(native.to_rgb(ids))), "x", MaskCoding(ClassList.of(CAMVID32), target))


def test_grey_classes_in_two_tone_grey_and_deep_masks():
    grey = LabelMap("bw", ("ground", "pet"), ((255, 255, 255), (0, 0, 0)))
    coding = MaskCoding(ClassList.of(grey), grey)
    ids = layouts.mask(0, 2)
    white = ids == 0
    assert (decode_mask(encoded(Image.fromarray(white)), "x", coding) == ids).all()
    assert (decode_mask(encoded(Image.fromarray(white * np.uint8(255))), "x", coding) == ids).all()
    with pytest.raises(DatasetError, match=r"^x: id 65535 \(\d+ pixels\) is no class"):
        decode_mask(encoded(Image.fromarray(white * np.uint16(65535))), "x", coding)


@given(
    file_format=st.sampled_from(["PNG", "JPEG", "BMP", "TIFF", "WEBP"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0.1, 1),
)
def test_damaged_files_are_decoded_or_refused_but_never_anything_else(file_format, changes, keep):
    data = bytearray(encoded(Image.fromarray(layouts.image(0, (12, 12))), file_format))
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[: int(keep * len(data))])
    for read in (
        lambda: decode_image(damaged, "x"),
        lambda: decode_mask(damaged, "x", PETS),
        lambda: read_header(io.BytesIO(damaged), "x"),
    ):
        with suppress(DatasetError):
            read()


def test_a_wrong_bit_never_makes_another_mask():
    ids = (np.arange(48) % 3).astype(np.uint8).reshape(6, 8)
    stored = io.BytesIO()
    Image.fromarray(ids).save(stored, "PNG")
    labels = LabelMap("three", ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    coding = MaskCoding(ClassList.of(labels), labels)
    for bit in range(8 * len(stored.getvalue())):
        data = bytearray(stored.getvalue())
        data[bit // 8] ^= 1 << bit % 8
        with suppress(DatasetError):
            assert (decode_mask(bytes(data), "m.png", coding) == ids).all()
    whole = stored.getvalue()
    assert (decode_mask(whole + b"behind it", "m.png", coding) == ids).all()
    with pytest.raises(DatasetError, match=r"^m\.png: a damaged PNG \(a checksum is wrong\)\. Copy it again"):
        read_mask(whole[:-1] + bytes([whole[-1] ^ 1]), "m.png")  # of the last chunk, which Pillow doesn't read


def test_a_header_that_claims_more_than_its_bytes_hold_is_refused_before_it_is_decoded():
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    data = file.getvalue()
    header = data[12:16] + struct.pack(">II", 65535, 2560) + data[24:29]
    bomb = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    for read in (decode_image, read_mask):
        with pytest.raises(DatasetError, match=r"bomb: too many pixels for one image \(65535x2560 from [\d,]+ bytes\)"):
            read(bomb, "bomb")


@pytest.mark.parametrize(
    ("width", "height", "size", "refused"),
    [
        (8_300, 3_013, 3_013, False),  # 8,300 pixels a byte: deflate makes no more
        (8_301, 3_013, 3_013, True),
        (5_000, 5_000, 100, False),  # 25 million are decoded at once
        (5_001, 5_000, 100, True),
    ],
)
def test_a_claim_is_refused_from_25_million_pixels_and_8300_a_byte(width, height, size, refused):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = (start + struct.pack(">I", size) + b"IDAT").ljust(size, b"\0")  # no pixels follow
    message = "too many pixels for one image" if refused else "not a readable image"
    with pytest.raises(DatasetError, match=rf"^m\.png: {message}"):
        read_mask(data, "m.png")
