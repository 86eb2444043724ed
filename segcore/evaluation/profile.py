"""What a run's model costs: parameters, operations, size, time and memory, kept in the run's `profile.json`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import segcore
from segcore.errors import EvaluationError, SegcoreError, unknown
from segcore.evaluation.backends import BACKENDS, available
from segcore.evaluation.backends.registry import check_choice
from segcore.evaluation.predictor import Predictor
from segcore.runs import Latency, Profile, RunRecord, load_run, write_profile
from segcore.runs.ensemble import refuse_ensemble

Progress = Callable[[int, int, str], object]


def profile(
    run: RunRecord | str | Path,
    *,
    backends: Sequence[str] = (),
    device: str = "auto",
    size: tuple[int, int] | None = None,
    seconds: float = 3.0,
    progress: Progress | None = None,
    problem: Callable[[str], object] | None = None,
) -> Profile:
    """Measure a run on this machine and store it in the run; what was measured elsewhere or earlier stays.

    Every backend and precision is timed in a process of its own, one after the other, image by image.

    Args:
        run: A run, or the path of its folder.
        backends: Names of `BACKENDS`, or with a precision as `openvino:bf16`; none is all that are installed.
        device: For torch: `auto`, `cpu`, `cuda`, ...
        size: (height, width) that the model is fed; None is the run's own input size.
        seconds: How long each is timed.
        progress: Called with (done, total, what comes next).
        problem: Called with what keeps a backend from being measured, and the others are; None raises it.

    Raises:
        EvaluationError: when a backend is unknown, or can't run this model and `problem` is None.
        RunError: when the run or its weights can't be read.
    """
    record = run if isinstance(run, RunRecord) else load_run(run)
    told = "Profile its members, one by one: {}. What they cost together is then what it costs."
    refuse_ensemble(record, "be measured as one model", told)
    asked = _choices(backends, device)
    found = _static(record, size)
    stored = record.profile
    if stored is not None:
        found = found.model_copy(update={"latencies": stored.latencies})
    for index, (backend, precision) in enumerate(asked):
        if progress is not None:
            progress(index, len(asked), f"{backend} {precision}")
        try:
            chosen = device if backend == "torch" else "cpu"
            found = found.with_latency(
                measure_in_process(record, backend, precision, chosen, size or _fed(record), seconds)
            )
        except SegcoreError as error:
            if problem is None:
                raise
            problem(f"{backend} {precision}: {error}")
            continue
        write_profile(record.path, found)
    write_profile(record.path, found)
    if progress is not None:
        progress(len(asked), len(asked), "")
    return found


def _choices(names: Sequence[str], device: str) -> list[tuple[str, str]]:
    """(backend, precision) pairs; of all, those that this machine computes in."""
    if not names:
        return [
            (name, precision)
            for name in available()
            for precision in BACKENDS[name].precisions
            if precision == "fp32" or has_bf16(name, device)
        ]
    pairs: list[tuple[str, str]] = []
    for text in names:
        name, _, precision = text.partition(":")
        if name not in BACKENDS:
            raise EvaluationError(unknown("backend", name, BACKENDS))
        wanted = (
            [precision]
            if precision
            else [p for p in BACKENDS[name].precisions if p == "fp32" or has_bf16(name, device)]
        )
        for each in wanted:
            check_choice(name, each)
            pairs.append((name, each))
    return list(dict.fromkeys(pairs))


def has_bf16(backend: str, device: str) -> bool:
    """Whether a backend computes in bfloat16 on this machine."""
    import torch

    from segcore.evaluation.backends.torch_backend import choose_device

    if backend == "openvino":
        from segcore.evaluation.backends.openvino_backend import computes_in_bf16

        return computes_in_bf16()
    if choose_device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported()


def _fed(run: RunRecord) -> tuple[int, int]:
    fed = run.summary.input
    if not (fed.height and fed.width):
        raise EvaluationError(f"Run {run.id!r} takes images of any size. Say which to time: --size 360x480.")
    return fed.height, fed.width


def _static(run: RunRecord, size: tuple[int, int] | None) -> Profile:
    """What does not depend on the machine."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from segcore.models import load_model

    fed = run.summary.input
    height, width = (fed.height, fed.width) if fed.height and fed.width else size or _fed(run)
    model = load_model(run.path)
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        model(torch.zeros(1, 3, height, width))
    return Profile(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=counter.get_total_flops() // 2,  # a multiplication and an addition are two of torch's operations
        height=height,
        width=width,
        model_mb=run.weights.stat().st_size / 1e6,
        train_minutes=run.summary.train_seconds / 60,
        train_peak_memory_mb=run.summary.peak_memory_mb,
    )


def measure_in_process(
    run: RunRecord, backend: str, precision: str, device: str, size: tuple[int, int], seconds: float
) -> Latency:
    """Measure one backend and precision in a process of its own.

    Raises:
        EvaluationError: when the backend can't run this model, or the process fails; with the error that it printed.
    """
    if backend != "torch":  # converted here, so that the other process is seen without what converting takes
        Predictor(run, backend=backend, precision=precision, device=device).warm(size)
    asked = {"run": str(run.path), "backend": backend, "precision": precision, "device": device}
    package = str(Path(segcore.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "segcore.evaluation.latency", json.dumps(asked | {"size": size, "seconds": seconds})],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))},
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise EvaluationError(said[-1] if said else f"Timing stopped with exit code {done.returncode}.")
    return Latency.model_validate_json(done.stdout.splitlines()[-1])
