"""Which backends there are, what each can do, and the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from segcore.arrays import F32Logits, U8Image
from segcore.errors import EvaluationError, unknown
from segcore.runs import RunRecord
from segcore.runs.split_variant import PRECISIONS

if TYPE_CHECKING:
    import torch


class Backend(Protocol):
    """A model that is ready to run.

    Normalising is a backend's own affair, since most fold it into the model.
    """

    device: torch.device  # where the scores are to be worked on
    notes: tuple[str, ...]  # what a user should know, e.g. that nothing could be kept for the next time

    def __call__(self, image: U8Image) -> torch.Tensor | F32Logits:
        """Scores of one image that has the size the model is fed.

        Args:
            image: `[H, W, 3]` RGB uint8.

        Returns:
            `[C, H, W]` float32 logits, in any memory layout; they may be overwritten by the thread's next call.
        """
        ...


@dataclass(frozen=True)
class BackendSpec:
    """One backend.

    Args:
        name: What users type.
        title: What people read.
        summary: One sentence on what it is good for.
        precisions: What it can compute in, the exact one first.
        package: Python package that must be there.
        extra: How to install it: `pip install 'segcore[extra]'`; empty where it always is.
        opener: `module:class`, imported when a run is opened with it.
    """

    name: str
    title: str
    summary: str
    precisions: tuple[str, ...]
    package: str
    extra: str
    opener: str

    @property
    def version(self) -> str:
        """Version of its package; empty where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""


BACKENDS: Mapping[str, BackendSpec] = MappingProxyType(
    {
        "torch": BackendSpec(
            "torch",
            "PyTorch",
            "The model as it was trained; the only one that uses a GPU.",
            PRECISIONS["torch"],
            "torch",
            "",
            "segcore.evaluation.backends.torch_backend:TorchBackend",
        ),
        "openvino": BackendSpec(
            "openvino",
            "OpenVINO",
            "The fastest on a CPU; converts the model once, in a few seconds, and keeps that.",
            PRECISIONS["openvino"],
            "openvino",
            "openvino",
            "segcore.evaluation.backends.openvino_backend:OpenVinoBackend",
        ),
        "onnxruntime": BackendSpec(
            "onnxruntime",
            "ONNX Runtime",
            "Runs an ONNX file as other programs would; exports the model once and keeps that.",
            PRECISIONS["onnxruntime"],
            "onnxruntime",
            "onnx",
            "segcore.evaluation.backends.onnxruntime_backend:OnnxBackend",
        ),
    }
)
_NEEDS = {"onnxruntime": ("onnxruntime", "onnx", "onnxscript"), "openvino": ("openvino",)}


def available() -> tuple[str, ...]:
    """Names of the backends whose packages are installed."""
    return tuple(name for name in BACKENDS if not _missing(name))


def check_choice(backend: str, precision: str) -> tuple[BackendSpec, str]:
    """The backend of a name, and the precision with `auto` decided: the exact one, so that scores are comparable.

    Raises:
        EvaluationError: when there is no such backend or precision (the choices are listed), or it isn't installed.
    """
    if backend not in BACKENDS:
        raise EvaluationError(unknown("backend", backend, BACKENDS))
    spec = BACKENDS[backend]
    if precision != "auto" and precision not in spec.precisions:
        raise EvaluationError(unknown(f"precision of {backend}", precision, ("auto", *spec.precisions)))
    missing = _missing(backend)
    if missing:
        raise EvaluationError(
            f"The {backend} backend needs the package {missing}, which is not installed. "
            f"Install it: pip install 'segcore[{spec.extra}]', or choose --backend torch."
        )
    return spec, spec.precisions[0] if precision == "auto" else precision


def open_backend(run: RunRecord, backend: str, precision: str, device: str) -> Backend:
    """A run's model, ready to run.

    Args:
        run: The run.
        backend: A key of `BACKENDS`.
        precision: `auto` (the exact one) or one of the backend's.
        device: `auto`, or a torch device; OpenVINO and ONNX Runtime run on the CPU.

    Raises:
        EvaluationError: when backend, precision or device is unknown, not installed or not here.
        RunError: when the run or its weights can't be read.
    """
    spec, precision = check_choice(backend, precision)
    if backend != "torch" and device not in ("auto", "cpu"):
        raise EvaluationError(
            f"The {backend} backend runs on the CPU, not on {device!r}. Leave --device out, or choose --backend torch."
        )
    module, _, name = spec.opener.partition(":")
    opened: Backend = getattr(import_module(module), name)(run, precision=precision, device=device)
    return opened


def _missing(backend: str) -> str:
    return next((name for name in _NEEDS.get(backend, ()) if find_spec(name) is None), "")
