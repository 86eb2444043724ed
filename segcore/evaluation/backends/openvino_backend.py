"""The model in OpenVINO, on the CPU."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor, nn

from segcore.arrays import F32Logits, U8Image
from segcore.errors import EvaluationError
from segcore.evaluation.backends.compiled_models import ByShape, Size
from segcore.evaluation.backends.conversion_cache import converted
from segcore.evaluation.backends.exportable_graph import Graph, tracing
from segcore.runs import RunRecord

_FILE = "model.xml"
_IN_BF16 = ("Convolution", "MatMul", "Const", "Parameter", "Result")  # the last three don't compute


class OpenVinoBackend:
    """OpenVINO with a graph for each size that is fed, for the shortest time of one image.

    A fixed size lets it plan every buffer and fold the padding; bytes go in as they lie in memory and logits come out
    channels-last, so that nothing is copied into another layout on either end.

    Args:
        run: The run.
        precision: `fp32`, or `bf16` where the processor computes in it.
        device: The CPU, whatever it says.

    Raises:
        RunError: when the run has no weights.
        EvaluationError: when the processor has no bf16.
    """

    def __init__(self, run: RunRecord, *, precision: str, device: str) -> None:
        self.device = torch.device("cpu")
        self.notes: tuple[str, ...] = ()
        self._run = run
        self._kind = {"fp32": "f32", "bf16": "bf16"}[precision]
        if precision == "bf16" and not computes_in_bf16():
            raise EvaluationError("This processor does not compute in bf16. Choose --precision fp32.")
        self._requests = threading.local()  # an infer request is one thread's
        self._compiled = ByShape(run, "openvino", self._compile)
        _ = run.weights  # said now rather than at the first image

    def __call__(self, image: U8Image) -> F32Logits:
        """`[C, H, W]` logits of an image; a view that this thread's next call overwrites."""
        height, width = image.shape[:2]
        found = self._request((height, width)).infer([np.ascontiguousarray(image)[None]], share_outputs=True)[0]
        logits: F32Logits = found[0].transpose(2, 0, 1)[:, :height, :width]
        return logits

    def _request(self, size: Size) -> Any:  # noqa: ANN401 - openvino has no types
        compiled = self._compiled.get(size)
        mine = getattr(self._requests, "mine", None)
        if mine is None or mine[0] is not compiled:
            mine = self._requests.mine = (compiled, compiled.create_infer_request())
        return mine[1]

    def _compile(self, size: Size) -> Any:  # noqa: ANN401
        found = converted(self._run, ("openvino",), size, lambda folder: self._convert(size, folder))
        if found.note:
            self.notes = (found.note,)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self._kind,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        return _core().compile_model(_core().read_model(found.folder / _FILE), "CPU", settings)

    def _convert(self, size: Size, folder: Path) -> None:
        from segcore.models import load_model

        fed = self._run.summary.input
        graph = Graph(load_model(self._run.path), fed.mean, fed.std, channels_last=True).eval()
        write_openvino(graph, torch.zeros((1, *size, 3), dtype=torch.uint8), folder / _FILE)
        keep_exact(folder / _FILE)


def write_openvino(graph: nn.Module, example: Tensor, path: Path, *, half: bool = False) -> None:
    """Convert a graph of fixed sizes to OpenVINO's `.xml` and `.bin`.

    Args:
        graph: In `eval()`; takes `example`, gives one tensor.
        example: Of the shape and type that it is to take.
        path: The `.xml`; the `.bin` comes beside it.
        half: Store the weights as float16.
    """
    import openvino

    with tracing():
        model = openvino.convert_model(graph, example_input=example, input=openvino.PartialShape(list(example.shape)))
    model.inputs[0].tensor.set_names({"image"})
    model.outputs[0].tensor.set_names({"logits"})
    openvino.save_model(model, path, compress_to_fp16=half)


def keep_exact(path: Path) -> None:
    """Let bf16 into convolutions and matrix products only, which is where it saves time.

    All else (depthwise convolutions, sums, activations, interpolation) stays float32 by the mark that OpenVINO has for
    layers to compute precisely. It halves the pixels that change class, at no cost in time that could be measured.

    Args:
        path: The `.xml` that `write_openvino` wrote; changed in place.
    """
    tree = ElementTree.parse(path)
    for layer in tree.iterfind("layers/layer"):
        if layer.get("type") not in _IN_BF16:
            marks = layer.find("rt_info")
            marks = ElementTree.SubElement(layer, "rt_info") if marks is None else marks
            ElementTree.SubElement(marks, "attribute", {"name": "precise", "version": "0"})
    tree.write(path)


def computes_in_bf16() -> bool:
    """Whether this processor does; elsewhere OpenVINO would quietly take float32."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@lru_cache(maxsize=1)
def _core() -> Any:  # noqa: ANN401
    import openvino

    return openvino.Core()
