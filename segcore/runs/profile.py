"""The schema of `profile.json`: size, operations, latency and memory of a run's model, by machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, FiniteFloat

from segcore.runs.json_documents import Document, read_document, write_document
from segcore.runs.run_lock import writing

PROFILE_SCHEMA: Final = 1
PROFILE_FILE: Final = "profile.json"
Size = tuple[int, int]  # (height, width)
Number = TypeVar("Number", int, float)
Side = Annotated[int, Field(ge=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]
MOST_SPREAD: Final = 0.15  # of times on a machine that is called steady


class PictureLatency(Document):
    """Time from a picture of any size to its mask at that size: resizing, model, enlarging and deciding.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        median_ms: Median time.
        p95_ms: The time that 95 of 100 pictures stayed below.
    """

    height: Side
    width: Side
    median_ms: Positive
    p95_ms: Positive

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.height, self.width

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return 1000 / self.median_ms


class Latency(Document):
    """Time and memory of one image (batch 1) through one backend on one machine.

    Args:
        backend: `torch`, `openvino` or `onnxruntime`.
        precision: `fp32`, `bf16` or `int8`.
        machine: Processor or graphics card and number of threads, as shown to people.
        height: Rows of the model's input.
        width: Columns of the model's input.
        median_ms: Median time from an image of that size to its logits; normalisation is included.
        p95_ms: The time that 95 of 100 images stayed below.
        image_ms: Median time from an image of that size to its mask; before 2026-11-29 to confidence and entropy too.
        pictures: The same from pictures of other sizes, which are resized to the model's input. Before 2026-11-30
            pictures were noise, whose masks are decided more slowly.
        spread: Width of the middle half of the times over their median: how steady the machine was.
        peak_memory_mb: The most memory used by a process that did nothing else, libraries included.
        repeats: Number of images that were timed.
        load: Cores that other programs kept busy meanwhile, on average; above 0.3 the times are too long.
        version: Version of the backend's package.
        measured: ISO 8601 time with zone.
    """

    backend: str
    precision: str
    machine: str
    height: Side
    width: Side
    median_ms: Positive
    p95_ms: Positive
    image_ms: Positive | None = None
    pictures: tuple[PictureLatency, ...] = ()
    spread: FiniteFloat | None = None
    peak_memory_mb: FiniteFloat | None = None
    repeats: Side
    load: FiniteFloat | None = None
    version: str = ""
    measured: str

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """A profile keeps one entry for each (backend, precision, machine, height, width)."""
        return self.backend, self.precision, self.machine, self.height, self.width

    @property
    def busy(self) -> bool:
        """Whether other programs used so much of the machine that the times are too long."""
        return self.load is not None and self.load > 0.3

    @property
    def steady(self) -> bool:
        """Whether the times can be trusted: no other program took much of the machine, and they varied little."""
        return not self.busy and self.spread_is_small

    @property
    def spread_is_small(self) -> bool:
        """Whether the times varied little, as far as that was measured."""
        return self.spread is None or self.spread <= MOST_SPREAD

    def picture_ms(self, size: Size) -> float | None:
        """Median time from a picture of (height, width) to its mask; None where that size was not measured."""
        times = {picture.size: picture.median_ms for picture in self.pictures}
        return times.get(size, self.image_ms if size == (self.height, self.width) else None)

    @property
    def picture_sizes(self) -> tuple[Size, ...]:
        """The sizes of pictures that were measured."""
        own = [(self.height, self.width)] if self.image_ms is not None else []
        return tuple(dict.fromkeys([*(picture.size for picture in self.pictures), *own]))

    def with_pictures_of(self, earlier: Latency) -> Latency:
        """A copy with the pictures of an earlier measurement whose sizes were not measured again."""
        others = (picture for picture in earlier.pictures if picture.size not in self.picture_sizes)
        return self.model_copy(update={"pictures": (*self.pictures, *others)})

    @property
    def name(self) -> str:
        """Backend and precision as shown in a table or a legend, e.g. `openvino bf16`."""
        return f"{self.backend} {self.precision}"


class Profile(Document):
    """The whole of `profile.json`.

    Args:
        parameters: Number of the model's parameters; None for an imported file.
        macs: Multiply-accumulate operations for one image of `height` x `width`; only convolutions, matrix products
            and attention are counted. None for an imported file.
        height: Rows of that image.
        width: Columns of that image.
        model_mb: Size of the model's files in MB (10^6 bytes), without the zeros that stand for unused stages.
        train_minutes: Wall time of training; None for an imported file, and where it went on from other weights.
        train_peak_memory_mb: The most memory that the training process used.
        latencies: One entry for each (backend, precision, machine, size), in the order of their first measurement.
    """

    schema_version: Literal[1] = PROFILE_SCHEMA
    parameters: Annotated[int, Field(ge=0)] | None
    macs: Annotated[int, Field(ge=0)] | None
    height: Side
    width: Side
    model_mb: FiniteFloat
    train_minutes: FiniteFloat | None
    train_peak_memory_mb: FiniteFloat | None = None
    latencies: tuple[Latency, ...] = ()

    def with_latency(self, fresh: Latency) -> Profile:
        """A copy with one more entry, or with the entry of the same key replaced, but for pictures of other sizes."""
        if not any(old.key == fresh.key for old in self.latencies):
            return self.model_copy(update={"latencies": (*self.latencies, fresh)})
        replaced = tuple(fresh.with_pictures_of(old) if old.key == fresh.key else old for old in self.latencies)
        return self.model_copy(update={"latencies": replaced})

    def latency(
        self, backend: str = "torch", precision: str = "fp32", machine: str | None = None, size: Size | None = None
    ) -> Latency | None:
        """The newest entry of a backend and precision; None where there is none.

        Args:
            backend: `torch`, `openvino` or `onnxruntime`.
            precision: `fp32`, `bf16` or `int8`.
            machine: None takes any machine; times of two machines are not comparable.
            size: (height, width); None takes any size; times of two sizes are not comparable.
        """
        entries = [
            entry
            for entry in self.latencies
            if (entry.backend, entry.precision) == (backend, precision)
            and machine in (None, entry.machine)
            and size in (None, (entry.height, entry.width))
        ]
        return max(entries, key=lambda entry: entry.measured, default=None)


def sum_profiles(profiles: Sequence[Profile]) -> Profile:
    """The cost of an ensemble: the sums of its members' costs, without latencies, which were not measured."""
    memories = [profile.train_peak_memory_mb for profile in profiles if profile.train_peak_memory_mb is not None]
    return Profile(
        parameters=_known_sum([profile.parameters for profile in profiles]),
        macs=_known_sum([profile.macs for profile in profiles]),
        height=profiles[0].height,
        width=profiles[0].width,
        model_mb=sum(profile.model_mb for profile in profiles),
        train_minutes=_known_sum([profile.train_minutes for profile in profiles]),
        train_peak_memory_mb=max(memories, default=None),
    )


def _known_sum(values: Sequence[Number | None]) -> Number | None:
    """The sum; None where one of the values is unknown."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if len(known) == len(values) else None


def read_profile(folder: Path) -> Profile | None:
    """The profile in a run's folder; None where it was never measured.

    Raises:
        RunError: when the file is truncated, foreign or of another schema.
    """
    path = folder / PROFILE_FILE
    hint = f"Measure it again: segcore profile {quote(str(folder))}"
    return read_document(path, Profile, hint) if path.is_file() else None


def write_profile(folder: Path, profile: Profile) -> None:
    """Write `profile.json` into a run's folder, whole or not at all.

    Raises:
        RunError: when another process writes the run.
    """
    with writing(folder, "writes it"):
        write_document(folder / PROFILE_FILE, profile)
