"""Records of samples, which read them on demand: from files, or from another record with its ids renumbered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcore.arrays import U8Image, U8Mask
from segcore.data.dataset import Record, Stamp
from segcore.data.decode import SIDEWAYS, Header, decode_image, read_header, upright
from segcore.data.file_source import FileSource
from segcore.data.image_depth import ImageDepth
from segcore.data.image_file import open_image, read_image
from segcore.data.mask_coding import MaskCoding, to_ids
from segcore.data.stored_mask import StoredMask, files_of, read_stored
from segcore.data.table_source import TableSource
from segcore.errors import DatasetError


@dataclass(frozen=True, slots=True)  # of which there may be a hundred thousand
class FileRecord:
    """One image file with its mask.

    Args:
        id: Unique in its dataset.
        split: `train`, `val` or `test`.
        group: The sequence it belongs to.
        file_source: The folder or zip with the files.
        image_path: Image inside the file source.
        stored_mask: Mask inside the file source: the path of a picture, or what it is composed of.
        coding: How the mask becomes ids.
        origin: Id of the frame it shows: its own, or that of the frame an augmented copy was made from.
        copy: 0 for a frame, 1, 2, ... for its augmented copies.
        depth: How many of their bits the dataset's 16-bit images use.
    """

    id: str
    split: str
    group: str
    file_source: FileSource
    image_path: str
    stored_mask: StoredMask
    coding: MaskCoding
    origin: str
    copy: int = 0
    depth: ImageDepth | None = None

    @property
    def has_own_files(self) -> bool:
        """Whether it is a file with an image and one with its mask: not drawn, merged, or a row of a table."""
        return isinstance(self.stored_mask, str) and not isinstance(self.file_source, TableSource)

    def image(self) -> U8Image:
        return decode_image(read_image(self.file_source, self.image_path), self._where(self.image_path), self.depth)

    def mask(self) -> U8Mask:
        mask = self._mask_as_stored()
        try:
            header = self._header()
        except DatasetError:
            return mask  # the image's error is raised when it is read itself
        return self._turned(mask, header)

    def size(self) -> tuple[int, int]:
        return self._header()[:2]

    def size_and_mask(self) -> tuple[tuple[int, int], U8Mask]:
        header = self._header()
        return header[:2], self._turned(self._mask_as_stored(), header)

    def _mask_as_stored(self) -> U8Mask:
        return to_ids(read_stored(self.stored_mask, self.file_source), self.coding)

    def _header(self) -> Header:
        with open_image(self.file_source, self.image_path) as stream:
            return read_header(stream, self._where(self.image_path))

    def _turned(self, mask: U8Mask, header: Header) -> U8Mask:
        """The mask, turned as its image is by EXIF where it lies over the stored pixels.

        Raises:
            DatasetError: when nothing tells whether it does.
        """
        height, width, orientation = header
        if orientation == 1:
            return mask
        if orientation in SIDEWAYS and height != width:
            return upright(mask, orientation) if mask.shape == (width, height) else mask
        raise DatasetError(
            f"{self._where(str(self.stored_mask))}: its image is turned by EXIF (orientation {orientation}), and "
            "nothing tells whether the mask was drawn over the turned or the stored picture. Save the image turned and "
            "without EXIF, e.g. with `mogrify -auto-orient`, so that both look alike."
        )

    def checksum(self) -> str:
        return " ".join(map(self.file_source.checksum, (self.image_path, *files_of(self.stored_mask))))

    def stamp(self) -> Stamp:
        source, mask = self.file_source, self.stored_mask
        if isinstance(mask, str):
            return (*source.stamp(self.image_path), *source.stamp(mask))
        parts = [source.stamp(path) for path in mask.files]
        sizes, versions = (sum(part[place] for part in parts) % (1 << 62) for place in (0, 1))
        return (*source.stamp(self.image_path), sizes, versions)

    def _where(self, path: str) -> str:
        return f"{self.file_source.root}/{path}"


@dataclass(frozen=True)
class RenumberedRecord:
    """Another record whose mask ids are translated by a table.

    Args:
        record: The other record; its mask holds ids of its own labels.
        table: 256 bytes: id in that mask -> id returned.
    """

    record: Record
    table: bytes

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def split(self) -> str:
        return self.record.split

    @property
    def group(self) -> str:
        return self.record.group

    @property
    def origin(self) -> str:
        return self.record.origin

    @property
    def copy(self) -> int:
        return self.record.copy

    def image(self) -> U8Image:
        return self.record.image()

    def mask(self) -> U8Mask:
        return np.frombuffer(self.table, np.uint8)[self.record.mask()]

    def size(self) -> tuple[int, int]:
        return self.record.size()

    def size_and_mask(self) -> tuple[tuple[int, int], U8Mask]:
        size, mask = self.record.size_and_mask()
        return size, np.frombuffer(self.table, np.uint8)[mask]

    def checksum(self) -> str:
        return self.record.checksum()

    def stamp(self) -> Stamp:
        return self.record.stamp()
