"""The model in ONNX Runtime, on the CPU."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segcore.arrays import F32Logits, U8Image
from segcore.evaluation.backends.compiled_models import ByShape, Size
from segcore.evaluation.backends.conversion_cache import converted
from segcore.evaluation.backends.exportable_graph import Graph, tracing
from segcore.runs import RunRecord

_FILE = "model.onnx"
_INPUT = "image"


class OnnxBackend:
    """ONNX Runtime with an exported graph for each size that is fed.

    Args:
        run: The run.
        precision: `fp32`.
        device: The CPU, whatever it says.

    Raises:
        RunError: when the run has no weights.
    """

    def __init__(self, run: RunRecord, *, precision: str, device: str) -> None:
        self.device = torch.device("cpu")
        self.notes: tuple[str, ...] = ()
        self._run = run
        self._sessions = ByShape(run, "onnxruntime", self._open)
        _ = run.weights  # said now rather than at the first image

    def __call__(self, image: U8Image) -> F32Logits:
        """`[C, H, W]` logits of an image."""
        height, width = image.shape[:2]
        session = self._sessions.get((height, width))
        logits: F32Logits = session.run(None, {_INPUT: np.ascontiguousarray(image)[None]})[0]
        return logits[0, :, :height, :width]

    def _open(self, size: Size) -> Any:  # noqa: ANN401 - onnxruntime has no types
        import onnxruntime

        packages = ("onnxruntime", "onnx", "onnxscript")
        found = converted(self._run, packages, size, lambda folder: self._convert(size, folder))
        if found.note:
            self.notes = (found.note,)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        # Threads that spin between images take the cores from torch, which decides on the logits, and it from them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(found.folder / _FILE, options, providers=["CPUExecutionProvider"])

    def _convert(self, size: Size, folder: Path) -> None:
        from segcore.models import load_model

        fed = self._run.summary.input
        graph = Graph(load_model(self._run.path), fed.mean, fed.std).eval()
        write_onnx(graph, torch.zeros((1, *size, 3), dtype=torch.uint8), folder / _FILE, _INPUT)


def write_onnx(graph: nn.Module, example: Tensor, path: Path, input_name: str) -> None:
    """Export a graph of fixed sizes as one ONNX file.

    Args:
        graph: In `eval()`; takes `example`, gives one tensor.
        example: Of the shape and type that it is to take.
        path: The file.
        input_name: What its input is called; the output is `logits`.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with tracing():
            torch.onnx.export(
                graph,
                (example,),
                path,
                dynamo=True,
                external_data=False,
                input_names=[input_name],
                output_names=["logits"],
                verbose=False,  # no report of its steps; stdout is of all threads, and must not be caught for it
            )
    finally:
        logger.setLevel(level)
