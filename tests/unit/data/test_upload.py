"""What people upload: every kind of file, turned, shrunk, damaged, far too large, or no picture at all."""

import io
import itertools
import re
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from fixtures import layouts, pictures
from fixtures.random_data.codings import few_bits
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from segcore.data import Upload, decode_image, read_upload, upload
from segcore.data.upload import MAX_BYTES
from segcore.errors import DatasetError, LabelError, SegcoreError
from segcore.labels import CAMVID11, LabelMap

PETS = layouts.PETS
NO_MASK = "no mask: every pixel counts as not labelled"
EXIF_ORIENTATION = 0x0112


def encoded(picture, file_format="PNG", **options):
    buffer = io.BytesIO()
    picture.copy().save(buffer, file_format, **options)
    return buffer.getvalue()


def photo(seed=0, size=(12, 16)):
    return Image.fromarray(layouts.image(seed, size))


def oriented(orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return exif


def read(picture, *mask, name="street.png", labels=PETS):
    """Read a Pillow picture (as PNG) or bytes, with a mask if one is given."""
    data = picture if isinstance(picture, bytes) else encoded(picture)
    return read_upload(data, name, labels, *(item if isinstance(item, bytes) else encoded(item) for item in mask))


def refused(message, *arguments, error=DatasetError):
    with pytest.raises(error, match=re.escape(message)):
        read_upload(*arguments)


# What is made of a file


def test_an_image_without_a_mask_is_a_sample_with_nothing_labelled():
    got = read(photo())
    assert isinstance(got, Upload) and got.sample.id == "street" and got.sample.split == "upload"
    assert (got.sample.image == layouts.image(0, (12, 16))).all()
    assert got.sample.mask.shape == (12, 16) and (got.sample.mask == 255).all()
    assert got.notes == (NO_MASK,)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("street.png", "street"),
        ("IMG_2041.final.JPEG", "IMG_2041.final"),
        ("C:\\fakepath\\street.png", "street"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\n.png", "ab"),
        ("Straße 1.png", "Straße 1"),
        ("", "image"),
        ("\n", "image"),
        ("folder/", "image"),
        (".png", ".png"),
        ("x" * 5000 + ".png", "x" * 60 + "…" + "x" * 11),
    ],
)
def test_the_id_is_the_file_name_fit_to_be_shown(name, wanted):
    assert read(photo(), name=name).sample.id == wanted


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG", "AVIF", "MPO", "JPEG2000"])
def test_every_format(file_format):
    flat = Image.new("RGB", (16, 12), (200, 30, 60))
    options = {"save_all": True, "append_images": [flat]} if file_format == "MPO" else {}
    got = read(encoded(flat, file_format, **options))
    assert got.sample.size == (12, 16) and got.notes == (NO_MASK,)
    assert np.abs(got.sample.image.astype(int) - (200, 30, 60)).max() < 14


def test_a_photo_of_a_phone():
    """HEIC, which Pillow reads with a plugin of ours, as a phone's AVIF, which calls itself an image sequence."""
    got = read(pictures.HEIC)
    assert got.sample.size == (48, 64) and got.notes == (NO_MASK,)
    assert np.abs(got.sample.image[10, 10].astype(int) - (30, 120, 200)).max() < 5
    assert np.abs(got.sample.image[40, 50].astype(int) - (200, 30, 60)).max() < 5
    avif = encoded(photo(), "AVIF")
    assert (read(avif[:8] + b"mif1" + avif[12:]).sample.image == read(avif).sample.image).all()


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame(file_format):
    frames = [Image.new("RGB", (16, 12), (shade, 0, 0)) for shade in (200, 100, 20)]
    got = read(encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=50))
    assert got.notes == ("animated: the first of 3 frames", NO_MASK)
    assert np.abs(got.sample.image.astype(int) - (200, 0, 0)).max() < 10


def test_of_a_tiff_the_first_page():
    got = read(encoded(photo(0), "TIFF", save_all=True, append_images=[photo(1)]))
    assert got.notes == ("of 2 pages: the first", NO_MASK)
    assert (got.sample.image == layouts.image(0, (12, 16))).all()


