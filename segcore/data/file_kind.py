"""Says what a file is that is no readable picture, so that an error names it instead of blaming its source."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import TiffImagePlugin

# Where a kind of file is known by its bytes: offset, bytes, the kind in words. The first that fits counts.
_SIGNATURES = (
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (8, b"CR\x02", "a camera's raw file"),
    (4, b"ftypcrx", "a camera's raw file"),
    *((4, b"ftyp" + brand, "") for brand in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")),  # cut-off photos
    (4, b"ftyp", "a video"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"v/1\x01", "an OpenEXR image of floats"),
)
_FLOATS = 3  # TIFF's SampleFormat


def kind_of_file(data: bytes) -> str:
    """What a file is that Pillow can't read, in words; empty where its bytes don't tell.

    >>> kind_of_file(b"%PDF-1.7"), kind_of_file(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    ('a PDF', 'an SVG drawing, which has no pixels')
    >>> kind_of_file(b"version https://git-lfs.github.com/spec/v1")
    'the pointer of a file in Git LFS (`git lfs pull` fetches the file itself)'
    >>> kind_of_file(bytes(20))
    ''
    """
    for offset, signature, kind in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return kind
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff(data)
    return _text(data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n"))


def _tiff(data: bytes) -> str:
    """`a TIFF of 5 bands of 16 bits`, with floats named; empty where its tags can't be read."""
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings(action="ignore"):  # of tags that Pillow mends
            tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
        bits = int(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))[0])
        bands = int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1))
        floats = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0] == _FLOATS
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error):
        return ""
    return f"a TIFF of {bands} band{'s' * (bands != 1)} of {bits}-bit {'floats' if floats else 'numbers'}"


def _text(start: bytes) -> str:
    """What a text is; empty where the bytes are no text."""
    lower = start.lower()
    if lower.startswith(b"version https://git-lfs"):
        return "the pointer of a file in Git LFS (`git lfs pull` fetches the file itself)"
    if start[:1] == b"<" and b"<svg" in lower:
        return "an SVG drawing, which has no pixels"
    if start[:1] == b"<" and b"<html" in lower:
        return "a web page, not the picture that it shows"
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a letter cut in two
            return ""
        text = start[: error.start].decode()
    return "text, not a picture" if text and all(letter.isprintable() or letter.isspace() for letter in text) else ""
