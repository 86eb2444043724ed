"""Reads the frames of a video file and writes one, with the FFmpeg inside OpenCV: pictures alone, without sound."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from segcore.arrays import U8Image
from segcore.errors import DatasetError, number

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv"),
    *(".flv", ".ogv"),
)
USUAL_RATE = 25.0  # frames a second, where a file doesn't state a usable one
FASTEST = 1000.0  # frames a second; a file that states more holds no rate but the unit of its clock
LONGEST_GAP = 600.0  # seconds between two frames; a longer one is a damaged time stamp
WRITTEN_AS = ".mp4"
_CODEC = "mp4v"  # MPEG-4 part 2: every build of OpenCV writes it, and players of all systems show it


class Frame(NamedTuple):
    """One picture of a video.

    Args:
        image: `[H, W, 3]` RGB uint8, upright.
        seconds: When it is shown, from the start; NaN where the file doesn't tell.
    """

    image: U8Image
    seconds: float


@dataclass(frozen=True)
class Video:
    """A video file, as its header describes it.

    Args:
        path: The file.
        height: Rows of a frame as it is shown: a rotation that the file states is applied.
        width: Columns of it.
        rate: Frames a second, on average.
        stated: Number of frames that the header states; 0 where it doesn't.
        notes: What a user should know of it.
    """

    path: Path
    height: int
    width: int
    rate: float
    stated: int
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> Video:
        """Read the header and the first frame of a video file.

        Raises:
            DatasetError: when it is missing, damaged, empty, or of a codec that OpenCV can't decode.
        """
        capture = _capture(path)
        try:
            done, first = capture.read()
            if not done:
                raise DatasetError(
                    f"{path}: no frame can be decoded; the video is damaged, empty, or of a codec that this OpenCV "
                    "lacks. Convert it: ffmpeg -i VIDEO -c:v libx264 new.mp4"
                )
            rate, stated = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        finally:
            capture.release()
        notes = []
        if not 0 < rate <= FASTEST:
            notes.append(f"{path.name} states no usable frame rate ({rate:g}); {USUAL_RATE:g} frames/s are taken.")
            rate = USUAL_RATE
        height, width = first.shape[:2]
        return cls(path, height, width, float(rate), max(0, int(stated)), tuple(notes))

    def frames(self) -> Generator[Frame, None, None]:
        """Decode the frames in order, one at a time; a damaged one ends the video, which `missing` reports."""
        capture = _capture(self.path)
        try:
            while True:
                done, pixels = capture.read()
                if not done:
                    return
                milliseconds = capture.get(cv2.CAP_PROP_POS_MSEC)
                yield Frame(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8), milliseconds / 1000)
        finally:
            capture.release()

    def missing(self, decoded: int) -> str | None:
        """A sentence for a video that ended before the frames that its header states; None for a whole one."""
        if decoded >= self.stated - max(2, self.stated // 100):  # headers round
            return None
        return (
            f"{self.path.name} ends after {number(decoded, 'frame')}, and its header states {self.stated}: it is "
            "damaged or cut off. What could be decoded was predicted."
        )


def _capture(path: Path) -> Any:  # noqa: ANN401 - OpenCV has no types
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such video.")
    capture = _quietly(cv2.VideoCapture, _utf8(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise DatasetError(
            f"{path}: not a readable video; it is damaged, empty or of a format that this OpenCV lacks. Get it again "
            "from its source, or convert it: ffmpeg -i VIDEO -c:v libx264 new.mp4"
        )
    return capture


def _utf8(path: Path) -> str:
    """The path as text; OpenCV crashes on one that is not UTF-8."""
    try:
        return str(path).encode("utf-8").decode("utf-8")
    except UnicodeEncodeError:
        raise DatasetError(f"{str(path)!r}: its name is not UTF-8, which OpenCV needs for videos. Rename it.") from None


def _quietly(opener: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
    """Open a video without OpenCV's and FFmpeg's own lines on standard error: errors of Segcore say the same."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read at each opening
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return opener(*arguments)
    finally:
        cv2.utils.logging.setLogLevel(level)


class ConstantRate:
    """Places frames of any times on a clock of constant rate, so that a variable-rate video keeps its speed.

    Each frame is shown from its time on until the next one: a frame may be repeated, or left out where two fall on
    one tick. Frames of a constant rate are placed one a tick. Where times are missing or run backwards, a frame takes
    the next tick.

    Args:
        rate: Ticks a second.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start: float | None = None
        self._tick = 0
        self.repeated = 0  # ticks that show a frame once more
        self.dropped = 0  # frames that are never shown

    def ticks_before(self, seconds: float) -> int:
        """How many ticks the frame before this one was shown; 0 for the first frame.

        >>> clock = ConstantRate(10)
        >>> [clock.ticks_before(seconds) for seconds in (0.0, 0.1, 0.4, 0.41)]
        [0, 1, 3, 0]
        """
        if self._start is None:
            self._start = seconds if math.isfinite(seconds) else 0.0
            return 0
        wanted = (seconds - self._start) * self._rate
        usable = math.isfinite(wanted) and self._tick - 1 < wanted < self._tick + LONGEST_GAP * self._rate
        ticks = round(wanted) - self._tick if usable else 1
        self._tick += ticks
        self.repeated += max(0, ticks - 1)
        self.dropped += ticks == 0
        return ticks

    def note(self, name: str) -> str | None:
        """A sentence for a video of variable rate, called `name`; None for one of constant rate."""
        if not self.repeated and not self.dropped:
            return None
        return (
            f"{name} has a variable frame rate; its overlay video has {self._rate:.5g} frames/s throughout: "
            f"{number(self.repeated, 'frame')} repeated, {self.dropped} left out."
        )


class VideoWriter:
    """Writes frames of one size as an MP4 file of constant rate (codec MPEG-4 part 2, no sound).

    Args:
        path: The file; an earlier one is replaced.
        height: Rows of a frame; an odd side is made even by repeating its last line, as the codec asks.
        width: Columns of a frame.
        rate: Frames a second.

    Raises:
        DatasetError: when the file can't be made.
    """

    def __init__(self, path: Path, height: int, width: int, rate: float) -> None:
        self.path, self.frames = path, 0
        self._padding = height % 2, width % 2
        size = width + width % 2, height + height % 2
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        self._writer = _quietly(cv2.VideoWriter, _utf8(path), cv2.CAP_FFMPEG, codec, rate, size)
        if not self._writer.isOpened():
            raise DatasetError(
                f"{path}: no video of {height}x{width} at {rate:g} frames/s can be written there. Check --out, or "
                "write masks instead: --write masks"
            )

    def write(self, image: U8Image, times: int = 1) -> None:
        """Add a frame, `[H, W, 3]` RGB uint8, so many times."""
        below, right = self._padding
        if below or right:
            image = np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
        pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        for _ in range(times):
            self._writer.write(pixels)
        self.frames += times

    def close(self) -> None:
        """Finish the file.

        Raises:
            DatasetError: when it does not hold the frames: OpenCV reports no full disk.
        """
        self._writer.release()
        capture = _quietly(cv2.VideoCapture, str(self.path), cv2.CAP_FFMPEG)
        held = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if held < self.frames:
            raise DatasetError(
                f"{self.path}: {held} of {number(self.frames, 'frame')} could be written; its disk is most likely "
                "full. Make room, and give the same command again."
            )