def test_a_cmyk_jpeg_is_converted():
    flat = Image.new("RGB", (16, 12), (200, 30, 60)).convert("CMYK")
    got = read(encoded(flat, "JPEG", quality=95))
    assert got.notes == ("CMYK converted to RGB", NO_MASK)
    assert np.abs(got.sample.image.astype(int) - (200, 30, 60)).max() < 12


def png(rows, width, height, depth, color, *chunks):
    """A PNG made by hand, of pixels or settings that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    others = b"".join(chunk(*item) for item in chunks)
    return b"\x89PNG\r\n\x1a\n" + header + others + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_16_bit_channels_keep_their_high_byte():
    high = layouts.mask(0, 255)
    grey = Image.fromarray(high.astype(np.uint16) * 256 + 77)
    for data in (encoded(grey), encoded(grey, "TIFF")):
        got = read(data)
        assert got.notes == ("16 bits a channel: the high byte", NO_MASK)
        assert (got.sample.image == high[..., None]).all()
    colors = layouts.image().astype(np.uint16) * 256 + 200
    got = read(png(b"".join(b"\0" + row.astype(">u2").tobytes() for row in colors), 8, 6, 16, 2))
    assert got.notes == ("16 bits a channel: the high byte", NO_MASK)
    assert (got.sample.image == layouts.image()).all()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_12_bits_in_16_are_not_nearly_black(file_format):
    levels = layouts.mask(0, 255)
    levels[0, 0] = 255
    got = read(encoded(Image.fromarray(levels.astype(np.uint16) * 16 + 15), file_format))
    assert got.notes == ("16 bits a channel: its brightest pixel needs 12, shown as 8", NO_MASK)
    assert (got.sample.image == levels[..., None]).all()


@pytest.mark.parametrize(
    ("bands", "kind", "said"),
    [
        (5, np.uint8, "a TIFF of 5 bands of 8-bit numbers"),
        (8, np.uint16, "a TIFF of 8 bands of 16-bit numbers"),
        (3, np.float32, "a TIFF of 3 bands of 32-bit floats"),
        (1, np.float64, "a TIFF of 1 band of 64-bit floats"),
    ],
)
def test_a_tiff_of_measurements_is_called_what_it_is(bands, kind, said):
    data = pictures.tiff(np.zeros((4, 6, bands), kind))
    refused(f"x.tif: {said}; expected a PNG,", data, "x.tif", PETS)
    with pytest.raises(DatasetError, match=f"x.tif: {said}; expected"):
        decode_image(data, "x.tif")


def test_a_tolerance_lets_smoothed_edges_pass():
    image, colors = photo(), np.array([PETS.colors[0], PETS.colors[1]], np.int16)
    mask = colors[np.arange(12 * 16).reshape(12, 16) % 2]
    mask[0, 0] += 3 - 6 * (mask[0, 0] > 100)
    drawn = encoded(Image.fromarray(mask.astype(np.uint8)))
    refused("(--color-tolerance 3)", encoded(image), "x.png", PETS, drawn, "m.png", error=LabelError)
    ids = read_upload(encoded(image), "x.png", PETS, drawn, "m.png", color_tolerance=3).sample.mask
    assert (ids == np.arange(12 * 16).reshape(12, 16) % 2).all()


def test_transparency_is_left_out_and_named_only_where_there_is_some():
    half = photo()
    half.putalpha(120)
    palette = photo().quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    named = ("transparency left out: the colours below it show", NO_MASK)
    assert read(half).notes == named
    assert read(half.convert("LA")).notes == named
    clear = read(encoded(palette, transparency=int(np.asarray(palette)[0, 0])))
    assert clear.notes == named and (clear.sample.image == expected).all()
    assert read(encoded(palette, transparency=bytes(range(16)))).notes == named
    half.putalpha(255)
    assert read(half).notes == (NO_MASK,)
    assert (read(half).sample.image == layouts.image(0, (12, 16))).all()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(9))
def test_exif_orientation_is_undone(orientation, file_format):
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :16] = (255, 0, 0)  # no turn looks like another
    pixels[16:, 32:] = (0, 0, 255)
    data = encoded(Image.fromarray(pixels), file_format, exif=oriented(orientation))
    got = read(data)
    turned = orientation in range(2, 9)
    assert got.notes == (("turned upright by its EXIF orientation", NO_MASK) if turned else (NO_MASK,))
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert (got.sample.image == expected).all()
    assert got.sample.size == ((48, 32) if orientation >= 5 else (32, 48))


def test_an_exif_chunk_after_the_pixels_counts_too():
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, EXIF_ORIENTATION, 3, 1, 6, 0, 0)
    data = encoded(photo())
    end = data.index(b"IEND") - 4
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    got = read(data[:end] + chunk + data[end:])
    assert got.sample.size == (16, 12) and got.notes[0] == "turned upright by its EXIF orientation"


def test_large_pictures_are_made_smaller_image_by_mean_and_mask_by_nearest():
    image = np.zeros((1200, 2560, 3), np.uint8)
    image[::2] = 255  # the mean of every two rows is grey
    ids = np.zeros((1200, 2560), np.uint8)
    ids[:, 1280:] = 2
    got = read(Image.fromarray(image), Image.fromarray(ids))
    assert got.sample.size == (600, 1280)
    assert got.notes == ("made smaller: 2560 × 1200 → 1280 × 600",)
    assert set(np.unique(got.sample.image)) <= {127, 128}
    assert set(np.unique(got.sample.mask)) == {0, 2}
    assert (got.sample.mask[:, :640] == 0).all() and (got.sample.mask[:, 640:] == 2).all()


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "I;16", "RGB", "L"])
@pytest.mark.parametrize("size", [(1717, 1391), (1301, 64), (60, 2000), (1280, 130), (7, 5), (1281, 1281)])
def test_pictures_of_any_kind_are_made_smaller_as_if_converted_whole(mode, size):
    """Where a border falls into the middle of a row, either of its neighbours may have it."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
        whole = Image.fromarray(noise[..., [0, 0, 0]])
    else:
        picture = Image.fromarray(noise).convert(mode)
        whole = picture.convert("RGB")
    small = tuple(max(1, round(side * min(1, 1280 / max(size)))) for side in size)
    got = read(encoded(picture, "TIFF")).sample.image
    wanted = np.asarray(whole.resize(small, Image.Resampling.BOX))  # Pillow rounds once in each direction, in any order
    assert got.shape == wanted.shape and (abs(got.astype(int) - wanted) > 1).any(axis=(1, 2)).sum() <= 1


