"""Measures the latency and memory of one run through one backend, in a process that does nothing else.

    python -m segcore.evaluation.latency '{"run": "checkpoints/drive-unet", "backend": "torch", ...}'

`segcore.evaluation.profile` starts it for every backend and precision: in one process, waiting threads of one backend
would take time from another, and the peak memory would be that of the backend that needs most.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from segcore.arrays import U8Image
from segcore.data import resize
from segcore.data.decode import decode_image
from segcore.data.drive.example_frames import EXAMPLES, example_file
from segcore.errors import SegcoreError
from segcore.evaluation.backends import BACKENDS
from segcore.evaluation.predictor import Predictor
from segcore.evaluation.processor import processor_name
from segcore.runs import Latency, load_run
from segcore.runs.profile import PictureLatency

WARM_UP: Final = 5  # images, for filling caches, allocating buffers and raising the clock rate
FEWEST: Final = 20  # images, so that a 95th percentile is not the maximum
MOST: Final = 500
LONGEST: Final = 2  # times the wanted seconds, for models too slow for that many


def measure(
    run: str | Path,
    backend: str,
    precision: str,
    device: str,
    size: tuple[int, int],
    seconds: float,
    pictures: Sequence[tuple[int, int]] = (),
) -> Latency:
    """Time the prediction of single images.

    Args:
        run: As for `Predictor`, and so are `backend`, `precision` and `device`.
        backend: One of `BACKENDS`.
        precision: One of the backend's.
        device: A torch device.
        size: (height, width) that every picture is resized to for the model; of a run that takes any size, of the
            pictures at which the model alone is timed.
        seconds: Time for the model alone; each size of picture gets half of it. See `timed`.
        pictures: (height, width) of pictures whose way to the mask is timed too. All pictures are the drawn streets of
            `EXAMPLES`, so that times of different runs can be compared.

    Raises:
        EvaluationError: when the run can't be predicted with these options.
        RunError: when the run or its weights can't be read.
    """
    # Streets, not noise: the more borders a mask has, the longer deciding takes.
    examples = [decode_image(example_file(name).read_bytes(), name) for name in EXAMPLES]
    images, *others = ([resize(image, *side) for image in examples] for side in (size, *pictures))
    predictor = Predictor(load_run(run).resized_to(*size), backend=backend, precision=precision, device=device)
    start = _processor_times()
    model = timed(predictor.forward, images, seconds)
    whole, *parts = (timed(predictor.mask, shown, seconds / 2) for shown in (images, *others))
    load = _load_by_others(start, _processor_times())
    memory = _peak_memory(predictor.device)  # before `machine` imports torch, which not every backend needs
    middle = statistics.quantiles(model, n=4)
    return Latency(
        backend=predictor.backend,
        precision=predictor.precision,
        machine=machine(predictor.device),
        height=size[0],
        width=size[1],
        median_ms=1000 * statistics.median(model),
        p95_ms=1000 * percentile(model, 0.95),
        image_ms=1000 * statistics.median(whole),
        pictures=tuple(
            PictureLatency(
                height=side[0],
                width=side[1],
                median_ms=1000 * statistics.median(times),
                p95_ms=1000 * percentile(times, 0.95),
            )
            for side, times in zip(pictures, parts, strict=True)
        ),
        spread=round((middle[2] - middle[0]) / statistics.median(model), 4),
        peak_memory_mb=memory,
        repeats=len(model),
        load=load,
        version=BACKENDS[predictor.backend].version,
        measured=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
    )


def timed(work: Callable[[U8Image], object], images: Sequence[U8Image], seconds: float) -> list[float]:
    """The seconds that `work` takes for single images, which take turns, after a warm-up.

    `FEWEST` calls are timed where that takes at most `LONGEST` times as long as asked for, and two in any case.
    """
    end = time.perf_counter() + max(seconds, 1.0) / 2
    for count, image in enumerate(islice(cycle(images), WARM_UP)):
        if count and time.perf_counter() > end:
            break
        work(image)
    taken: list[float] = []
    begin = time.perf_counter()
    for image in islice(cycle(images), MOST):
        start = time.perf_counter()
        enough = start - begin >= (seconds if len(taken) >= FEWEST else LONGEST * max(seconds, 1.0))
        if enough and len(taken) > 1:
            break
        work(image)
        taken.append(time.perf_counter() - start)
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by at least `share` of the values.

    >>> percentile([4, 1, 3, 2], 0.75)
    3
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def machine(device: str) -> str:
    """The name of the graphics card, or of the processor with the number of threads used."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{processor_name()}, {torch.get_num_threads()} threads"


def _peak_memory(device: str) -> float | None:
    """Peak memory in MB, of the graphics card or else of this process."""
    if device.startswith("cuda"):
        import torch

        return float(torch.cuda.max_memory_allocated(device)) / 1e6
    status = Path("/proc/self/status")
    if status.is_file():  # not getrusage: on Linux its value begins at the memory of the parent process
        fields = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6 if "VmHWM" in fields else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS, in bytes


def _processor_times() -> tuple[float, float, float] | None:
    """(clock, processor seconds of all programs, of this program); None where the system does not report them."""
    try:
        fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
        user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields[:8])
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    return time.perf_counter(), (user + nice + system + irq + softirq + steal) / ticks, time.process_time()


def _load_by_others(start: tuple[float, float, float] | None, end: tuple[float, float, float] | None) -> float | None:
    """Mean number of cores that other programs kept busy between two `_processor_times`; None where unknown."""
    if start is None or end is None:
        return None
    wall, everyone, own = (new - old for new, old in zip(end, start, strict=True))
    return max(0.0, round((everyone - own) / wall, 2)) if wall else None


def main(words: Sequence[str]) -> int:
    """Measure with the arguments in a JSON object, and print the latency as JSON; errors go to standard error."""
    arguments = json.loads(words[0])
    sizes = {"size": tuple(arguments["size"]), "pictures": [tuple(size) for size in arguments["pictures"]]}
    try:
        latency = measure(**arguments | sizes)
    except SegcoreError as error:
        print(error, file=sys.stderr)
        return 2
    print(latency.model_dump_json())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
