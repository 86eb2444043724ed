"""Runs a model that was imported as a file, as its description says. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from segcore.arrays import F32Logits, U8Image, U8Mask
from segcore.data.predictions.reading import logits_of
from segcore.errors import DatasetError, EvaluationError, listed, typed_line
from segcore.evaluation.backends.file_description import FileDescription, check_description
from segcore.evaluation.backends.runtimes import OnnxSession, OpenVinoModel, Port, Runtime, computes_in_bf16
from segcore.labels import IGNORE_INDEX
from segcore.runs import RunRecord, run_files

# Suffix of a model's file -> the backends that read it; the first predicts unless another is named.
BACKENDS_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {".onnx": ("onnxruntime", "openvino"), ".xml": ("openvino",)}
)
_FED_TYPES = ("float32", "float16", "float64", "uint8")


class FileModel:
    """A model in an ONNX or OpenVINO file.

    Args:
        runtime: The opened file.
        description: How it is fed and what it gives, as `fitted` returns it.
        class_ids: For each of its classes the id in the run's labels, or 255 for one that is not scored.
        where: Name of the file, for messages.
    """

    device = "cpu"
    notes: tuple[str, ...] = ()

    def __init__(self, runtime: Runtime, description: FileDescription, class_ids: Sequence[int], where: str) -> None:
        self.ids_only = description.output == "ids"
        self._runtime, self._description, self._where = runtime, description, where
        self._class_ids = np.array(class_ids, np.uint8)
        self._classes = int(self._class_ids[self._class_ids != IGNORE_INDEX].max()) + 1
        output = _output_port(description, runtime.outputs, where)
        self._output = runtime.outputs.index(output)
        self._dtype = np.dtype(runtime.inputs[0].dtype)
        self._mean, self._std = (np.array(values, np.float32) for values in (description.mean, description.std))
        self._top = np.float32(255 if description.range == "0..1" else 1)

    @classmethod
    def of_run(cls, run: RunRecord, backend: str, precision: str) -> FileModel:
        """Open the model of a run.

        Raises:
            RunError: when its file or settings are missing.
            EvaluationError: when the file can't be opened, or the settings are not those of a model.
        """
        path = run.model_file
        assert path is not None
        where = str(run.path / run_files.CONFIG)
        description = check_description(run.config.get("description"), where)
        class_ids = run.config.get("class_ids")
        if not isinstance(class_ids, list) or len(class_ids) != len(description.classes):
            raise EvaluationError(f"{where}: class_ids is no list of one number a class. Import the model again.")
        return cls(open_runtime(path, backend, precision), description, class_ids, path.name)

    def __call__(self, image: U8Image) -> F32Logits | U8Mask:
        """`[C, h, w]` float32 logits of the run's classes for an image; `[h, w]` uint8 ids where `ids_only`.

        Raises:
            EvaluationError: when the model can't take the image, or gives something else than described.
        """
        try:
            output = self._runtime(self.fed(image))[self._output]
        except Exception as error:  # the runtimes have no error type in common
            raise EvaluationError(
                f"{self._where} can't take an image of {image.shape[0]}x{image.shape[1]}: {typed_line(error)[:200]}. "
                "Say in its description which size it takes: size: 512x1024."
            ) from error
        return self._ids(output) if self.ids_only else self._logits(output)

    def coarse(self, image: U8Image) -> None:
        """None: the model is run as a whole."""

    def fed(self, image: U8Image) -> np.ndarray:
        """The model's input for an `[H, W, 3]` RGB uint8 image."""
        description = self._description
        values: np.ndarray = image[..., ::-1] if description.channels == "BGR" else image
        if self._dtype != np.uint8:
            values = ((values.astype(np.float32) / self._top - self._mean) / self._std).astype(self._dtype)
        return np.ascontiguousarray(values.transpose(2, 0, 1) if description.layout == "NCHW" else values)[None]

    def _logits(self, output: np.ndarray) -> F32Logits:
        description, count = self._description, len(self._class_ids)
        first = (description.output_layout or description.layout) == "NCHW"
        axis = 1 if first else 3
        if output.ndim != 4 or output.shape[0] != 1 or output.shape[axis] != count:
            expected = f"[1, {count}, H, W]" if first else f"[1, H, W, {count}]"
            raise EvaluationError(
                f"{self._where} gives {list(output.shape)}; its description expects {description.output} {expected} of "
                f"{count} classes. Correct its classes, output or output_layout."
            )
        values = np.asarray(output[0] if first else output[0].transpose(2, 0, 1), np.float32)
        if description.output == "probabilities":
            try:
                values = logits_of(values, self._where, count, (values.shape[1], values.shape[2]))
            except DatasetError as error:
                raise EvaluationError(f"{error} Or the description should say: output: logits.") from None
        elif not np.isfinite(values).all():
            raise EvaluationError(f"{self._where} gives scores that are not finite. Check range, mean and std.")
        return self._of_run_classes(values)

    def _of_run_classes(self, values: F32Logits) -> F32Logits:
        """The channels in the order of the run's classes; those of one class are summed as probabilities."""
        places = [np.flatnonzero(self._class_ids == index) for index in range(self._classes)]
        if all(len(channels) == 1 for channels in places):
            order = np.concatenate(places)
            return values if np.array_equal(order, np.arange(len(values))) else values[order]
        return np.stack([np.logaddexp.reduce(values[channels], axis=0) for channels in places])

    def _ids(self, output: np.ndarray) -> U8Mask:
        ids = output
        while ids.ndim > 2 and ids.shape[0] == 1:
            ids = ids[0]
        ids = ids[..., 0] if ids.ndim == 3 and ids.shape[-1] == 1 else ids
        if ids.ndim != 2:
            raise EvaluationError(f"{self._where} gives {list(output.shape)}; its description expects ids [1, H, W].")
        low, high, count = ids.min(), ids.max(), len(self._class_ids)
        if not (low >= 0 and high < count and (ids.dtype.kind in "iu" or np.array_equal(ids, ids.round()))):
            raise EvaluationError(
                f"{self._where} gives values from {low:g} to {high:g}; its description expects ids of {count} classes, "
                f"0 to {count - 1}. Correct its classes or output."
            )
        mask = self._class_ids[ids.astype(np.intp)]
        if mask.max() == IGNORE_INDEX:
            names = [
                name for name, index in zip(self._description.classes, self._class_ids, strict=True) if index == 255
            ]
            raise EvaluationError(
                f"{self._where} predicts {np.count_nonzero(mask == IGNORE_INDEX)} pixels as a class that is not scored "
                f"({listed(names, 3)}); expected a scored class in every pixel. Open the data with --void class."
            )
        return mask