def test_a_picture_of_fifty_million_pixels_takes_little_more_than_its_pixels():
    code = (
        "import re, sys; from pathlib import Path; from segcore.data import read_upload; from segcore.labels import *;"
        "held = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024;"
        "data = sys.stdin.buffer.read(); before = held(); read_upload(data, 'a.gif', CAMVID11); print(held() - before)"
    )
    data = encoded(Image.new("L", (7000, 7000)), "GIF")
    took = int(subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True).stdout)
    assert took < 150  # MB; 520 when it was converted as a whole


def test_of_large_pictures_one_is_in_work_at_a_time(monkeypatch):
    """From before its pixels are decoded until they are converted."""
    events, load, convert = [], ImageFile.ImageFile.load, upload.to_rgb

    def loaded(self):
        if self.tile:
            events.append((threading.get_ident(), self.size))
        return load(self)

    def converted(*arguments):
        events.append((threading.get_ident(), (2500, 2000)))
        return convert(*arguments)

    monkeypatch.setattr(ImageFile.ImageFile, "load", loaded)
    monkeypatch.setattr(upload, "to_rgb", converted)
    data = encoded(Image.new("P", (2500, 2000)))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: read(data), range(8)))
    by_picture = [thread for thread, _ in itertools.groupby(thread for thread, size in events if size == (2500, 2000))]
    assert len(events) >= 16 and len(by_picture) <= 8  # no thread comes between the events of another


