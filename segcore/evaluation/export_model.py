"""Exports a run's model for other programs, as ONNX or OpenVINO, with a JSON file on how to use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

import segcore
from segcore.arrays import F32, U8Image
from segcore.atomic_files import replacing, scratch_folder
from segcore.errors import EvaluationError, plain, unknown
from segcore.evaluation import standalone_inference
from segcore.evaluation.backends.registry import check_choice
from segcore.evaluation.model_card import MADE_BY, export_card
from segcore.runs import RunRecord, load_run
from segcore.runs.model_required import require_training

FORMATS: Final = ("onnx", "openvino")
PRECISIONS: Final = ("fp32", "fp16", "int8")

_SUFFIXES = {"onnx": (".onnx",), "openvino": (".xml", ".bin")}
_BACKENDS = {"onnx": "onnxruntime", "openvino": "openvino"}  # the backend that has the packages for writing a format
_PACKAGES = {"onnx": ("torch", "onnx"), "openvino": ("torch", "openvino")}


def export_model(
    run: RunRecord | str | Path,
    format: str,
    out: str | Path,
    *,
    precision: str = "fp32",
    size: tuple[int, int] | None = None,
    normalize: bool = True,
) -> Path:
    """Write a run's model, with a JSON file (`RUN.onnx.json`) on how to use it, a model card (`RUN.md`) and `infer.py`.

    The model takes one image, `[1, 3, H, W]` float32 RGB, and gives `[1, C, H, W]` float32 logits; H and W are fixed.

    Args:
        run: A run, or the path of its folder.
        format: `onnx` (`RUN.onnx`) or `openvino` (`RUN.xml` with `RUN.bin`).
        out: Folder for the files, created when missing; those of an earlier export are replaced.
        precision: `fp32`; `fp16`, which stores the weights in half the space while arithmetic stays float32; or `int8`
            (OpenVINO alone), calibrated on the run's training images: a quarter of the space, and faster.
        size: (height, width) of the image; None is the run's own input size.
        normalize: Whether the model normalises, so that it takes RGB in 0..1, or takes normalised images.

    Returns:
        The model's file: `.onnx` or `.xml`.

    Raises:
        EvaluationError: when format, precision or size is not possible, a package is not installed, the model can't
            be converted, or the files can't be written or would replace others.
        RunError: when the run or its weights can't be read.
    """
    if format not in FORMATS:
        raise EvaluationError(unknown("export format", format, FORMATS))
    if precision not in PRECISIONS:
        raise EvaluationError(unknown("precision of an export", precision, PRECISIONS))
    check_choice(_BACKENDS[format], "auto", instead=", or choose the other --format")
    if precision == "int8" and format != "openvino":
        raise EvaluationError(f"int8 is not written as {format}. Choose --format openvino, or --precision fp16.")
    record = run if isinstance(run, RunRecord) else load_run(run)
    require_training(record, "be written as one model", f"Export its members: segcore export {{}} --format {format}")
    fed = _size(record, size)
    suffixes = _SUFFIXES[format]
    target = Path(out) / f"{record.id}{suffixes[0]}"
    script = Path(standalone_inference.__file__).read_text("utf-8")
    _check_own(target.with_name("infer.py"), script.splitlines()[0])
    _check_own(target.with_name(f"{record.id}.md"), MADE_BY)
    with scratch_folder("export") as folder:
        fresh = folder / target.name
        _write(record, format, fresh, fed, precision=precision, normalize=normalize)
        note = _note(record, format, fed, precision, normalize)
        try:
            for suffix in reversed(suffixes):  # the file that refers to the others is written last
                with replacing(target.with_suffix(suffix)) as path:
                    shutil.copyfile(fresh.with_suffix(suffix), path)
            texts = {
                f"{target.name}.json": json.dumps(note, indent=2, ensure_ascii=False) + "\n",
                f"{record.id}.md": export_card(record, note, target.name),
                "infer.py": script,
            }
            for name, text in texts.items():
                with replacing(target.with_name(name)) as path:
                    path.write_text(text, "utf-8")
        except OSError as error:
            raise EvaluationError(f"Can't write the export: {plain(error)} Choose another folder.") from None
    return target


def _check_own(path: Path, mark: str) -> None:
    """Refuse to replace a file of the user: one without the words by which Segcore's are known."""
    with suppress(FileNotFoundError):
        if mark not in path.read_text("utf-8", errors="replace"):
            raise EvaluationError(f"{path} is there already, and Segcore did not write it. Choose another --out.")