def open_runtime(path: Path, backend: str, precision: str = "fp32") -> Runtime:
    """Open a model's file.

    Args:
        path: The `.onnx` or `.xml` file.
        backend: One of `BACKENDS_OF` its suffix.
        precision: `fp32`, or for OpenVINO `bf16`.

    Raises:
        EvaluationError: when it can't be opened, or the processor has no bf16.
    """
    if precision == "bf16" and not computes_in_bf16():
        raise EvaluationError("This processor does not compute in bf16. Choose --precision fp32.")
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and not weights.is_file():
        raise EvaluationError(f"{path}: an OpenVINO model needs its weights beside it, and there is no {weights.name}.")
    try:
        if backend == "onnxruntime":
            return OnnxSession(path)
        return OpenVinoModel(path, "bf16" if precision == "bf16" else "f32")
    except Exception as error:  # the runtimes have no error type in common
        outside = (
            " Its weights lie in another file: save it as one file, onnx.save(onnx.load(PATH), NEW)."
            if "external" in str(error).lower()
            else ""
        )
        raise EvaluationError(
            f"{path}: no model that {backend} can open ({typed_line(error)[:200]}).{outside} Expected an ONNX file, or "
            "OpenVINO's .xml with its .bin."
        ) from None


def fitted(description: FileDescription, runtime: Runtime, where: str) -> FileDescription:
    """The description with the size and the name of the output that the file has.

    Raises:
        EvaluationError: when file and description don't fit together.
    """
    if len(runtime.inputs) != 1:
        raise EvaluationError(
            f"{where} has {len(runtime.inputs)} inputs ({_names(runtime.inputs)}); expected one, which is an image."
        )
    fed = runtime.inputs[0]
    if fed.dtype not in _FED_TYPES:
        raise EvaluationError(f"{where} takes {fed.dtype}; expected one of {', '.join(_FED_TYPES)}.")
    as_bytes = (description.range, set(description.mean), set(description.std)) == ("0..255", {0.0}, {1.0})
    if fed.dtype == "uint8" and not as_bytes:
        raise EvaluationError(
            f"{where} takes bytes (uint8), so nothing can be scaled. Its description should say range: 0..255, "
            "mean: 0, std: 1."
        )
    size = _size(description, fed, where)
    chosen = _output_port(description, runtime.outputs, where)
    _check_classes(description, chosen, where)
    return description.model_copy(update={"size": size, "output_name": description.output_name or chosen.name})