def test_a_small_picture_does_not_wait_for_a_large_one(monkeypatch):
    begun, go_on, convert = threading.Event(), threading.Event(), upload.to_rgb

    def waiting(image, *others):
        if image.width > 1000:
            begun.set()
            assert go_on.wait(60)
        return convert(image, *others)

    monkeypatch.setattr(upload, "to_rgb", waiting)
    with ThreadPoolExecutor(1) as threads:
        large = threads.submit(read, encoded(Image.new("L", (2500, 2000))))
        assert begun.wait(60)
        assert read(photo()).notes == (NO_MASK,)
        go_on.set()
        assert large.result().sample.size == (1024, 1280)


def test_a_large_mask_is_read_with_its_large_image_and_neither_blocks_the_next():
    picture = encoded(Image.new("L", (2500, 2000)))
    for _ in range(2):
        assert read(picture, picture).sample.size == (1024, 1280)
        with pytest.raises(DatasetError):
            read(picture, encoded(Image.new("L", (2000, 2500))))
        with pytest.raises(DatasetError):
            read(picture[: len(picture) // 2])
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(read, picture).result(timeout=60).sample.size == (1024, 1280)


def test_a_large_photo_is_turned_and_made_smaller():
    data = encoded(Image.new("RGB", (1600, 1200)), "JPEG", exif=oriented(6))
    got = read(data)
    assert got.sample.size == (1280, 960)
    assert got.notes == ("turned upright by its EXIF orientation", "made smaller: 1200 × 1600 → 960 × 1280", NO_MASK)


@pytest.mark.parametrize("size", [(1280, 1), (1, 1280), (1280, 1280)])
def test_1280_is_small_enough(size):
    assert read(Image.new("RGB", size)).notes == (NO_MASK,)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (4000, 1), (1, 4000)])
def test_the_tiniest_and_thinnest_pictures_are_accepted(size):
    got = read(Image.new("RGB", size, (9, 8, 7)), Image.new("L", size, 1))
    assert (got.sample.image == (9, 8, 7)).all() and (got.sample.mask == 1).all()
    assert max(got.sample.size) == min(max(size), 1280) and min(got.sample.size) == 1


# Masks


@pytest.mark.parametrize("coding", ["ids", "palette", "colors", "ids16", "gif", "rgba", "2 bits", "4 bits"])
def test_masks_as_ids_palette_or_colours(coding):
    ids = layouts.mask(0, 3, (12, 16))
    palette = Image.fromarray(ids)
    palette.putpalette(PETS.palette.tobytes())
    mask = {
        "ids": Image.fromarray(ids),
        "palette": palette,
        "colors": Image.fromarray(PETS.to_rgb(ids)),
        "ids16": Image.fromarray(ids.astype(np.uint16)),
        "gif": encoded(palette, "GIF"),
        "rgba": Image.fromarray(PETS.to_rgb(ids)).convert("RGBA"),
        "2 bits": few_bits(ids, 2),
        "4 bits": few_bits(ids, 4),
    }[coding]
    got = read(photo(), mask)
    assert (got.sample.mask == ids).all() and got.notes == ()


@pytest.mark.parametrize("as_colors", [True, False])
def test_ignored_classes_become_255(as_colors):
    counted = CAMVID11.with_ignored(())
    ids = layouts.mask(0, 12, (12, 16))
    mask = Image.fromarray(counted.to_rgb(ids) if as_colors else ids)
    got = read(photo(), mask, labels=CAMVID11)
    assert (got.sample.mask == np.where(ids == 11, 255, ids)).all() and (ids == 11).any()


def test_255_in_a_mask_of_ids_is_not_labelled():
    ids = layouts.mask(0, 3, (12, 16))
    ids[0] = 255
    assert (read(photo(), Image.fromarray(ids)).sample.mask == ids).all()


