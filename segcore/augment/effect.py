"""Measures the effect of a pipeline on the data: statistics over draws, before and after.

The statistics are of the pictures that a model is fed: a picture that changes its size is resized back, as training
does, and the time of that counts as augmentation.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from segcore.arrays import F64, I64, U8
from segcore.augment.pipeline import Pipeline
from segcore.data import resize_pair
from segcore.errors import AugmentError
from segcore.labels import IGNORE_INDEX

ImageMaskArrays = tuple[U8, U8]  # [H, W, 3] RGB and [H, W] ids of the same size

BINS = 32
BRIGHTNESS = np.linspace(0, 256, BINS + 1)  # edges of the bins of mean luma, which is 0..255
CONTRAST = np.linspace(0, 128, BINS + 1)  # and of its standard deviation (RMS contrast), at most 127.5
_BLACK, _WHITE = 0, 255


@dataclass(frozen=True, eq=False)
class PictureStatistics:
    """Statistics of all pictures before, or of all pictures after augmentation. They add up.

    Args:
        pixels: `[C]` int64, scored pixels of each class.
        ignored: Number of ignored pixels.
        images: `[C]` int64, pictures that hold each class; after augmentation: that held it before and still do.
        brightness: `[BINS]` int64, histogram of pictures by mean luma.
        contrast: `[BINS]` int64, histogram of pictures by the standard deviation of luma.
        clipped: Number of pixels whose luma is 0 or 255.
    """

    pixels: I64
    ignored: int
    images: I64
    brightness: I64
    contrast: I64
    clipped: int

    @classmethod
    def empty(cls, classes: int) -> PictureStatistics:
        """Statistics of no picture."""
        none, bins = np.zeros(classes, np.int64), np.zeros(BINS, np.int64)
        return cls(none, 0, none, bins, bins, 0)

    @classmethod
    def of(cls, image: U8, mask: U8, classes: int) -> PictureStatistics:
        """Statistics of one picture, `[H, W, 3]` RGB uint8, with its mask, `[H, W]` ids."""
        counts = _counts(mask)
        luma = _counts(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
        levels = np.arange(256)
        mean = float(luma @ levels / luma.sum())
        spread = math.sqrt(float(luma @ (levels - mean) ** 2 / luma.sum()))
        pixels = counts[:classes]
        return cls(
            pixels,
            int(counts.sum() - pixels.sum()),
            (pixels > 0).astype(np.int64),
            np.histogram([mean], BRIGHTNESS)[0].astype(np.int64),
            np.histogram([spread], CONTRAST)[0].astype(np.int64),
            int(luma[_BLACK] + luma[_WHITE]),
        )

    def __add__(self, other: PictureStatistics) -> PictureStatistics:
        names = [entry.name for entry in fields(self)]
        return PictureStatistics(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def scored(self) -> int:
        """Number of scored pixels."""
        return int(self.pixels.sum())

    @property
    def total(self) -> int:
        """Number of all pixels."""
        return self.scored + self.ignored

    @property
    def shares(self) -> F64:
        """`[C]` float64, share of each class in the scored pixels, 0-1."""
        return self.pixels / max(1, self.scored)


@dataclass(frozen=True, eq=False)
class Effect:
    """The measured effect of a pipeline; effects of the same pipeline add up.

    Args:
        before: Statistics of the original pictures, one for each draw.
        after: Statistics of the augmented pictures.
        invented: Ids in an augmented mask that the original mask lacks, except "ignored". A self-check: always empty.
        resized: Number of draws that changed the size and were resized back.
        seconds: Processor time of each draw on one core, in seconds.
        failures: (error message, number of draws that raised it); failed draws count nowhere else.
    """

    before: PictureStatistics
    after: PictureStatistics
    invented: tuple[int, ...] = ()
    resized: int = 0
    seconds: tuple[float, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()

    @classmethod
    def empty(cls, classes: int) -> Effect:
        """The effect before anything is measured."""
        return cls(PictureStatistics.empty(classes), PictureStatistics.empty(classes))

    def __add__(self, other: Effect) -> Effect:
        failures = Counter(dict(self.failures))
        failures.update(dict(other.failures))
        return Effect(
            self.before + other.before,
            self.after + other.after,
            tuple(sorted({*self.invented, *other.invented})),
            self.resized + other.resized,
            self.seconds + other.seconds,
            tuple(failures.items()),
        )

    @property
    def draws(self) -> int:
        """Number of successful draws."""
        return len(self.seconds)

    @property
    def tried(self) -> int:
        """Number of all draws, including those that failed."""
        return self.draws + sum(count for _, count in self.failures)

    @property
    def lost(self) -> float:
        """Net share of the scored pixels that became ignored, 0-1."""
        return max(0.0, 1 - self.after.scored / self.before.scored) if self.before.scored else 0.0

    @property
    def clipping(self) -> tuple[float, float]:
        """Share of pixels that are black or white, (before, after), 0-1 each."""
        return self.before.clipped / max(1, self.before.total), self.after.clipped / max(1, self.after.total)

    @property
    def milliseconds(self) -> float:
        """Mean processor time of a draw in milliseconds; NaN before the first draw."""
        return 1000 * sum(self.seconds) / self.draws if self.seconds else math.nan

    def class_shift(self) -> F64:
        """`[C]` float64, share of each class after augmentation over its share before; NaN where absent."""
        before, after = self.before.shares, self.after.shares
        return np.divide(after, before, out=np.full(len(before), math.nan), where=before > 0)

    def kept(self) -> F64:
        """`[C]` float64, share of the pictures with a class that still show it, 0-1; NaN where none did."""
        before, after = self.before.images, self.after.images
        return np.divide(after, before, out=np.full(len(before), math.nan), where=before > 0)


def measure(pipeline: Pipeline, pairs: Iterable[ImageMaskArrays], seeds: Iterable[int], classes: int) -> Effect:
    """Augment each pair once with its seed and collect statistics. All but the times is deterministic.

    Args:
        pipeline: The pipeline to measure.
        pairs: `[H, W, 3]` RGB uint8 and `[H, W]` uint8 ids, at the size of the training.
        seeds: One seed for each pair.
        classes: Number of scored classes, C.
    """
    total = Effect.empty(classes)
    with _one_thread():
        for (image, mask), seed in zip(pairs, seeds, strict=True):
            total += _measure_draw(pipeline, image, mask, seed, classes)
    return total


def _measure_draw(pipeline: Pipeline, image: U8, mask: U8, seed: int, classes: int) -> Effect:
    nothing = Effect.empty(classes)
    try:
        _build_first(pipeline)
        # Processor time of this thread: other processes of a busy machine do not count. OpenCV's threads are off.
        start = time.thread_time()
        drawn_image, drawn_mask = pipeline(image, mask, seed)
        changed = drawn_mask.shape != mask.shape
        if changed:
            drawn_image, drawn_mask = resize_pair(drawn_image, drawn_mask, image.shape[0], image.shape[1])
        seconds = time.thread_time() - start
    except AugmentError as error:
        return replace(nothing, failures=((str(error), 1),))
    before, after = PictureStatistics.of(image, mask, classes), PictureStatistics.of(drawn_image, drawn_mask, classes)
    new = (_counts(drawn_mask) > 0) & (_counts(mask) == 0)
    new[IGNORE_INDEX] = False
    return Effect(
        before,
        replace(after, images=before.images & after.images),
        tuple(int(index) for index in np.flatnonzero(new)),
        int(changed),
        (seconds,),
    )


def workers_needed(milliseconds: float, images_per_second: float) -> int:
    """Number of processes, at least 1, that augment as fast as a training takes images."""
    return max(1, math.ceil(milliseconds * images_per_second / 1000 - 1e-9))


def speed_sentence(milliseconds: float, model: str = "", images_per_second: float | None = None) -> str:
    """One sentence on what the time of a draw means for a training.

    >>> speed_sentence(3.1, "U-Net", 3.0)
    'Augmentation takes 3.1 ms an image: one worker feeds 320 images a second; U-Net trained at 3.0.'
    >>> speed_sentence(20, "PSPNet", 120)
    'Augmentation takes 20 ms an image: one worker feeds 50 images a second; PSPNet trained at 120, which takes 3 workers.'
    >>> speed_sentence(0.004)
    'Augmentation takes under 0.1 ms an image: no worker waits for it.'

    Args:
        milliseconds: Mean time of a draw.
        model: Name of a trained model.
        images_per_second: Rate of its training; None when no model was trained.
    """  # noqa: E501 - an output can't be wrapped
    if milliseconds < 0.1:
        return "Augmentation takes under 0.1 ms an image: no worker waits for it."
    feeds = f"one worker feeds {_rounded(1000 / milliseconds)} images a second"
    start = f"Augmentation takes {_decimal(milliseconds)} ms an image: {feeds}"
    if images_per_second is None:
        return f"{start}."
    workers = workers_needed(milliseconds, images_per_second)
    more = f", which takes {workers} workers" if workers > 1 else ""
    return f"{start}; {model} trained at {_decimal(images_per_second)}{more}."


def _decimal(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _rounded(value: float) -> str:
    """Round to two significant digits: a time measured on a busy machine is not more exact."""
    digits = max(0, math.floor(math.log10(value)) - 1) if value >= 1 else 0
    return _decimal(value) if value < 10 else f"{round(value / 10**digits) * 10**digits:,}"


def _counts(values: U8) -> I64:
    """`[256]` int64, how often each value occurs; takes a tenth of the time of `np.bincount`."""
    # calcHist counts in float32, which is exact below 2^24.
    if values.size >= 1 << 24:
        return np.bincount(values.ravel(), minlength=256)
    return cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def _build_first(pipeline: Pipeline) -> None:
    """Import and build the pipeline before its time is measured."""
    if pipeline.active:
        from segcore.augment.compiled_pipeline import compiled_pipeline

        compiled_pipeline(pipeline.steps)


_MEASURING = threading.Lock()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run OpenCV in one thread, as a training's worker does. The setting is global: one measurement at a time."""
    with _MEASURING:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)
