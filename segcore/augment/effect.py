"""What a pipeline does to the data: counted over draws, before against after.

Measured is what a model is fed: a picture that comes out in another size is brought back to the one it had, as training
does, and that counts as time of the augmentation too.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np

from segcore.arrays import F64, I64, U8
from segcore.augment.pipeline import Pipeline
from segcore.data import resize_pair
from segcore.errors import AugmentError
from segcore.labels import IGNORE_INDEX

Pair = tuple[U8, U8]  # [H, W, 3] RGB and [H, W] ids, of one size

BINS = 32
BRIGHTNESS = np.linspace(0, 256, BINS + 1)  # edges of the bins of mean luma, which is 0..255
CONTRAST = np.linspace(0, 128, BINS + 1)  # and of its standard deviation (RMS contrast), at most 127.5
_BLACK, _WHITE = 0, 255


@dataclass(frozen=True, eq=False)
class Side:
    """All pictures before, or all after.

    Args:
        pixels: `[C]` int64 scored pixels a class.
        ignored: Pixels that are not scored.
        images: `[C]` int64 pictures that hold a class; after: those that held it before and still do.
        brightness: `[BINS]` pictures by their mean luma.
        contrast: `[BINS]` pictures by the standard deviation of their luma.
        clipped: Pixels whose luma is 0 or 255.
    """

    pixels: I64
    ignored: int
    images: I64
    brightness: I64
    contrast: I64
    clipped: int

    @classmethod
    def empty(cls, classes: int) -> Side:
        """Of no picture."""
        none, bins = np.zeros(classes, np.int64), np.zeros(BINS, np.int64)
        return cls(none, 0, none, bins, bins, 0)

    @classmethod
    def of(cls, image: U8, mask: U8, classes: int) -> Side:
        """Of one picture: `[H, W, 3]` RGB and `[H, W]` ids."""
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

    def __add__(self, other: Side) -> Side:
        return Side(
            self.pixels + other.pixels,
            self.ignored + other.ignored,
            self.images + other.images,
            self.brightness + other.brightness,
            self.contrast + other.contrast,
            self.clipped + other.clipped,
        )

    @property
    def scored(self) -> int:
        """Pixels of all classes."""
        return int(self.pixels.sum())

    @property
    def total(self) -> int:
        """All pixels."""
        return self.scored + self.ignored

    @property
    def shares(self) -> F64:
        """`[C]` share of each class in the scored pixels, 0-1."""
        return self.pixels / max(1, self.scored)


@dataclass(frozen=True, eq=False)
class Effect:
    """What draws of a pipeline did; effects of the same pipeline add up.

    Args:
        before: The pictures as they are, one a draw.
        after: The pictures that were drawn.
        invented: Ids in a drawn mask that were not in it before, other than "ignored". Always empty: a self-check.
        resized: Draws that came out in another size and were brought back.
        seconds: Processor time of each draw, on one core.
        failures: (what a draw failed with, how many did), without which nothing above is counted.
    """

    before: Side
    after: Side
    invented: tuple[int, ...] = ()
    resized: int = 0
    seconds: tuple[float, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()

    @classmethod
    def empty(cls, classes: int) -> Effect:
        """Nothing measured yet."""
        return cls(Side.empty(classes), Side.empty(classes))

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
        """Draws that are counted."""
        return len(self.seconds)

    @property
    def tried(self) -> int:
        """Those and the failed ones."""
        return self.draws + sum(count for _, count in self.failures)

    @property
    def lost(self) -> float:
        """Share of the scored pixels that padding and void took, 0-1; gained ones are set against them."""
        return max(0.0, 1 - self.after.scored / self.before.scored) if self.before.scored else 0.0

    @property
    def clipping(self) -> tuple[float, float]:
        """Share of pixels that are black or white, before and after."""
        return self.before.clipped / max(1, self.before.total), self.after.clipped / max(1, self.after.total)

    @property
    def milliseconds(self) -> float:
        """Mean processor time of a draw, which is what a training pays; NaN before the first."""
        return 1000 * sum(self.seconds) / self.draws if self.seconds else math.nan

    def class_shift(self) -> F64:
        """`[C]` share of each class after over before: 1 is unchanged; NaN where it never was."""
        before, after = self.before.shares, self.after.shares
        return np.divide(after, before, out=np.full(len(before), math.nan), where=before > 0)

    def kept(self) -> F64:
        """`[C]` of the pictures with a class, the share that still has it, 0-1; NaN where none had it."""
        before, after = self.before.images, self.after.images
        return np.divide(after, before, out=np.full(len(before), math.nan), where=before > 0)


def measure(pipeline: Pipeline, pairs: Iterable[Pair], seeds: Iterable[int], classes: int) -> Effect:
    """Draw once a pair and seed. Everything but the times is the same whenever it is measured.

    Args:
        pipeline: What is drawn from.
        pairs: `[H, W, 3]` RGB uint8 and `[H, W]` uint8 ids, at the size of the training.
        seeds: One a pair.
        classes: Scored ones, C.
    """
    total = Effect.empty(classes)
    with _one_thread():
        for (image, mask), seed in zip(pairs, seeds, strict=True):
            total += _drawn(pipeline, image, mask, seed, classes)
    return total


def _drawn(pipeline: Pipeline, image: U8, mask: U8, seed: int, classes: int) -> Effect:
    nothing = Effect.empty(classes)
    try:
        _warm(pipeline)
        # This thread's own time and not the wall's: other processes on a busy machine are none of its business, and
        # OpenCV's threads are switched off.
        start = time.thread_time()
        drawn_image, drawn_mask = pipeline(image, mask, seed)
        changed = drawn_mask.shape != mask.shape
        if changed:
            drawn_image, drawn_mask = resize_pair(drawn_image, drawn_mask, image.shape[0], image.shape[1])
        seconds = time.thread_time() - start
    except AugmentError as error:
        return replace(nothing, failures=((str(error), 1),))
    before, after = Side.of(image, mask, classes), Side.of(drawn_image, drawn_mask, classes)
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
    """Processes that augment as fast as a training takes images, at least one."""
    return max(1, math.ceil(milliseconds * images_per_second / 1000 - 1e-9))


def speed_sentence(milliseconds: float, model: str = "", images_per_second: float | None = None) -> str:
    """What the time of a draw means for a training.

    >>> speed_sentence(3.1, "U-Net", 3.0)
    'Augmentation takes 3.1 ms an image: one worker feeds 320 images a second; U-Net trained at 3.0.'
    >>> speed_sentence(20, "PSPNet", 120)
    'Augmentation takes 20 ms an image: one worker feeds 50 images a second; PSPNet trained at 120, which takes 3 workers.'
    >>> speed_sentence(0.004)
    'Augmentation takes under 0.1 ms an image: no worker waits for it.'

    Args:
        milliseconds: Mean of a draw.
        model: Name of a trained model.
        images_per_second: That its training took; None where nothing was trained.
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
    """Two significant digits: a time measured on a busy machine is worth no more."""
    digits = max(0, math.floor(math.log10(value)) - 1) if value >= 1 else 0
    return _decimal(value) if value < 10 else f"{round(value / 10**digits) * 10**digits:,}"


def _counts(values: U8) -> I64:
    """`[256]` how often each value occurs; a tenth of the time of `np.bincount`."""
    # float32 counts: exact below 2^24, and no picture here is larger than that.
    if values.size >= 1 << 24:
        return np.bincount(values.ravel(), minlength=256)
    return cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def _warm(pipeline: Pipeline) -> None:
    """Import and build before the clock runs."""
    if pipeline.active:
        from segcore.augment.apply import compiled

        compiled(pipeline.steps)


_CLOCK = threading.Lock()


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV in one thread, as in a training's worker. The setting is the process's: one measurement at a time."""
    with _CLOCK:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(threads)
