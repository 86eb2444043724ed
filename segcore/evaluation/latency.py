"""Latency and memory of one run through one backend, in a process that does nothing else.

    python -m segcore.evaluation.latency '{"run": "checkpoints/drive-unet", "backend": "torch", ...}'

`segcore.evaluation.profile` starts it for every backend and precision: in one process, the threads of one backend would
wait in a loop while another computes, and the most memory ever held would be that of the hungriest.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from segcore.errors import SegcoreError
from segcore.evaluation.backends import BACKENDS
from segcore.evaluation.predictor import Predictor
from segcore.runs import Latency, load_run

WARM_UP: Final = 5  # images: caches fill, buffers are allocated, the processor speeds up
FEWEST: Final = 20  # images, so that a 95th percentile is not the maximum
MOST: Final = 500


def measure(
    run: str | Path, backend: str, precision: str, device: str, size: tuple[int, int], seconds: float
) -> Latency:
    """Time one image after another.

    Args:
        run: The run's folder.
        backend: See `Predictor`.
        precision: Likewise.
        device: Likewise.
        size: (height, width) of the image, which is what the model is fed.
        seconds: For how long; at least `FEWEST` images are timed all the same.

    Raises:
        EvaluationError: when the run can't be predicted with so.
        RunError: when the run or its weights can't be read.
    """
    predictor = Predictor(load_run(run), backend=backend, precision=precision, device=device)
    image = _picture(*size)
    watch = _Load()
    model = timed(lambda: predictor.forward(image), seconds)
    load = watch.others()
    whole = timed(lambda: predictor(image), seconds / 2)
    return Latency(
        backend=backend,
        precision=predictor.precision,
        machine=machine(predictor.device),
        height=size[0],
        width=size[1],
        median_ms=1000 * statistics.median(model),
        p95_ms=1000 * percentile(model, 0.95),
        image_ms=1000 * statistics.median(whole),
        peak_memory_mb=_peak_memory(predictor.device),
        repeats=len(model),
        load=load,
        version=BACKENDS[backend].version,
        measured=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
    )


def timed(work: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each of many calls, after a warm-up."""
    for _ in range(WARM_UP):
        work()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < FEWEST or (time.perf_counter() < end and len(taken) < MOST):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed.

    >>> percentile([4, 1, 3, 2], 0.75)
    3
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine(device: Any) -> str:  # noqa: ANN401 - a torch device, and torch is imported late
    """What computes, for people: the graphics card, or the processor with the threads that are used of it."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _picture(height: int, width: int) -> np.ndarray:
    """`[H, W, 3]` uint8: what is on it does not change the time."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _peak_memory(device: Any) -> float | None:  # noqa: ANN401
    """MB that were held at most: of the card, else of this process."""
    import torch

    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 1e6
    status = Path("/proc/self/status")
    if status.is_file():  # not getrusage: on Linux that begins at what the parent held when it started this process
        fields = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6 if "VmHWM" in fields else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS, in bytes


class _Load:
    """How many cores other programs keep busy, from now on."""

    def __init__(self) -> None:
        self._start = self._now()

    def others(self) -> float | None:
        """Cores, on average since this began; None where the system does not tell."""
        if self._start is None or (now := self._now()) is None:
            return None
        wall, everyone, own = (new - old for new, old in zip(now, self._start, strict=True))
        return max(0.0, round((everyone - own) / wall, 2)) if wall else None

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """(clock, processor seconds of all programs, of this one)."""
        try:
            fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
            user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields[:8])
            ticks = os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, AttributeError):
            return None
        return time.perf_counter(), (user + nice + system + irq + softirq + steal) / ticks, time.process_time()


def main(words: Sequence[str]) -> int:
    """Measure what the one argument says, and print it as JSON; what is wrong goes to standard error."""
    asked = json.loads(words[0])
    try:
        found = measure(**asked | {"size": tuple(asked["size"])})
    except SegcoreError as error:
        print(error, file=sys.stderr)
        return 2
    print(found.model_dump_json())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
