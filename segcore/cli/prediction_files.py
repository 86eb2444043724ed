"""What `segcore predict` writes into its folder, and what it finds there of an earlier call that was stopped.

`.predictions.jsonl` says what may be written over: it has a line for each image and video that is wanted, and another
once it is whole. Until a video is, the masks of its frames are in the hidden folder `.NAME.KEY`, so that the same
command goes on after the last of them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.arrays import U8Image, U8Mask
from segcore.atomic_files import replacing
from segcore.data.background import WriteBehind, overlapped, read_ahead
from segcore.data.image_sequence import ImageSequence
from segcore.data.input_files import is_video_file, output_names
from segcore.data.video_file import WRITTEN_AS, ConstantRate, Frame, Video, VideoWriter
from segcore.errors import DatasetError
from segcore.labels import LabelMap
from segcore.reading import SHAPE_ERRORS, parse_json
from segcore.visual.image_encoding import encode_jpeg, encode_png
from segcore.visual.overlay import overlay

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD = ".predictions.jsonl"
MASKS, OVERLAYS, VIDEO = WRITTEN = ("masks", "overlays", "video")


@dataclass(frozen=True)
class Source:
    """An image, a video, or images that are the frames of a video; and what is written of it.

    Args:
        name: Name of its results, which may have folders.
        paths: Its file; the images of a sequence.
        written: Some of `WRITTEN`.
        rate: Frames a second of a sequence of images; None where it is one file.
    """

    name: str
    paths: tuple[Path, ...]
    written: tuple[str, ...]
    rate: float | None = None

    @property
    def moving(self) -> bool:
        """Whether it has frames."""
        return self.rate is not None or is_video_file(self.paths[0])

    def open(self) -> Video | ImageSequence:
        """Open a source that has frames; raises `DatasetError` when it can't be read."""
        return Video.open(self.paths[0]) if self.rate is None else ImageSequence.open(self.paths, self.rate)


def sources_of(paths: Sequence[Path], written: Sequence[str] | None, rate: float) -> list[Source]:
    """The sources among files, images first.

    Args:
        paths: Images and videos.
        written: Some of `WRITTEN`; None: masks and overlays of images, videos of videos.
        rate: Frames a second of the video of all images, where that is wanted.
    """
    stills: list[Source] = []
    videos: list[Source] = []
    for name, path in zip(output_names(paths), paths, strict=True):
        if is_video_file(path):
            videos.append(Source(name, (path,), tuple(sorted(written or (VIDEO,)))))
        else:
            stills.append(Source(name, (path,), tuple(sorted({*(written or WRITTEN)} - {VIDEO}))))
    frames = tuple(source.paths[0] for source in stills)
    taken = {source.name.casefold() for source in (*stills, *videos)}
    names = chain(["images"], (f"images-{number}" for number in count(2)))
    name = next(name for name in names if name not in taken)
    together = [Source(name, frames, (VIDEO,), rate)] if stills and VIDEO in (written or ()) else []
    return [source for source in stills if source.written] + together + videos


def folders_of_predictions(files: Sequence[Path]) -> list[Path]:
    """The folders above files into which `segcore predict` wrote."""
    above = {folder for parent in {file.absolute().parent for file in files} for folder in (parent, *parent.parents)}
    return sorted(folder for folder in above if (folder / RECORD).is_file())


