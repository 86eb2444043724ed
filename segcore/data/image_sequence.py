"""Images in order, as the frames of a video."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segcore.data.decode import decode_image
from segcore.data.image_depth import ImageDepth, depth_of_files
from segcore.data.video_file import Frame
from segcore.errors import DatasetError
from segcore.reading import read_bytes


def read_image_file(path: Path) -> bytes:
    """The bytes of a user's image.

    Raises:
        DatasetError: when it can't be read.
    """
    try:
        return read_bytes(path)
    except OSError as error:
        raise DatasetError(f"{path}: the image can't be read ({error.strerror or error}).") from None


@dataclass(frozen=True)
class ImageSequence:
    """Images of one size, shown one after the other; it is read like a `Video`.

    Args:
        paths: The images, one or more.
        height: Rows of the first.
        width: Columns of the first.
        rate: Frames a second.
    """

    paths: tuple[Path, ...]
    height: int
    width: int
    rate: float
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, paths: Sequence[Path], rate: float) -> ImageSequence:
        """Read the first image.

        Raises:
            DatasetError: when it can't be read.
        """
        height, width = decode_image(read_image_file(paths[0]), str(paths[0]), depth_of_files(paths)).shape[:2]
        return cls(tuple(paths), height, width, rate)

    @property
    def stated(self) -> int:
        """Number of images."""
        return len(self.paths)

    @cached_property
    def _depth(self) -> ImageDepth:
        return depth_of_files(self.paths)

    def frames(self) -> Generator[Frame, None, None]:
        """Decode the images in order.

        Raises:
            DatasetError: when one can't be read, or is of another size than the first.
        """
        for index, path in enumerate(self.paths):
            image = decode_image(read_image_file(path), str(path), self._depth)
            height, width = image.shape[:2]
            if (height, width) != (self.height, self.width):
                raise DatasetError(
                    f"{path} is {height}x{width} and {self.paths[0]} is {self.height}x{self.width}; a video has frames "
                    "of one size. Leave it out, or write single overlays: --write overlays"
                )
            yield Frame(image, index / self.rate)

    def missing(self, decoded: int) -> str | None:
        """None: an image that can't be decoded is an error."""
        return None
