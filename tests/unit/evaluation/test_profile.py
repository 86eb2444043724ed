"""What a run costs: measured and stored in the run."""

from importlib import import_module

import numpy as np
import pytest
import torch
from fixtures.runs import SIZE
from torch import nn

from segcore.errors import EvaluationError
from segcore.evaluation import latency
from segcore.evaluation.profile import profile
from segcore.runs import Latency, load_run

module = import_module("segcore.evaluation.profile")


@pytest.fixture
def run(store, fake_run, monkeypatch):
    """A run whose model is one convolution."""
    torch.manual_seed(0)
    model = nn.Conv2d(3, 11, 4, stride=4)
    monkeypatch.setattr("segcore.models.load_model", lambda folder, **_: model)
    monkeypatch.setattr(module, "has_bf16", lambda backend, device: True)
    return fake_run(store, "fake")


@pytest.fixture
def measured(monkeypatch):
    """Stands in for the processes that measure; what it was asked for is listed."""
    requested = []

    def measure(run, backend, precision, device, size, seconds, pictures):
        if backend == "onnxruntime":
            raise EvaluationError("no such graph")
        requested.append((backend, precision, device, size))
        times = {"median_ms": 10.0 + len(requested), "p95_ms": 15.0, "image_ms": 20.0, "repeats": 20, "load": 0.9}
        return Latency(
            backend=backend,
            precision=precision,
            machine="m",
            height=size[0],
            width=size[1],
            peak_memory_mb=300.0,
            measured="2026-01-01T00:00:00+00:00",
            **times,
        )

    monkeypatch.setattr(module, "measure_in_process", measure)
    return requested


def test_operations_are_counted_and_every_backend_ismeasure_in_process_and_stored(run, measured):
    steps, problems = [], []
    result = profile(run, progress=lambda *step: steps.append(step), problem=problems.append)
    rows, columns = SIZE[0] // 4, SIZE[1] // 4
    assert result.macs == rows * columns * 11 * 3 * 4 * 4
    assert result.parameters == 11 * (3 * 4 * 4 + 1)
    assert (result.height, result.width) == SIZE
    assert result.train_minutes == pytest.approx(run.summary.train_seconds / 60)
    assert measured == [(b, p, d, SIZE) for b, d in (("torch", "auto"), ("openvino", "cpu")) for p in ("fp32", "bf16")]
    assert problems == ["onnxruntime fp32: no such graph"]
    assert steps[0] == (0, 5, "torch fp32")
    assert steps[-1][:2] == (5, 5)
    assert load_run(run.path).profile == result


def test_what_wasmeasure_in_process_before_stays(run, measured):
    first = profile(run, backends=["torch:fp32"])
    again = profile(run, backends=["openvino:bf16", "torch:fp32"], size=(96, 128))
    assert [(item.name, item.height) for item in again.latencies] == [
        ("torch fp32", SIZE[0]), ("openvino bf16", 96), ("torch fp32", 96)
    ]  # fmt: skip
    assert again.latencies[0] == first.latencies[0]
    assert again.macs == first.macs


def test_a_backend_that_is_not_there_is_said(run, measured):
    with pytest.raises(EvaluationError, match=r"No backend 'tensorrt'.*Choose one of torch, openvino, onnxruntime"):
        profile(run, backends=["tensorrt"])
    with pytest.raises(EvaluationError, match=r"No precision of torch 'int8'"):
        profile(run, backends=["torch:int8"])
    with pytest.raises(EvaluationError, match="no such graph"):
        profile(run, backends=["onnxruntime"])
    for seconds in (0, -1, float("nan"), 1e9):
        with pytest.raises(EvaluationError, match=r"--seconds is .*; expected seconds, above 0 and at most 600\."):
            profile(run, seconds=seconds)


def test_one_image_is_timed_after_another(run):
    result = latency.measure(run.path, "torch", "fp32", "cpu", SIZE, 0.0, [(30, 40)])
    assert (result.repeats, result.height, result.width) == (latency.FEWEST, *SIZE)
    assert result.picture_sizes == ((30, 40), SIZE) and 0 < result.picture_ms((30, 40)) < 1000
    assert result.picture_ms(SIZE) == result.image_ms and result.picture_ms((9, 9)) is None
    assert result.spread >= 0
    assert 0 < result.median_ms <= result.p95_ms
    assert result.image_ms > 0
    assert f"{torch.get_num_threads()} threads" in result.machine
    assert result.peak_memory_mb is None or result.peak_memory_mb > 50
    assert latency.percentile(list(np.arange(1, 101)), 0.95) == 95


def test_every_picture_is_resized_to_the_asked_size(run):
    fed = set()
    run.load_model().register_forward_pre_hook(lambda model, inputs: fed.add(tuple(inputs[0].shape[2:])))
    result = latency.measure(run.path, "torch", "fp32", "cpu", (32, 48), 0.0, [(30, 40)])
    assert fed == {(32, 48)} and (result.height, result.width) == (32, 48)


def test_a_slow_model_is_timed_less_often(monkeypatch):
    """The clock moves 0.5 s a call: 20 of them would take 10 s, and 1 s was asked for."""
    now = [0.0]
    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])

    def work(image):
        now[0] += image

    assert latency.timed(work, [0.5], 1.0) == [0.5] * 4
    assert latency.timed(work, [9, 1], 1.0) == [9, 1]


def test_what_stops_the_measuring_process_is_said(store, fake_run):
    gone = fake_run(store, "gone", evaluated=False)
    (gone.path / "summary.json").unlink()
    with pytest.raises(EvaluationError, match=r"Run 'gone' has no summary\.json"):
        module.measure_in_process(gone, "torch", "fp32", "cpu", SIZE, 0.0)
