"""Runs a model in OpenVINO on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor, nn

from segcore.arrays import F32Logits, U8Image
from segcore.errors import EvaluationError
from segcore.evaluation.backends.compiled_models import CompiledModels
from segcore.evaluation.backends.exportable_graph import Graph, tracing
from segcore.evaluation.backends.quantization import check_quantizer, quantize
from segcore.evaluation.backends.runtimes import OpenVinoModel, computes_in_bf16
from segcore.runs import RunRecord

_FILE = "model.xml"
_IN_BF16 = ("Convolution", "MatMul", "Const", "Parameter", "Result")  # the last three compute nothing


class OpenVinoBackend(CompiledModels[OpenVinoModel]):
    """OpenVINO with one graph for each input size, for the lowest latency of single images.

    With a fixed size OpenVINO plans every buffer and folds the padding. Bytes go in as they lie in memory and logits
    come out channels-last, so that nothing is copied into another layout.

    Args:
        run: The run.
        precision: `fp32`; `bf16` where the processor computes in it; or `int8`, calibrated on training images.
        device: Ignored; the CPU is used.

    Raises:
        RunError: when the run has no weights.
        EvaluationError: when the processor has no bf16, or NNCF is not installed.
    """

    name = "openvino"
    channels_last = True

    def __init__(self, run: RunRecord, *, precision: str, device: str) -> None:
        if precision == "bf16" and not computes_in_bf16():
            raise EvaluationError("This processor does not compute in bf16. Choose --precision fp32.")
        if precision == "int8":
            check_quantizer()
            self.kind, self.packages = "int8", ("nncf",)
        self._hint = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}[precision]
        super().__init__(run)

    def __call__(self, image: U8Image) -> F32Logits:
        """`[C, H, W]` logits of an image: a view that the next call in this thread overwrites."""
        height, width = image.shape[:2]
        outputs = self.compiled((height, width))(np.ascontiguousarray(image)[None])
        logits: F32Logits = outputs[0][0].transpose(2, 0, 1)[:, :height, :width]
        return logits

    def write(self, graph: Graph, example: Tensor, folder: Path) -> None:
        """Write the graph as `.xml` and `.bin`."""
        if self.kind == "int8":
            size = example.shape[1], example.shape[2]
            model = quantize(convert_openvino(graph, example), self._run, size, lambda image: image[None])
            save_openvino(model, folder / _FILE)
            return
        save_openvino(convert_openvino(graph, example), folder / _FILE)
        keep_exact(folder / _FILE)

    def load(self, folder: Path) -> OpenVinoModel:
        """Compile the `.xml` for the CPU."""
        return OpenVinoModel(folder / _FILE, self._hint, torch.get_num_threads())


def convert_openvino(graph: nn.Module, example: Tensor) -> Any:  # noqa: ANN401
    """Convert a graph of fixed sizes to an `openvino.Model`.

    Args:
        graph: The graph in `eval()`; takes `example`, returns one tensor.
        example: A tensor of the shape and type that the graph takes.
    """
    import openvino

    with tracing():
        model = openvino.convert_model(graph, example_input=example, input=openvino.PartialShape(list(example.shape)))
    model.inputs[0].tensor.set_names({"image"})
    model.outputs[0].tensor.set_names({"logits"})
    return model


def save_openvino(model: Any, path: Path, *, half: bool = False) -> None:  # noqa: ANN401
    """Write an `openvino.Model` as `.xml`, with a `.bin` beside it; with `half`, weights are stored as float16."""
    import openvino

    openvino.save_model(model, path, compress_to_fp16=half)


def keep_exact(path: Path) -> None:
    """Restrict bf16 to convolutions and matrix products, where it saves time, in an `.xml` that is changed in place.

    All other layers (depthwise convolutions, sums, activations, interpolation) get OpenVINO's mark `precise` and stay
    float32. This halves the pixels that change class, at no measurable cost in time.
    """
    tree = ElementTree.parse(path)
    for layer in tree.iterfind("layers/layer"):
        if layer.get("type") not in _IN_BF16:
            marks = layer.find("rt_info")
            marks = ElementTree.SubElement(layer, "rt_info") if marks is None else marks
            ElementTree.SubElement(marks, "attribute", {"name": "precise", "version": "0"})
    tree.write(path)
