"""Ways to run a model: torch itself, OpenVINO, ONNX Runtime. Each is imported when it is asked for."""

from __future__ import annotations

from segcore.evaluation.backends.registry import BACKENDS, Backend, BackendSpec, available, open_backend

__all__ = ["BACKENDS", "Backend", "BackendSpec", "available", "open_backend"]
