"""Runs a model in ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from segcore.arrays import F32Logits, U8Image
from segcore.evaluation.backends.compiled_models import CompiledModels
from segcore.evaluation.backends.exportable_graph import Graph, tracing
from segcore.evaluation.backends.runtimes import OnnxSession
from segcore.runs import RunRecord

_FILE = "model.onnx"
_INPUT = "image"


class OnnxBackend(CompiledModels[OnnxSession]):
    """ONNX Runtime with one exported graph for each input size.

    Args:
        run: The run.
        precision: `fp32`.
        device: Ignored; the CPU is used.

    Raises:
        RunError: when the run has no weights.
    """

    name = "onnxruntime"

    def __init__(self, run: RunRecord, *, precision: str, device: str) -> None:
        super().__init__(run)

    def __call__(self, image: U8Image) -> F32Logits:
        """`[C, H, W]` logits of an image."""
        height, width = image.shape[:2]
        logits: F32Logits = self.compiled((height, width))(np.ascontiguousarray(image)[None])[0]
        return logits[0, :, :height, :width]

    def coarse(self, image: U8Image) -> None:
        """None: the model is run as a whole."""

    def write(self, graph: Graph, example: Tensor, folder: Path) -> None:
        """Write the graph as an ONNX file."""
        write_onnx(graph, example, folder / _FILE, _INPUT)

    def load(self, folder: Path) -> OnnxSession:
        """Open a session for the ONNX file."""
        return OnnxSession(folder / _FILE, torch.get_num_threads())


def write_onnx(graph: nn.Module, example: Tensor, path: Path, input_name: str) -> None:
    """Export a graph of fixed sizes as one ONNX file.

    Args:
        graph: The graph in `eval()`; takes `example`, returns one tensor.
        example: A tensor of the shape and type that the graph takes.
        path: The file.
        input_name: Name of the graph's input; the output is `logits`.
    """
    with tracing():
        torch.onnx.export(
            graph,
            (example,),
            path,
            dynamo=True,
            external_data=False,
            input_names=[input_name],
            output_names=["logits"],
            verbose=False,  # its report would go to stdout, which all threads share and which can't be captured
        )
