"""The base of backends that convert a run's model and compile it for every input size."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from segcore.evaluation.backends.conversion_cache import converted
from segcore.evaluation.backends.exportable_graph import Graph, conversion_errors
from segcore.evaluation.backends.registry import BACKENDS
from segcore.runs import RunRecord

T = TypeVar("T")
Size = tuple[int, int]  # height, width

_KEPT = 4  # compiled models of a run, of about 100 MB each


class CompiledModels(ABC, Generic[T]):
    """LRU cache of a run's compiled models by input size; photos may come in many sizes.

    Args:
        run: The run.

    Raises:
        RunError: when the run has no weights.
    """

    name: ClassVar[str]  # key of `BACKENDS`
    channels_last: ClassVar[bool] = False
    device = "cpu"
    ids_only = False
    kind: str = ""  # what is special about its conversions
    packages: tuple[str, ...] = ()  # packages beside the backend's own that decide them

    def __init__(self, run: RunRecord) -> None:
        self.notes: tuple[str, ...] = ()
        self._run = run
        self._models: OrderedDict[Size, T] = OrderedDict()
        self._lock = threading.Lock()  # torch can't trace in two threads
        _ = run.weights  # raises now rather than at the first image

    @abstractmethod
    def write(self, graph: Graph, example: Tensor, folder: Path) -> None:
        """Convert a graph that takes tensors like `example`, and write its files into a folder."""

    @abstractmethod
    def load(self, folder: Path) -> T:
        """Compile the model in a folder that `write` filled."""

    def compiled(self, size: Size) -> T:
        """The compiled model for images of (height, width).

        Raises:
            EvaluationError: when the model can't be converted for this size.
        """
        with self._lock:
            if size not in self._models:
                packages = BACKENDS[self.name].packages + self.packages
                with conversion_errors(self._run, f"converted for {self.name}", size, "Choose --backend torch."):
                    conversion = converted(
                        self._run, packages, size, lambda folder: self._convert(size, folder), self.kind
                    )
                    self._models[size] = self.load(conversion.folder)
                if conversion.note:
                    self.notes = (conversion.note,)
                if len(self._models) > _KEPT:
                    self._models.popitem(last=False)
            self._models.move_to_end(size)
            return self._models[size]

    def _convert(self, size: Size, folder: Path) -> None:
        graph = Graph(self._run, channels_last=self.channels_last).eval()
        self.write(graph, torch.zeros((1, *size, 3), dtype=torch.uint8), folder)
