"""`segcore profile`: the table and the JSON of what was measured, and what could not be."""

import json
from importlib import import_module

import pytest

from segcore.cli import main
from segcore.runs import Latency, Profile


@pytest.fixture
def measured(monkeypatch):
    """Stands in for the measuring: torch and OpenVINO on a busy machine, without ONNX Runtime."""

    def profile(run, *, backends, problem, progress, **_options):
        progress(0, 2, "torch fp32")
        if not backends:
            problem("onnxruntime fp32: no such graph")
        times = {"median_ms": 10.0, "p95_ms": 15.0, "image_ms": 20.0, "repeats": 20, "load": 0.9}
        times |= {"machine": "m", "height": 48, "width": 64, "measured": "2026-01-01T00:00:00+00:00"}
        times |= {"pictures": [{"height": 480, "width": 640, "median_ms": 40.0, "p95_ms": 50.0}], "spread": 0.02}
        latencies = tuple(
            Latency(backend=backend, precision=precision, peak_memory_mb=300.0, **times)
            for backend, precision in (("torch", "fp32"), ("openvino", "bf16"))
        )
        costs = {"parameters": 539, "macs": 101376, "height": 48, "width": 64, "model_mb": 0.1, "train_minutes": 1.0}
        return Profile(latencies=latencies, **costs)

    monkeypatch.setattr(import_module("segcore.evaluation.profile"), "profile", profile)


def test_the_command_prints_a_table_and_json(store, fake_run, measured, capsys):
    run = fake_run(store, "fake")
    assert main(["profile", str(run.path), "--backends", "torch", "openvino:bf16"]) == 0
    printed = capsys.readouterr().out
    assert "fake (U-Net): 0.00 M parameters" in printed
    assert "openvino bf16" in printed
    assert "0.9 !" in printed
    assert "48x64" in printed and "480x640" in printed and "frames/s" in printed and "…" not in printed
    assert "480x640: 25.0 frames/s from picture to mask with torch fp32." in printed
    assert "these times are too long; measure again when quiet" in printed
    assert main(["profile", str(run.path), "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["latencies"][0]["backend"] == "torch"
    assert "segcore: onnxruntime fp32: no such graph" in printed.err
    assert "2 ways to run it: about 17 s" in printed.err
