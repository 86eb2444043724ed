"""The backends by name, and opening a run with one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from segcore.arrays import F32Logits, U8Image, U8Mask
from segcore.errors import EvaluationError, unknown
from segcore.runs import RunRecord
from segcore.runs.split_variant import PRECISIONS

if TYPE_CHECKING:
    import torch


class Coarse(NamedTuple):
    """Logits before a model's last step, where that enlarges them bilinearly.

    Args:
        logits: `[C, h, w]` float32; the thread's next call may overwrite them.
        size: (height, width) that they are enlarged to, which is cropped to the image's on the right and below.
        align_corners: As for `torch.nn.functional.interpolate`.
    """

    logits: F32Logits
    size: tuple[int, int]
    align_corners: bool


class Backend(Protocol):
    """A model that is ready to run; it normalises images itself."""

    device: str  # the device of the logits: cpu, cuda:0, ...
    notes: tuple[str, ...]  # messages for the user, e.g. that a converted model could not be cached
    ids_only: bool  # whether it gives `[H, W]` uint8 ids of classes in place of logits

    def __call__(self, image: U8Image) -> torch.Tensor | F32Logits | U8Mask:
        """`[C, H, W]` float32 logits of an `[H, W, 3]` RGB uint8 image of the model's input size.

        They may have any memory layout, and the thread's next call may overwrite them.
        """
        ...

    def coarse(self, image: U8Image) -> Coarse | None:
        """The logits of an image before the model's last step; None where it is no enlargement that can be left out."""
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


def installed(run: RunRecord) -> tuple[str, ...]:
    """Names of the installed backends that can run a run's model."""
    return tuple(name for name in backends_of(run) if not _missing(name, to_run=run.model_file is not None))


AUTO = "auto"  # the backend that a run's model was made for


def backends_of(run: RunRecord) -> tuple[str, ...]:
    """Names of the backends that can run a run's model; the first is its own, which `auto` means."""
    if run.model_file is None:
        return tuple(BACKENDS)
    from segcore.evaluation.backends.file_model import BACKENDS_OF

    return BACKENDS_OF[run.model_file.suffix]


def choose(run: RunRecord, backend: str, precision: str) -> tuple[BackendSpec, str]:
    """The backend and the precision for a run; `auto` is its own backend, and the exact precision.

    Raises:
        EvaluationError: when there is no such backend or precision, it can't run this model, or is not installed.
    """
    able = backends_of(run)
    name = able[0] if backend == AUTO else backend
    if name in BACKENDS and name not in able:
        raise EvaluationError(
            f"The model of run {run.id!r} is the file {run.model_file}, which {BACKENDS[name].title} can't run. Choose "
            f"--backend {' or '.join(able)}."
        )
    if run.model_file is None:
        return check_choice(name, precision)
    if precision == "int8":
        raise EvaluationError(
            f"int8 is calibrated on the images that a model was trained on, and run {run.id!r} was imported. Quantize "
            "its file yourself and import that, or choose another precision: fp32."
        )
    return check_choice(name, precision, to_run=True)


def check_choice(
    backend: str, precision: str, *, to_run: bool = False, instead: str = ", or choose --backend torch"
) -> tuple[BackendSpec, str]:
    """A backend by its name, and the precision; `auto` is the exact one, so that scores are comparable.

    Args:
        backend: A key of `BACKENDS`.
        precision: One of its precisions, or `auto`.
        to_run: Whether a file is there already, so that only the backend's own package is needed.
        instead: What else than installing a missing package can be done.

    Raises:
        EvaluationError: when there is no such backend or precision, or the backend is not installed.
    """
    if backend not in BACKENDS:
        raise EvaluationError(unknown("backend", backend, BACKENDS))
    spec = BACKENDS[backend]
    if precision != "auto" and precision not in spec.precisions:
        raise EvaluationError(unknown(f"precision of {backend}", precision, ("auto", *spec.precisions)))
    missing = _missing(backend, to_run)
    if missing:
        raise EvaluationError(
            f"The {backend} backend needs the package {missing}, which is not installed. "
            f"Install it: pip install 'segcore[{spec.extra}]'{'' if to_run else instead}."
        )
    return spec, spec.precisions[0] if precision == "auto" else precision


def open_backend(run: RunRecord, backend: str, precision: str, device: str) -> Backend:
    """Load a run's model into a backend; arguments as for `Predictor`.

    Raises:
        EvaluationError: when backend, precision or device is unknown, not installed or not available.
        RunError: when the run or its weights can't be read.
    """
    spec, precision = choose(run, backend, precision)
    if spec.name != "torch" and device not in ("auto", "cpu"):
        way_out = "Leave --device out" + ("." if run.model_file else ", or choose --backend torch.")
        raise EvaluationError(f"The {spec.name} backend runs on the CPU, not on {device!r}. {way_out}")
    if run.model_file is not None:
        from segcore.evaluation.backends.file_model import FileModel

        return FileModel.of_run(run, spec.name, precision)
    module, _, name = spec.opener.partition(":")
    opened: Backend = getattr(import_module(module), name)(run, precision=precision, device=device)
    return opened


def _missing(backend: str, to_run: bool = False) -> str:
    """The first package of an optional backend that is not installed; empty where all are."""
    spec = BACKENDS[backend]
    packages = spec.packages[:1] if to_run else spec.packages
    return next((name for name in packages if spec.extra and find_spec(name) is None), "")