def test_masks_with_foreign_colours_or_ids_are_refused():
    data, ids = encoded(photo()), layouts.mask(0, 3, (12, 16))
    colors = PETS.to_rgb(ids)
    colors[0, :2] = (201, 3, 0)
    message = "m.png: colour (201, 3, 0) (2 pixels) is no class of pets; the nearest is cat (200, 0, 0)."
    refused(message, data, "x.png", PETS, encoded(Image.fromarray(colors)), "m.png", error=LabelError)
    ids[0, :3] = 77
    message = "m.png: id 77 (3 pixels) is no class; ids go up to 2 (pets, 3 classes), 255 is ignored."
    refused(message, data, "x.png", PETS, encoded(Image.fromarray(ids)), "m.png")


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "AVIF", "MPO"])
def test_lossy_masks_are_refused(file_format):
    options = {"save_all": True, "append_images": [photo()]} if file_format == "MPO" else {}
    mask = encoded(photo(), file_format, **options)
    message = f"mask: a mask as {file_format}; compression changes its classes. Save it as PNG."
    refused(message, encoded(photo()), "x.png", PETS, mask)


def test_a_mask_of_another_size_is_refused_with_both():
    message = (
        "m.png: the mask is 8 × 6, x.png is 16 × 12; they must match. "
        "Upload the mask that was drawn over this image, at its size."
    )
    refused(message, encoded(photo()), "x.png", PETS, encoded(Image.fromarray(layouts.mask())), "m.png")
    turned = encoded(photo(), "JPEG", exif=oriented(6))
    message = "m.png: the mask is 8 × 6, x.jpg is 12 × 16 once it is upright; they must match."
    refused(message, turned, "x.jpg", PETS, encoded(Image.fromarray(layouts.mask())), "m.png")
    # As large before it was made smaller is what counts, not after.
    message = "m.png: the mask is 1280 × 1280, x.png is 2560 × 2560; they must match."
    large = [encoded(Image.new("L", (size, size))) for size in (2560, 1280)]
    refused(message, large[0], "x.png", PETS, large[1], "m.png")


def test_an_empty_mask_file_is_not_taken_for_no_mask():
    refused("m.png: an empty file (0 bytes).", encoded(photo()), "x.png", PETS, b"", "m.png")


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_a_mask_that_fits_the_stored_pixels_only_is_turned_with_them(orientation, file_format):
    ids = layouts.mask(0, 3, (12, 16))
    stored = Image.fromarray(ids)
    stored.getexif()[EXIF_ORIENTATION] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    data = encoded(photo(), file_format, exif=oriented(orientation))
    got = read(data, Image.fromarray(ids))
    assert got.notes == ("turned upright by its EXIF orientation", "mask turned with its image")
    assert got.sample.size == (16, 12) and (got.sample.mask == upright).all()
    got = read(data, Image.fromarray(upright))  # drawn over the upright picture
    assert got.notes == ("turned upright by its EXIF orientation",) and (got.sample.mask == upright).all()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_a_mask_has_an_orientation_of_its_own(file_format):
    ids = layouts.mask(0, 3, (12, 16))
    mask = encoded(Image.fromarray(ids), file_format, exif=oriented(8))
    got = read(photo(size=(16, 12)), mask)
    assert got.notes == ("mask turned upright by its EXIF orientation",)
    assert (got.sample.mask == np.rot90(ids)).all()


def test_where_a_mask_fits_both_ways_it_stays_as_it_is_and_that_is_said():
    ids = layouts.mask(0, 3, (12, 16))
    got = read(encoded(photo(), "JPEG", exif=oriented(3)), Image.fromarray(ids))
    assert got.notes == ("turned upright by its EXIF orientation", "mask taken to be upright already")
    assert (got.sample.mask == ids).all()


