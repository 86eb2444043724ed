"""Runs a model in OpenVINO on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor, nn

from segcore.arrays import F32Logits, U8Image
from segcore.errors import EvaluationError
from segcore.evaluation.backends.compiled_models import CompiledModels, Size
from segcore.evaluation.backends.exportable_graph import Graph, tracing
from segcore.evaluation.backends.quantization import check_quantizer, quantize
from segcore.evaluation.backends.registry import Coarse
from segcore.evaluation.backends.runtimes import OpenVinoModel, computes_in_bf16, core
from segcore.runs import RunRecord

_FILE = "model.xml"
_IN_BF16 = ("Convolution", "MatMul", "Const", "Parameter", "Result")  # the last three compute nothing


class OpenVinoBackend(CompiledModels["_Graphs"]):
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
        outputs = self.compiled((height, width)).whole(np.ascontiguousarray(image)[None])
        logits: F32Logits = outputs[0][0].transpose(2, 0, 1)[:, :height, :width]
        return logits

    def coarse(self, image: U8Image) -> Coarse | None:
        """Logits before the graph's last step, compiled as a graph of its own; None where that enlarges nothing."""
        graph = self.compiled((image.shape[0], image.shape[1])).coarse
        if graph is None:
            return None
        outputs = graph.model(np.ascontiguousarray(image)[None])
        return Coarse(outputs[0][0].transpose(2, 0, 1), graph.size, graph.align_corners)

    def write(self, graph: Graph, example: Tensor, folder: Path) -> None:
        """Write the graph as `.xml` and `.bin`."""
        if self.kind == "int8":
            size = example.shape[1], example.shape[2]
            model = quantize(convert_openvino(graph, example), self._run, size, lambda image: image[None])
            save_openvino(model, folder / _FILE)
            return
        save_openvino(convert_openvino(graph, example), folder / _FILE)
        keep_exact(folder / _FILE)

    def load(self, folder: Path) -> _Graphs:
        """The graphs of the `.xml`, which are compiled for the CPU when they are first run."""
        return _Graphs(folder / _FILE, self._hint, torch.get_num_threads())


class _CoarseGraph(NamedTuple):
    """A compiled graph without its last step, and what that does: see `Coarse`."""

    model: OpenVinoModel
    size: Size
    align_corners: bool


@dataclass(frozen=True)
class _Graphs:
    """An `.xml` as it is, and without the enlargement at its end."""

    path: Path
    hint: str
    threads: int

    @cached_property
    def whole(self) -> OpenVinoModel:
        return OpenVinoModel(self.path, self.hint, self.threads)

    @cached_property
    def coarse(self) -> _CoarseGraph | None:
        model = core().read_model(self.path)
        enlargement = without_enlargement(model)
        return enlargement and _CoarseGraph(OpenVinoModel(model, self.hint, self.threads), *enlargement)


def without_enlargement(model: Any) -> tuple[Size, bool] | None:  # noqa: ANN401
    """Take the bilinear enlargement off the end of a graph with channels-last logits.

    Args:
        model: An `openvino.Model`, changed in place where its last step is one.

    Returns:
        The enlarged (height, width) and `align_corners`; None where the last step is no such enlargement.
    """
    turn = model.outputs[0].node.input_value(0).get_node()
    if turn.get_type_name() != "Transpose":
        return None
    last = turn.input_value(0).get_node()
    if last.get_type_name() == "Slice" and last.get_output_shape(0) == last.get_input_shape(0):  # cuts nothing off
        last = last.input_value(0).get_node()
    if last.get_type_name() != "Interpolate":
        return None
    how = last.get_attributes()
    places = {"align_corners": True, "half_pixel": False, "pytorch_half_pixel": False}
    if not how["mode"].startswith("linear") or how["coordinate_transformation_mode"] not in places:
        return None
    height, width = last.get_output_shape(0)[2:]
    turn.input(0).replace_source_output(last.input_value(0))
    model.validate_nodes_and_infer_types()
    return (height, width), places[how["coordinate_transformation_mode"]]


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
