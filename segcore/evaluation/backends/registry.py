"""The backends by name, and opening a run with one of them."""

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
    """A model that is ready to run; it normalises images itself."""

    device: torch.device  # the device of the logits
    notes: tuple[str, ...]  # messages for the user, e.g. that a converted model could not be cached

    def __call__(self, image: U8Image) -> torch.Tensor | F32Logits:
        """`[C, H, W]` float32 logits of an `[H, W, 3]` RGB uint8 image of the model's input size.

        They may have any memory layout, and the thread's next call may overwrite them.
        """
        ...


@dataclass(frozen=True)
class BackendSpec:
    """One backend.

    Args:
        name: Name on command lines.
        title: Name for people.
        summary: One sentence on its use.
        precisions: Precisions that it computes in, the exact one first.
        packages: Python packages that it needs, its own first.
        extra: The extra that installs it, `pip install 'segcore[extra]'`; empty where it is always installed.
        opener: `module:class`, imported when a run is opened with it.
    """

    name: str
    title: str
    summary: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str
    opener: str

    @property
    def version(self) -> str:
        """Version of the package; empty where it is not installed."""
        try:
            return version(self.packages[0])
        except PackageNotFoundError:
            return ""


BACKENDS: Mapping[str, BackendSpec] = MappingProxyType(
    {
        "torch": BackendSpec(
            "torch",
            "PyTorch",
            "The model as it was trained; the only one that uses a GPU.",
            PRECISIONS["torch"],
            ("torch",),
            "",
            "segcore.evaluation.backends.torch_backend:TorchBackend",
        ),
        "openvino": BackendSpec(
            "openvino",
            "OpenVINO",
            "The fastest on a CPU; converts the model once, in a few seconds, and keeps that.",
            PRECISIONS["openvino"],
            ("openvino",),
            "openvino",
            "segcore.evaluation.backends.openvino_backend:OpenVinoBackend",
        ),
        "onnxruntime": BackendSpec(
            "onnxruntime",
            "ONNX Runtime",
            "Runs an ONNX file as other programs would; exports the model once and keeps that.",
            PRECISIONS["onnxruntime"],
            ("onnxruntime", "onnx", "onnxscript"),
            "onnx",
            "segcore.evaluation.backends.onnxruntime_backend:OnnxBackend",
        ),
    }
)


def available() -> tuple[str, ...]:
    """Names of the backends whose packages are installed."""
    return tuple(name for name in BACKENDS if not _missing(name))


def check_choice(backend: str, precision: str) -> tuple[BackendSpec, str]:
    """A backend by its name, and the precision; `auto` is the exact one, so that scores are comparable.

    Raises:
        EvaluationError: when there is no such backend or precision, or the backend is not installed.
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
    """Load a run's model into a backend; arguments as for `Predictor`.

    Raises:
        EvaluationError: when backend, precision or device is unknown, not installed or not available.
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
    """The first package of an optional backend that is not installed; empty where all are."""
    spec = BACKENDS[backend]
    return next((name for name in spec.packages if spec.extra and find_spec(name) is None), "")