def _size(description: FileDescription, fed: Port, where: str) -> tuple[int, int] | None:
    """The (height, width) that the model takes; None for any."""
    first = description.layout == "NCHW"
    expected = "[1, 3, H, W]" if first else "[1, H, W, 3]"
    shape = fed.shape if fed.shape is not None else (None,) * 4
    batch, channels = (shape[0], shape[1 if first else 3]) if len(shape) == 4 else (None, 0)
    if batch not in (None, 1) or channels not in (None, 3):
        raise EvaluationError(
            f"{where} takes {_shape(shape)}; its description says {description.layout}, {expected}. Correct layout, or "
            "export the model for single images of three channels."
        )
    sides = shape[2:] if first else shape[1:3]
    stated = description.size
    if stated is None and None in sides and not description.states_size:
        raise EvaluationError(
            f"{where} takes images of several sizes, and its description says none. Say which: size: 512x1024 "
            "(height x width), or size: any."
        )
    wanted = stated or (sides if not description.states_size else (None, None))
    if any(side not in (None, want) for side, want in zip(sides, wanted, strict=True)):
        raise EvaluationError(
            f"{where} takes images of {_shape(sides)}; its description says size: "
            f"{_shape(stated) if stated else 'any'}. Correct it, or leave it out."
        )
    return stated or (None if None in sides else (sides[0] or 0, sides[1] or 0))


def _output_port(description: FileDescription, ports: Sequence[Port], where: str) -> Port:
    """The described output."""
    name = description.output_name
    chosen = [port for port in ports if name is None or port.is_called(name)]
    if len(chosen) != 1:
        raise EvaluationError(
            f"{where} has the outputs {_names(ports)}; its description should name one of them: output_name: NAME."
        )
    return chosen[0]


def _check_classes(description: FileDescription, port: Port, where: str) -> None:
    """Check the number of channels, where the file fixes it; other files are checked by their first prediction."""
    if description.output == "ids" or port.shape is None or len(port.shape) != 4:
        return
    first = (description.output_layout or description.layout) == "NCHW"
    channels = port.shape[1 if first else 3]
    if channels not in (None, len(description.classes)):
        raise EvaluationError(
            f"{where} gives {_shape(port.shape)}, so {channels} classes {'before' if first else 'after'} height and "
            f"width; its description has {len(description.classes)}. Correct its classes, or output_layout."
        )


def _names(ports: Sequence[Port]) -> str:
    return listed([port.name or "(no name)" for port in ports], 5)


def _shape(sides: Sequence[int | None]) -> str:
    """`512x1024`; free sides are `?`."""
    return "x".join("?" if side is None else str(side) for side in sides)
