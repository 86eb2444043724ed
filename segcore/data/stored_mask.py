"""What a dataset stores as a mask: a picture, or files from which the mask is composed."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from segcore.data.decode import MaskPixels, read_mask
from segcore.data.evenly_spread import FileSample
from segcore.data.file_source import FileSource
from segcore.errors import DatasetError


class ComposedMask(Protocol):
    """A mask that is no picture of its own: drawn from polygons, or merged from one file a class.

    Frozen and picklable. `str()` names it in messages, as a path inside the file source.
    """

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it is made of, as paths inside the file source."""
        ...

    def read(self, file_source: FileSource) -> MaskPixels:
        """Its pixels, `[H, W]` positions in the dataset's list of classes, with `named` set.

        Raises:
            DatasetError: when a file can't be read or two files contradict each other.
        """
        ...


StoredMask = str | ComposedMask  # str: the path of a picture inside the file source


def files_of(mask: StoredMask) -> tuple[str, ...]:
    """The files of a mask, as paths inside the file source.

    >>> files_of("masks/a.png")
    ('masks/a.png',)
    """
    return (mask,) if isinstance(mask, str) else mask.files


def read_stored(mask: StoredMask, file_source: FileSource) -> MaskPixels:
    """Read the pixels of a mask, from its picture or from what it is composed of.

    Raises:
        DatasetError: as `read_mask` and `ComposedMask.read`.
    """
    if isinstance(mask, str):
        return read_mask(file_source.read(mask), f"{file_source.root}/{mask}")
    return mask.read(file_source)


class MaskSample(FileSample[StoredMask]):
    """Masks spread over a dataset, from which its rule is decided."""

    def read(self) -> list[MaskPixels]:
        """The masks that can be read; the errors of the others are raised when these are read themselves."""
        masks = []
        for mask in self.items:
            with suppress(DatasetError):
                masks.append(read_stored(mask, self.file_source))
        return masks
