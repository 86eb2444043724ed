"""Backends that run a model: PyTorch, OpenVINO and ONNX Runtime, imported when a run is opened with them."""

from __future__ import annotations

from segcore.evaluation.backends.registry import BACKENDS, Backend, BackendSpec, available, open_backend

__all__ = ["BACKENDS", "Backend", "BackendSpec", "available", "open_backend"]
