"""`profile.json`: what a run's model costs to keep and to use, measured on one machine or several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from segcore.errors import RunError, one_line
from segcore.runs import run_files

PROFILE_SCHEMA: Final = 1
PROFILE_FILE: Final = "profile.json"
Side = Annotated[int, Field(ge=1)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Latency(_Frozen):
    """Time and memory of one image (batch 1) through one backend on one machine.

    Args:
        backend: `torch`, `openvino` or `onnxruntime`.
        precision: `fp32` or `bf16`.
        machine: Processor or graphics card and number of threads, for people; with the others above it the key.
        height: Rows that the model was fed.
        width: Columns that it was fed.
        median_ms: Half of the images took less: from the image at that size, normalising it included, to its logits.
        p95_ms: 95 of 100 took less.
        image_ms: Median of the way to its mask, confidence and entropy.
        peak_memory_mb: Most memory that a process held which did only this, libraries included.
        repeats: Images that were timed.
        load: Cores that other programs kept busy meanwhile, on average; above 0.3 the times are too long.
        version: Of the backend's package.
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
    peak_memory_mb: FiniteFloat | None = None
    repeats: Side
    load: FiniteFloat | None = None
    version: str = ""
    measured: str

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What one entry is kept of: backend, precision, machine, height, width."""
        return self.backend, self.precision, self.machine, self.height, self.width

    @property
    def busy(self) -> bool:
        """Whether other programs took so much of the machine that the times are too long."""
        return self.load is not None and self.load > 0.3

    @property
    def name(self) -> str:
        """Backend and precision for a table or a legend, e.g. `openvino bf16`."""
        return f"{self.backend} {self.precision}"


class Profile(_Frozen):
    """The whole of `profile.json`. What does not depend on the machine comes first.

    Args:
        parameters: Of the model.
        macs: Multiply-accumulate operations of one image of `height` x `width`; convolutions, matrix products and
            attention are counted, the rest is not.
        height: Rows of that image.
        width: Columns of that image.
        model_mb: Size of `model.safetensors` in MB (10^6 bytes).
        train_minutes: Wall time of training.
        train_peak_memory_mb: Most memory that the training process held.
        latencies: One entry a (backend, precision, machine, size), in the order they were first measured.
    """

    schema_version: Literal[1] = PROFILE_SCHEMA
    parameters: Annotated[int, Field(ge=0)]
    macs: Annotated[int, Field(ge=0)]
    height: Side
    width: Side
    model_mb: FiniteFloat
    train_minutes: FiniteFloat
    train_peak_memory_mb: FiniteFloat | None = None
    latencies: tuple[Latency, ...] = ()

    def with_latency(self, fresh: Latency) -> Profile:
        """The profile with one more entry, or with a newer one in the place of that of the same key."""
        if not any(old.key == fresh.key for old in self.latencies):
            return self.model_copy(update={"latencies": (*self.latencies, fresh)})
        replaced = tuple(fresh if old.key == fresh.key else old for old in self.latencies)
        return self.model_copy(update={"latencies": replaced})

    def latency(
        self,
        backend: str = "torch",
        precision: str = "fp32",
        machine: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> Latency | None:
        """The newest entry of a backend and precision; None where there is none.

        Args:
            backend: As in `Latency`.
            precision: Likewise.
            machine: None takes that of any; times on two don't compare.
            size: (height, width); None takes images of any, likewise.
        """
        found = [
            each
            for each in self.latencies
            if (each.backend, each.precision) == (backend, precision)
            and machine in (None, each.machine)
            and size in (None, (each.height, each.width))
        ]
        return max(found, key=lambda each: each.measured, default=None)


def read_profile(folder: Path) -> Profile | None:
    """The profile of the run in a folder; None where it was never measured.

    Raises:
        RunError: when the file is cut off, foreign or of another schema.
    """
    file = folder / PROFILE_FILE
    if not file.is_file():
        return None
    again = f"Measure it again: segcore profile {folder}"
    try:
        values = json.loads(file.read_text("utf-8"))
        schema = values.get("schema_version") if isinstance(values, dict) else None
        if schema != PROFILE_SCHEMA:
            raise RunError(f"{file} is of schema {schema!r}; this Segcore reads schema {PROFILE_SCHEMA}. {again}")
        return Profile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{file}: {where}: {first['msg']}. {again}") from None
    except ValueError as error:  # no JSON, no UTF-8
        raise RunError(f"{file} is no JSON, perhaps cut off ({one_line(error)}). {again}") from None


def write_profile(folder: Path, profile: Profile) -> None:
    """Write `profile.json` into a run's folder, whole or not at all."""
    with run_files.replacing(folder / PROFILE_FILE) as path:
        path.write_text(profile.model_dump_json(indent=2) + "\n", "utf-8")
