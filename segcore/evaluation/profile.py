"""Measures a run's costs (parameters, operations, size, latency, memory) and stores them in its `profile.json`."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import segcore
from segcore.errors import EvaluationError, SegcoreError, unknown
from segcore.evaluation.backends import BACKENDS
from segcore.evaluation.backends.registry import choose, installed
from segcore.evaluation.predictor import Predictor
from segcore.runs import Latency, Profile, RunRecord, load_run, write_profile
from segcore.runs.model_required import require_model
from segcore.runs.run_lock import writing
from segcore.runs.summary import over

Progress = Callable[[int, int, str], object]
PICTURES = ((480, 640), (720, 1280))  # (height, width): a webcam's and a video's
SECONDS = 1.0
MOST_SECONDS = 600


def profile(
    run: RunRecord | str | Path,
    *,
    backends: Sequence[str] = (),
    device: str = "auto",
    size: tuple[int, int] | None = None,
    pictures: Sequence[tuple[int, int]] = PICTURES,
    seconds: float = SECONDS,
    progress: Progress | None = None,
    problem: Callable[[str], object] | None = None,
) -> Profile:
    """Measure a run on this machine and store its profile; entries measured elsewhere or earlier are kept.

    Every backend and precision is timed in a separate process, one after the other, image by image.

    Args:
        run: A run, or the path of its folder.
        backends: Names of `BACKENDS`, or with a precision such as `openvino:bf16`; by default all installed ones.
        device: Device for torch: `auto`, `cpu`, `cuda`, ...
        size: (height, width) of the model's input; None is the run's own input size.
        pictures: (height, width) of pictures that are timed from the picture to its mask.
        seconds: Time to measure the model alone for, in each backend and precision; each size of pictures gets half.
        progress: Called with (done, total, name of the next one).
        problem: Called with why a backend can't be measured, before the next is measured; None raises the error.

    Raises:
        EvaluationError: when a backend is unknown, or can't run this model and `problem` is None; when `seconds` are
            not positive.
        RunError: when the run or its weights can't be read.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise EvaluationError(f"--seconds is {seconds:g}; expected seconds, above 0 and at most {MOST_SECONDS}.")
    record = run if isinstance(run, RunRecord) else load_run(run)
    instead = "Profile its members, one by one: {}. What they cost together is then what it costs."
    require_model(record, "be measured as one model", instead)
    choices = _choices(record, backends, device)
    with writing(record.path, "measures it"):
        result = _static(record, size)
        if (stored := record.profile) is not None:
            result = result.model_copy(update={"latencies": stored.latencies})
        for index, (backend, precision) in enumerate(choices):
            if progress is not None:
                progress(index, len(choices), f"{backend} {precision}")
            try:
                chosen = device if backend == "torch" else "cpu"
                latency = measure_in_process(
                    record, backend, precision, chosen, size or _fed(record), seconds, pictures
                )
                result = result.with_latency(latency)
            except SegcoreError as error:
                if problem is None:
                    raise
                problem(f"{backend} {precision}: {error}")
                continue
            write_profile(record.path, result)
        write_profile(record.path, result)
    if progress is not None:
        progress(len(choices), len(choices), "")
    return result


def _choices(run: RunRecord, names: Sequence[str], device: str) -> list[tuple[str, str]]:
    """The requested (backend, precision) pairs; without a precision, those that this machine computes in."""
    pairs: list[tuple[str, str]] = []
    for text in names or installed(run):
        name, _, precision = text.partition(":")
        if name not in BACKENDS:
            raise EvaluationError(unknown("backend", name, BACKENDS))
        supported = (  # int8 is measured where it is named: it reads the training images
            one for one in BACKENDS[name].precisions if one == "fp32" or (one == "bf16" and has_bf16(name, device))
        )
        for choice in [precision] if precision else supported:
            choose(run, name, choice)
            pairs.append((name, choice))
    return list(dict.fromkeys(pairs))


def has_bf16(backend: str, device: str) -> bool:
    """Whether a backend computes in bfloat16 on this machine."""
    if backend == "openvino":
        from segcore.evaluation.backends.runtimes import computes_in_bf16

        return computes_in_bf16()
    import torch

    from segcore.evaluation.backends.torch_backend import choose_device

    if choose_device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported()


def _fed(run: RunRecord) -> tuple[int, int]:
    fed = run.summary.input
    if not (fed.height and fed.width):
        raise EvaluationError(f"Run {run.id!r} takes images of any size. Say which to time: --size 360x480.")
    return fed.height, fed.width


def _static(run: RunRecord, size: tuple[int, int] | None) -> Profile:
    """The part of a profile that does not depend on the machine."""
    if run.model_file is not None:
        height, width = size or _fed(run)
        files = [run.model_file, run.model_file.with_suffix(".bin")]
        return Profile(
            parameters=None,
            macs=None,
            height=height,
            width=width,
            model_mb=sum(path.stat().st_size for path in files if path.is_file()) / 1e6,
            train_minutes=None,
        )
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from segcore.models.encoders import dropped_tensors

    fed = run.summary.input
    height, width = (fed.height, fed.width) if fed.height and fed.width else size or _fed(run)
    model = run.load_model()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        model(torch.zeros(1, 3, height, width))
    stand_ins = sum(map(math.prod, dropped_tensors(model).values()))  # of one byte each, for smp alone
    return Profile(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=counter.get_total_flops() // 2,  # torch counts a multiplication and an addition as two operations
        height=height,
        width=width,
        model_mb=(run.weights.stat().st_size - stand_ins) / 1e6,
        train_minutes=over(run.summary.whole_train_seconds, 60),
        train_peak_memory_mb=run.summary.peak_memory_mb,
    )


def measure_in_process(
    run: RunRecord,
    backend: str,
    precision: str,
    device: str,
    size: tuple[int, int],
    seconds: float,
    pictures: Sequence[tuple[int, int]] = (),
) -> Latency:
    """Measure one backend and precision in a separate process, with the arguments of `latency.measure`.

    Raises:
        EvaluationError: when the backend can't run this model, or the process fails; with the error that it printed.
    """
    if backend != "torch":  # converts the model here, so that the other process's memory is without the conversion
        Predictor(run.resized_to(*size), backend=backend, precision=precision, device=device).warm(size)
    arguments: dict[str, object] = {"run": str(run.path), "backend": backend, "precision": precision, "device": device}
    arguments |= {"size": size, "seconds": seconds, "pictures": list(pictures)}
    package = str(Path(segcore.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "segcore.evaluation.latency", json.dumps(arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))},
    )
    if done.returncode:
        messages = done.stderr.strip().splitlines()
        raise EvaluationError(messages[-1] if messages else f"Timing stopped with exit code {done.returncode}.")
    return Latency.model_validate_json(done.stdout.splitlines()[-1])
