"""Finds how many of their 16 bits the images of a dataset use, so that 12-bit pictures are not nearly black."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from segcore.data.file_source import FileSource
from segcore.data.sampling import spread
from segcore.errors import DatasetError

DEPTHS = (8, 10, 12, 14, 16)  # bits a channel that cameras and microscopes have
SAMPLED = 8  # images that decide


@dataclass(frozen=True)
class ImageDepth:
    """Bits a channel of a dataset's 16-bit images, decided from a sample when the first such image is read.

    Args:
        file_source: The folder or zip with the images.
        paths: The images of the sample.
    """

    file_source: FileSource
    paths: tuple[str, ...]

    @classmethod
    def spread(cls, file_source: FileSource, paths: Sequence[str]) -> ImageDepth:
        """A sample of the images, from the first to the last, at even steps."""
        return cls(file_source, spread(paths, SAMPLED))

    @cached_property
    def bits(self) -> int:
        """The smallest of `DEPTHS` that holds every value of the sample."""
        return fitting_depth(max(map(self._highest, self.paths), default=0))

    def _highest(self, path: str) -> int:
        try:
            with Image.open(io.BytesIO(self.file_source.read(path))) as image:
                return int(np.asarray(image).max()) if image.mode.startswith("I") else 0
        except (DatasetError, OSError, ValueError):
            return 0  # its error is raised when it is read itself


def fitting_depth(highest: int) -> int:
    """The smallest of `DEPTHS` that holds a value.

    >>> fitting_depth(4095), fitting_depth(65535), fitting_depth(3)
    (12, 16, 8)
    """
    return next((bits for bits in DEPTHS if highest < 1 << bits), DEPTHS[-1])