def test_large_turned_masks_stay_with_their_image():
    pixels = np.zeros((1500, 2001, 3), np.uint8)
    pixels[:700, :300] = 255
    data = encoded(Image.fromarray(pixels), "JPEG", quality=95, exif=oriented(6))
    for mask in (pixels[..., 0] // 255, np.rot90(pixels[..., 0] // 255, -1)):
        got = read(data, Image.fromarray(np.ascontiguousarray(mask)))
        assert got.sample.size == (1280, 960)
        white = got.sample.image[..., 0] > 127
        assert (white != (got.sample.mask == 1)).mean() < 0.002  # the edge alone


def test_the_first_frame_of_an_animated_mask():
    frames = [Image.new("P", (16, 12), index) for index in (1, 2)]
    for frame in frames:
        frame.putpalette(PETS.palette.tobytes())
    got = read(photo(), encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (got.sample.mask == 1).all() and got.notes == ("mask animated: the first of 2 frames",)


# What is refused


def test_too_many_bytes():
    data = encoded(photo())
    message = "x.png: 20.1 MB; expected at most 20 MB. Make it smaller first, or save it as JPEG."
    refused(message, data + bytes(MAX_BYTES + 2**16 - len(data)), "x.png", PETS)
    refused(message.replace("x.png", "m.png"), data, "x.png", PETS, bytes(MAX_BYTES + 2**16), "m.png")


@pytest.mark.parametrize(
    ("width", "height", "output"),
    [
        (7072, 7071, "x.png: 7072 × 7071, that is 50 million pixels; expected at most 50 million. Make it smaller"),
        (10_000, 9_000, "x.png: 10000 × 9000, that is 90 million pixels; expected at most 50 million."),
        (60_000, 60_000, "x.png: more than 178 million pixels; expected at most 50 million. Make it smaller first:"),
        (2**31 - 1, 2**31 - 1, "x.png: more than 178 million pixels; expected at most 50 million."),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pixels_are_counted_before_any_is_decoded(width, height, output, monkeypatch):
    def decode(*_):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    refused(output, png(b"\0", width, height, 8, 2), "x.png", PETS)


def test_a_header_that_promises_more_than_the_file_holds():
    refused("x.png: not a readable image (", png(b"\0\0\0\0", 2000, 2000, 8, 2), "x.png", PETS)


def test_a_bomb_of_text_in_a_png():
    text = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))
    refused("x.png: not a readable image (Decompressed data too large", png(b"", 1, 1, 8, 2, text), "x.png", PETS)


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (b"", "x: an empty file (0 bytes). Get it again from its source."),
        (
            b"hello",
            "x: text, not a picture; expected a PNG, JPEG, WebP, AVIF, HEIC, JPEG 2000, BMP or GIF, or a TIFF of",
        ),
        ("Grüße,\n" * 3000 + "ü" * 9000, "x: text, not a picture; expected"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "x: an SVG drawing, which has no pixels; expected a PNG, JPEG"),
        (b'\xef\xbb\xbf <?xml version="1.0"?>\n<!-- x -->\n<SVG/>', "x: an SVG drawing, which has no pixels"),
        (b"<html></html>", "x: a web page, not the picture that it shows"),
        (b"%PDF-1.7\n\xff\xff", "x: a PDF; expected"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "x: text, not a picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "x: the pointer of a file in Git LFS (`git lfs pull`"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "x: not a readable image ("),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "x: a video; expected"),
        (b"PK\3\4\xff\xfe", "x: a ZIP archive; expected"),
        (b"\xff\x0a\xff\xfe", "x: a JPEG XL image; expected"),
        (bytes(128) + b"DICM", "x: a DICOM file; expected"),
        (b"II*\0\x10\0\0\0CR\2\0", "x: a camera's raw file; expected"),
        (bytes(1000), "x: not a readable image (no known image format)."),
    ],
)
def test_what_is_no_picture(data, output):
    data = data.encode() if isinstance(data, str) else data
    refused(output, data, "x", PETS)
    refused(output.replace("x:", "m:"), encoded(photo()), "x.png", PETS, data, "m")


def test_formats_that_run_other_programs_are_not_even_tried(monkeypatch):
    """Pillow opens EPS with Ghostscript; here its header is not looked at."""
    eps = encoded(photo(), "EPS")
    refused("x.png: ", b"\xc5\xd0\xd3\xc6" + eps, "x.png", PETS)
    refused("not a readable image (no known image format)", encoded(photo(), "ICO"), "x.ico", PETS)


def test_floats_and_32_bits():
    floats = encoded(Image.fromarray(np.zeros((2, 2), np.float32)), "TIFF")
    refused(
        "x.tif: an image of floats; expected 8 or 16 bits a channel. Save it as PNG or JPEG.", floats, "x.tif", PETS
    )
    deep = encoded(Image.fromarray(np.full((2, 2), 1 << 20, np.int32)), "TIFF")
    refused("x.tif: a 32-bit image; expected 8 or 16 bits a channel.", deep, "x.tif", PETS)
    image = encoded(Image.new("RGB", (2, 2)))
    halves = encoded(Image.fromarray(np.full((2, 2), 0.5, np.float32)), "TIFF")
    refused("m.tif: a mask of floats that are no whole numbers; expected ids.", image, "x.png", PETS, halves, "m.tif")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_files(file_format, share):
    data = encoded(photo(size=(64, 64)), file_format)
    with pytest.raises(DatasetError, match=r"^x: (not a readable image \(|text, not a picture)"):
        read_upload(data[: int(share * len(data))], "x", PETS)


def test_a_png_that_is_corrupt_in_its_middle():
    data = bytearray(encoded(photo(size=(64, 64))))
    for at in range(len(data) // 2, len(data) // 2 + 40):
        data[at] ^= 0xFF
    refused("x.png: not a readable image (", bytes(data), "x.png", PETS)


FILES = {
    "PNG": encoded(photo(), exif=oriented(6)),
    "JPEG": encoded(photo(), "JPEG", exif=oriented(6)),
    "WEBP": encoded(photo(), "WEBP"),
    "AVIF": encoded(photo(), "AVIF"),
    "GIF": encoded(photo(0), "GIF", save_all=True, append_images=[photo(1), photo(2)]),
    "APNG": encoded(photo(0), save_all=True, append_images=[photo(1)]),
    "TIFF": encoded(photo(), "TIFF", compression="tiff_deflate", exif=oriented(6)),
    "palette": encoded(photo().quantize(16), transparency=3),
}


@given(
    kind=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8),
    near=st.booleans(),
    keep=st.sampled_from([1, 1, 1, 0.9, 0.4]),
    as_mask=st.booleans(),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_read_or_refused_but_never_anything_else(kind, changes, near, keep, as_mask):
    data = bytearray(FILES[kind])
    for at, value in changes:
        data[at % (min(len(data), 120) if near else len(data))] = value  # headers are short, and hold the sizes
    damaged = bytes(data[: int(keep * len(data))])
    with suppress(SegcoreError):
        got = read_upload(FILES["PNG"], "x", CAMVID11, damaged, "m") if as_mask else read_upload(damaged, "x", CAMVID11)
        assert got.sample.image.shape[:2] == got.sample.mask.shape and max(got.sample.size) <= 1280


@given(
    data=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0"]),
)
def test_any_bytes_are_refused_politely(data, prefix):
    with suppress(SegcoreError):
        read_upload(prefix + data, "x", PETS)


def test_inputs_are_left_alone_and_the_arrays_are_read_only():
    image, mask = encoded(photo()), encoded(Image.fromarray(layouts.mask(0, 3, (12, 16))))
    got = read_upload(image, "x.png", PETS, mask, "m.png")
    again = read_upload(image, "x.png", PETS, mask, "m.png")
    assert (got.sample.image == again.sample.image).all() and got.notes == again.notes
    assert not got.sample.image.flags.writeable and not got.sample.mask.flags.writeable
    with pytest.raises(AttributeError):
        got.notes = ()


def test_two_classes_painted_black_and_white():
    labels = LabelMap("bw", ("ground", "pet"), ((0, 0, 0), (255, 255, 255)))
    ids = layouts.mask(0, 2, (12, 16))
    assert (read(photo(), Image.fromarray(ids * np.uint8(255)), labels=labels).sample.mask == ids).all()


def test_reading_an_upload_imports_nothing_heavy():
    code = (
        "import sys; from segcore.data import read_upload; "
        "print([name for name in ('torch', 'pandas', 'cv2', 'albumentations') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert result.stdout.strip() == "[]"
