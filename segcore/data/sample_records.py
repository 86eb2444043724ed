"""Records of samples, which read them on demand: from files, or from another record with its ids renumbered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segcore.arrays import U8Image, U8Mask
from segcore.data.dataset import Record
from segcore.data.decode import decode_image, read_size
from segcore.data.file_source import FileSource
from segcore.data.mask_coding import MaskCoding, decode_mask


@dataclass(frozen=True)
class FileRecord:
    """One image file with its mask file.

    Args:
        id: Unique in its dataset.
        split: `train`, `val` or `test`.
        group: The sequence it belongs to.
        file_source: The folder or zip with the files.
        image_path: Image inside the file source.
        mask_path: Mask inside the file source.
        coding: How the mask becomes ids.
        origin: Id of the frame it shows: its own, or that of the frame an augmented copy was made from.
        copy: 0 for a frame, 1, 2, ... for its augmented copies.
    """

    id: str
    split: str
    group: str
    file_source: FileSource
    image_path: str
    mask_path: str
    coding: MaskCoding
    origin: str
    copy: int = 0

    def image(self) -> U8Image:
        return decode_image(self.file_source.read(self.image_path), self._where(self.image_path))

    def mask(self) -> U8Mask:
        return decode_mask(self.file_source.read(self.mask_path), self._where(self.mask_path), self.coding)

    def size(self) -> tuple[int, int]:
        with self.file_source.open(self.image_path) as stream:
            return read_size(stream, self._where(self.image_path))

    def checksum(self) -> str:
        return f"{self.file_source.checksum(self.image_path)} {self.file_source.checksum(self.mask_path)}"

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

    def checksum(self) -> str:
        return self.record.checksum()
