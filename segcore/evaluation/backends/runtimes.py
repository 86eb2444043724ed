"""ONNX Runtime and OpenVINO on the CPU: open a file and run it. Needs no torch."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np


class Port(NamedTuple):
    """An input or output of a model.

    Args:
        names: All that it is called; OpenVINO may know several.
        shape: Its sides; None for one that is free, and in place of all where not even their number is fixed.
        dtype: Name of the type as numpy has it, e.g. `float32`.
    """

    names: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    dtype: str

    @property
    def name(self) -> str:
        """The first of its names; empty where it has none."""
        return self.names[0] if self.names else ""

    def is_called(self, name: str) -> bool:
        """Whether that is one of its names; an empty one is that of a port without any."""
        return name in (self.names or ("",))


class Runtime(Protocol):
    """A model file that is ready to run; threads may share it."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for the only input. The thread's next call may overwrite them."""
        ...


class OnnxSession:
    """ONNX Runtime.

    Args:
        path: An `.onnx` file.
        threads: Number of threads; 0 lets ONNX Runtime choose.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Threads that spin between images compete for the cores with those that decide the classes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(map(_onnx_port, self._session.get_inputs()))
        self.outputs = tuple(map(_onnx_port, self._session.get_outputs()))

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for the only input."""
        outputs: list[np.ndarray] = self._session.run(None, {self.inputs[0].name: values})
        return outputs


class OpenVinoModel:
    """OpenVINO, for the lowest latency of single images.

    Args:
        path: An `.xml` file with its `.bin` beside it, an `.onnx` file, or an `openvino.Model`.
        hint: The type that it computes in: `f32` or `bf16`.
        threads: Number of threads; 0 lets OpenVINO choose.
    """

    def __init__(self, path: Any, hint: str = "f32", threads: int = 0) -> None:  # noqa: ANN401
        settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core().compile_model(
            core().read_model(path) if isinstance(path, Path) else path, "CPU", settings
        )
        self._requests = threading.local()  # threads can't share an infer request
        self.inputs = tuple(map(_openvino_port, self._compiled.inputs))
        self.outputs = tuple(map(_openvino_port, self._compiled.outputs))

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for the only input: views that the next call in this thread overwrites."""
        request = getattr(self._requests, "mine", None)
        if request is None:
            request = self._requests.mine = self._compiled.create_infer_request()
        outputs = request.infer([values], share_outputs=True)
        return [outputs[place] for place in range(len(self.outputs))]


def computes_in_bf16() -> bool:
    """Whether this processor computes in bf16; on others OpenVINO would use float32 without a message."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@lru_cache(maxsize=1)
def core() -> Any:  # noqa: ANN401 - openvino has no types
    """OpenVINO's core."""
    import openvino

    return openvino.Core()


_ONNX_TYPES = {"float": "float32", "double": "float64"}


def _onnx_port(port: Any) -> Port:  # noqa: ANN401 - onnxruntime has no types
    kind = port.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in port.shape or ())
    return Port((port.name,), shape or None, _ONNX_TYPES.get(kind, kind))


def _openvino_port(port: Any) -> Port:  # noqa: ANN401
    free = port.partial_shape.rank.is_dynamic
    shape = None if free else tuple(side.get_length() if side.is_static else None for side in port.partial_shape)
    return Port(tuple(sorted(port.names)), shape, port.element_type.to_dtype().name)
