"""Reads image files, and images that labelme embedded in its JSON."""

from __future__ import annotations

import base64
import io
from typing import IO

from segcore.data.file_source import FileSource
from segcore.errors import DatasetError
from segcore.reading import SHAPE_ERRORS, parse_json


def read_image(file_source: FileSource, path: str) -> bytes:
    """The bytes of an image file; of a JSON file, those of the image in its `imageData`.

    Raises:
        DatasetError: when it can't be read.
    """
    data = file_source.read(path)
    if not path.lower().endswith(".json"):
        return data
    try:
        return base64.b64decode(parse_json(data)["imageData"])
    except SHAPE_ERRORS:
        raise DatasetError(f"{file_source.root}/{path}: no image in its imageData. Put the image beside it.") from None


def open_image(file_source: FileSource, path: str) -> IO[bytes]:
    """An image as `read_image` reads it, as a stream for its header."""
    return io.BytesIO(read_image(file_source, path)) if path.lower().endswith(".json") else file_source.open(path)
