"""Finds how many of their 16 bits the images of a dataset use, so that 12-bit pictures are not nearly black."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from segcore.data.evenly_spread import FileSample
from segcore.data.file_source import Folder
from segcore.data.image_file import read_image
from segcore.errors import DatasetError

DEPTHS = (8, 10, 12, 14, 16)  # bits a channel that cameras and microscopes have


class ImageDepth(FileSample[str]):
    """Bits a channel of a dataset's 16-bit images, decided from a sample when the first such image is read."""

    @cached_property
    def bits(self) -> int:
        """The smallest of `DEPTHS` that holds every value of the sample."""
        return fitting_depth(max(map(self._highest, self.items), default=0))

    def _highest(self, path: str) -> int:
        try:
            with Image.open(io.BytesIO(read_image(self.file_source, path))) as image:
                return int(np.asarray(image).max()) if image.mode.startswith("I") else 0
        except (DatasetError, OSError, ValueError):
            return 0  # its error is raised when it is read itself


def depth_of_files(paths: Sequence[Path]) -> ImageDepth:
    """The depth of images that lie anywhere."""
    return ImageDepth.spread(Folder(""), [str(path.absolute()) for path in paths])


def fitting_depth(highest: int) -> int:
    """The smallest of `DEPTHS` that holds a value.

    >>> fitting_depth(4095), fitting_depth(65535), fitting_depth(3)
    (12, 16, 8)
    """
    return next((bits for bits in DEPTHS if highest < 1 << bits), DEPTHS[-1])
