"""The frames of the drive as records of a dataset; each is drawn once and kept in the user's cache."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from segcore.arrays import U8, U8Image, U8Mask
from segcore.atomic_files import write_bytes
from segcore.data.dataset import Stamp
from segcore.data.drive.camera import HEIGHT, WIDTH, u8
from segcore.data.drive.frame import draw_frame
from segcore.data.drive.world import FRAMES, TRAIN
from segcore.labels import CAMVID32
from segcore.paths import cache_folder

DRAWING_VERSION = 2  # raise it with every change of the drawing, so that old caches and fingerprints don't match
_CLASSES = CAMVID32.with_ignored(()).classes


@dataclass(frozen=True)
class DriveRecord:
    """One frame of the embedded drive.

    Args:
        number: 0..100.
        seed: Seed of the street.
        cache: Folder for drawn frames; where it can't be written, they are drawn each time.
    """

    number: int
    seed: int
    cache: Path

    @property
    def id(self) -> str:
        """`drive_0001` is the first frame."""
        return f"drive_{self.number + 1:04d}"

    @property
    def split(self) -> str:
        """`train`, or `test` for the last stretch of the street."""
        return "train" if self.number < TRAIN else "test"

    @property
    def group(self) -> str:
        """The sequence: train and test are two, since 45 frames (72 m of street) between them are never shown."""
        return "drive" if self.number < TRAIN else "drive-further-on"

    @property
    def origin(self) -> str:
        """The frame itself: the drive has no augmented copies."""
        return self.id

    @property
    def copy(self) -> int:
        return 0

    def image(self) -> U8Image:
        """`[720, 960, 3]` RGB uint8, from the cache or drawn."""
        stored = _read(self._path("image"), cv2.IMREAD_COLOR)
        if stored is not None and stored.shape == (HEIGHT, WIDTH, 3):
            return u8(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB))
        return self._draw()[0]

    def mask(self) -> U8Mask:
        """`[720, 960]` uint8 ids of `CAMVID32.with_ignored(())`, from the cache or drawn."""
        stored = _read(self._path("mask"), cv2.IMREAD_GRAYSCALE)
        if stored is not None and stored.shape == (HEIGHT, WIDTH) and stored.max() < _CLASSES:
            return stored
        return self._draw()[1]

    def size(self) -> tuple[int, int]:
        """(height, width), without drawing."""
        return HEIGHT, WIDTH

    def size_and_mask(self) -> tuple[tuple[int, int], U8Mask]:
        """Both, with one look at the files."""
        return self.size(), self.mask()

    def checksum(self) -> str:
        """Checksum over seed, frame number and drawing version, which decide the content."""
        return hashlib.sha256(f"drive {DRAWING_VERSION} {self.seed} {self.number}".encode()).hexdigest()[:16]

    def stamp(self) -> Stamp:
        """As `checksum`: a frame changes with the drawing alone."""
        return DRAWING_VERSION, self.seed, DRAWING_VERSION, self.seed

    def _path(self, part: str) -> Path:
        return self.cache / f"drive-v{DRAWING_VERSION}-seed{self.seed}" / f"{self.id}_{part}.png"

    def _draw(self) -> tuple[U8Image, U8Mask]:
        image, mask = draw_frame(self.number, self.seed)
        _write(self._path("image"), u8(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)))
        _write(self._path("mask"), mask)
        return image, mask


def records(seed: int = 0, cache: Path | None = None) -> tuple[DriveRecord, ...]:
    """The 101 frames of one drive in time order: 90 train, then 11 test from further down the street.

    Args:
        seed: Seed of the street.
        cache: Folder for drawn frames; None is `SEGCORE_CACHE`, else the user's cache folder.
    """
    folder = cache or cache_folder()
    return tuple(DriveRecord(number, seed, folder) for number in range(FRAMES))


def _read(path: Path, flags: int) -> U8 | None:
    """The pixels of a PNG file; None when it is missing or damaged."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    if not _whole(data):
        return None
    decoded = cv2.imdecode(data, flags)
    return None if decoded is None else u8(decoded)


def _whole(data: U8) -> bool:
    """Whether a PNG is complete: OpenCV would decode a truncated one to a half grey image."""
    return len(data) > 64 and data[-8:-4].tobytes() == b"IEND"


def _write(path: Path, pixels: U8) -> None:
    """Write a PNG file, whole or not at all; errors are ignored."""
    # Run-length strategy, since film grain has no repeats: smaller and a quarter faster than OpenCV's defaults.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, data = cv2.imencode(".png", pixels, options)
    with suppress(OSError):
        if done:
            write_bytes(path, data.tobytes())