def _size(run: RunRecord, size: tuple[int, int] | None) -> tuple[int, int]:
    fed = run.summary.input
    height, width = size or (fed.height or 0, fed.width or 0)
    if size is None and not (height and width):
        raise EvaluationError(
            f"Run {run.id!r} takes images of any size, and an export has a fixed one. Say which: --size 360x480."
        )
    if height < 1 or width < 1:
        raise EvaluationError(f"Can't export for images of {height}x{width}; expected (height, width), 1 or more.")
    return height, width


def _write(run: RunRecord, format: str, path: Path, size: tuple[int, int], *, precision: str, normalize: bool) -> None:
    import torch

    from segcore.evaluation.backends.exportable_graph import Normalized, conversion_errors

    example = torch.zeros(1, 3, *size)
    with conversion_errors(run, f"exported to {format}", size, "Try the other format."):
        graph = Normalized(run, normalize=normalize).eval()
        if format == "onnx":
            from segcore.evaluation.backends.onnxruntime_backend import write_onnx

            write_onnx(graph, example, path, "image")
            if precision == "fp16":
                _halve_weights(path)
        else:
            from segcore.evaluation.backends.openvino_backend import convert_openvino, save_openvino

            model = convert_openvino(graph, example)
            if precision == "int8":
                from segcore.evaluation.backends.quantization import quantize

                model = quantize(model, run, size, _feeder(run, normalize))
            save_openvino(model, path, half=precision == "fp16")


def _feeder(run: RunRecord, normalize: bool) -> Callable[[U8Image], F32]:
    """A function that makes the exported model's input of an `[H, W, 3]` RGB uint8 image."""
    fed = run.summary.input
    mean, std = ((0.0,) * 3, (1.0,) * 3) if normalize else (fed.mean, fed.std)

    def feed(image: U8Image) -> F32:
        scaled = (image.astype(np.float32) / 255 - np.array(mean, np.float32)) / np.array(std, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])

    return feed


def _halve_weights(path: Path) -> None:
    """Store an ONNX file's weights as float16, cast to float32 where they are used; biases stay float32."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save(model, path)


def _note(run: RunRecord, format: str, size: tuple[int, int], precision: str, normalize: bool) -> dict[str, Any]:
    """The content of the JSON file beside the model."""
    from segcore.models import weights_digest

    summary, labels = run.summary, run.labels
    fed = summary.input
    takes = "RGB in 0..1; normalisation is inside" if normalize else "RGB in 0..1, then (image - mean) / std"
    return {
        "schema_version": 1,
        "run": run.id,
        "model": summary.model,
        "encoder": summary.encoder,
        "weights_sha256": weights_digest(run.path),
        "dataset": {"name": summary.dataset.name, "fingerprint": summary.dataset.fingerprint},
        "files": [f"{run.id}{suffix}" for suffix in _SUFFIXES[format]],
        "format": format,
        "weights_precision": precision,
        "input": {
            "name": "image",
            "layout": "NCHW",
            "dtype": "float32",
            "shape": [1, 3, *size],
            "values": takes,
            "normalization": {"inside": normalize, "mean": list(fed.mean), "std": list(fed.std)},
            "resize": "to this height and width: area averaging where the image shrinks, bilinear where it grows",
        },
        "output": {
            "name": "logits",
            "layout": "NCHW",
            "dtype": "float32",
            "shape": [1, labels.classes, *size],
            "meaning": "argmax over axis 1 is the class; softmax over axis 1 its probabilities",
        },
        "classes": [
            {"id": index, "name": name, "color": list(color)}
            for index, (name, color) in enumerate(zip(labels.names, labels.colors, strict=True))
        ],
        "palette": "colors are RGB; a palette PNG of class ids can be written with them",
        "versions": {package: version(package) for package in _PACKAGES[format]} | {"segcore": segcore.__version__},
    }