@dataclass
class PredictionFolder:
    """A folder of masks and overlays.

    Args:
        path: The folder, which may be missing.
        made_by: The models and how they predict, in words that change when a prediction may.
        labels: The classes.
    """

    path: Path
    made_by: str
    labels: LabelMap
    _lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ours: set[str] = field(default_factory=set)  # paths in the folder of all that was written, or was about to be
    _cut_off: bool = False  # whether the record ends in the middle of a line

    def __post_init__(self) -> None:
        record = self.path / RECORD
        text = record.read_text("utf-8") if record.is_file() else ""
        self._cut_off = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                entry = parse_json(line)
                self._know(entry["name"], entry)
            except SHAPE_ERRORS:  # the last line of a call that was killed
                continue

    def _know(self, name: str, entry: dict[str, Any]) -> None:
        self._ours.update(map(str, entry["files"]))
        self._lines[name] = entry

    def others(self, files: Sequence[Path]) -> list[Path]:
        """The files that no call with this folder for `--out` wrote: of photos and their masks, the photos."""
        ours = {self.path.absolute() / name for name in self._ours}
        return [file for file in files if ours.isdisjoint((file.absolute(), *file.absolute().parents))]

    def claim(self, sources: Sequence[Source]) -> None:
        """Note what will be written of sources, so that a later call knows it after this one was killed.

        Raises:
            DatasetError: when something is there that no such call wrote, or that is of another file; nothing is
                changed then.
        """
        wanted = {source.name: self._results(source) for source in sources}
        for source in sources:
            before, mine = self._lines.get(source.name, {}).get("source"), source.paths[0].absolute()
            there = [path for path in wanted[source.name] if path.exists()]
            # To the images of a video others of their folder may come.
            other = before and (Path(before) != mine if source.rate is None else Path(before).parent != mine.parent)
            if there and other:
                raise DatasetError(f"{there[0]} is of {before}, and {mine} would take its place. Choose another --out.")
        for path in chain.from_iterable(wanted.values()):
            if path.exists() and path.relative_to(self.path).as_posix() not in self._ours:
                raise DatasetError(
                    f"{path} is there already, and no record says that segcore predict wrote it (before 2026-11-29 "
                    "none was kept). Choose another --out, or move it."
                )
        self.path.mkdir(parents=True, exist_ok=True)
        new = [source for source in sources if any(not path.exists() for path in wanted[source.name])]
        self._note(*(self._entry(source, wanted[source.name], whole=False) for source in new))

    def _results(self, source: Source) -> list[Path]:
        """The files, and of a video the folder, that a source becomes."""
        target = self.path / source.name
        pixels = source.moving and not {MASKS, OVERLAYS}.isdisjoint(source.written)
        endings = {
            "-mask.png": MASKS in source.written and not source.moving,
            "-overlay.jpg": OVERLAYS in source.written and not source.moving,
            f"-overlay{WRITTEN_AS}": VIDEO in source.written,
            "-frames": pixels,
        }
        return [target.with_name(f"{target.name}{ending}") for ending, wanted in endings.items() if wanted]

    def has(self, source: Source) -> bool:
        """Whether all of it was written by the same models, with the same options, from the same files."""
        entry = self._lines.get(source.name, {})
        same = entry.get("key") == self._key(source) and entry.get("written") == list(source.written)
        return same and all((self.path / name).exists() for name in entry["files"])

    def write_image(self, source: Source, image: U8Image, mask: U8Mask) -> list[Path]:
        """Write the mask and the overlay of an image, each whole or not at all; returns their paths."""
        self._begin(source)
        made = self._write_pixels(source, self.path / source.name, image, mask)
        self._note(self._entry(source, made))
        return made

    def write_video(
        self,
        source: Source,
        video: Video | ImageSequence,
        predict: Callable[[U8Image], U8Mask],
        progress: Callable[[], bool],
    ) -> VideoResult:
        """Predict the frames of a video that have no mask yet, and write what is wanted of all of them.

        Decoding, predicting two frames and encoding overlap, and a few frames are in memory. What was predicted stays
        when the work is stopped or an error ends it.

        Args:
            source: The video.
            video: It, opened.
            predict: The mask `[H, W]` uint8 of an image; threads call it.
            progress: Called after each frame; returning False stops the work.
        """
        work = self.working_folder(source)
        work.mkdir(parents=True, exist_ok=True)
        known, clock, count, stopped = self.frames_done(source), ConstantRate(video.rate), 0, False
        last: tuple[U8Image, U8Mask] | None = None

        def predicted(numbered: tuple[int, Frame]) -> tuple[Path, Frame, U8Mask]:
            place, frame = numbered
            stem = work / f"{place:06}"
            return stem, frame, _read_mask(stem) if place < known else predict(frame.image)

        with self._overlay_writer(source, work, video) as add, WriteBehind() as later:
            frames = overlapped(predicted, enumerate(read_ahead(video.frames())))
            for count, (stem, frame, mask) in enumerate(frames, 1):
                ticks = clock.ticks_before(frame.seconds)
                if last is not None and ticks:
                    later(partial(add, *last, ticks))
                last = frame.image, mask
                later(partial(self._write_pixels, source, stem, *last, keep_mask=count > known))
                stopped = not progress()
                if stopped:
                    break
            if last is not None and not stopped:
                later(partial(add, *last, 1))
        if stopped:
            return VideoResult(count)
        notes = [*video.notes, *filter(None, (video.missing(count), clock.note(source.paths[0].name)))]
        return VideoResult(count, self._finish(source, work), notes)

    def forget(self, source: Source) -> None:
        """Remove the masks of frames that an earlier call left."""
        shutil.rmtree(self.working_folder(source), ignore_errors=True)

    def working_folder(self, source: Source) -> Path:
        """Where the masks of a video's frames are until it is whole."""
        place = self.path / source.name
        return place.with_name(f".{place.name}.{self._key(source)}")

    def frames_done(self, source: Source) -> int:
        """How many frames of a video have their mask since an earlier call that was stopped."""
        work, count = self.working_folder(source), 0
        while (work / f"{count:06}-mask.png").is_file():
            count += 1
        return count

    @contextmanager
    def _overlay_writer(
        self, source: Source, work: Path, video: Video | ImageSequence
    ) -> Iterator[Callable[[U8Image, U8Mask, int], None]]:
        """Give a function that adds an overlay to the video so many times, and does nothing where none is wanted."""
        if VIDEO not in source.written:
            yield lambda image, mask, times: None
            return
        writer = VideoWriter(work / f"overlay{WRITTEN_AS}", video.height, video.width, video.rate)
        yield lambda image, mask, times: writer.write(overlay(image, mask, self.labels), times)
        writer.close()  # not after an error: what it would say then is no news

    def _finish(self, source: Source, work: Path) -> list[Path]:
        """Put the files of a whole video in their places; returns the paths that a user looks for."""
        self._begin(source)
        made, target = [], self.path / source.name
        if VIDEO in source.written:
            made.append(target.with_name(f"{target.name}-overlay{WRITTEN_AS}"))
            (work / f"overlay{WRITTEN_AS}").replace(made[-1])
        if MASKS in source.written or OVERLAYS in source.written:
            if MASKS not in source.written:
                for mask in work.glob("*-mask.png"):
                    mask.unlink()
            made.append(target.with_name(f"{target.name}-frames"))
            shutil.rmtree(made[-1], ignore_errors=True)
            work.replace(made[-1])
        else:
            shutil.rmtree(work)
        self._note(self._entry(source, made))
        return made

    def _write_pixels(
        self, source: Source, stem: Path, image: U8Image, mask: U8Mask, *, keep_mask: bool | None = None
    ) -> list[Path]:
        """Write `STEM-mask.png` and `STEM-overlay.jpg`; the mask also where it is kept to go on from there."""
        made = []
        if MASKS in source.written if keep_mask is None else keep_mask:
            made.append(stem.with_name(f"{stem.name}-mask.png"))
            _write(made[-1], encode_png(mask, self.labels.palette))
        if OVERLAYS in source.written:
            made.append(stem.with_name(f"{stem.name}-overlay.jpg"))
            _write(made[-1], encode_jpeg(overlay(image, mask, self.labels)))
        return made

    def _entry(self, source: Source, made: Sequence[Path], *, whole: bool = True) -> dict[str, Any]:
        return {
            "name": source.name,
            "source": str(source.paths[0].absolute()),
            "made_by": self.made_by,
            "written": list(source.written),
            "files": [path.relative_to(self.path).as_posix() for path in made],
            "key": self._key(source) if whole else "",
        }

    def _begin(self, source: Source) -> None:
        """Forget what is whole of a source whose files are about to be replaced."""
        if self._lines.get(source.name, {}).get("key"):
            self._note(self._entry(source, self._results(source), whole=False))

    def _note(self, *entries: dict[str, Any]) -> None:
        """Add the lines of sources."""
        for entry in entries:
            self._know(entry["name"], entry)
        with (self.path / RECORD).open("a", encoding="utf-8") as handle:
            lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
            handle.write("".join(["\n" * self._cut_off, *lines]))
        self._cut_off = False

    def _key(self, source: Source) -> str:
        """8 hex digits of the models, the options, and the files' sizes and times."""
        digest = hashlib.sha256(self.made_by.encode())
        if source.rate is not None:
            digest.update(f"{source.rate:g}".encode())
        for path in source.paths:
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
        return digest.hexdigest()[:8]


@dataclass(frozen=True)
class VideoResult:
    """What was made of a video.

    Args:
        frames: Number of frames that were decoded.
        files: The video and the folder of frames, as wanted; empty where the work was stopped.
        notes: What a user should know of it.
    """

    frames: int
    files: Sequence[Path] = ()
    notes: Sequence[str] = ()


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write_bytes(data)


def _read_mask(stem: Path) -> U8Mask:
    from PIL import Image

    path = stem.with_name(f"{stem.name}-mask.png")
    try:
        with Image.open(path) as picture:
            return np.asarray(picture)
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error}). Predict the video anew: --again") from None
