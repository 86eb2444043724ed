"""Quantizes an OpenVINO model to 8-bit integers by NNCF, calibrated on the training images of its run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from segcore.arrays import U8Image
from segcore.data import resize
from segcore.errors import EvaluationError, SegcoreError, number
from segcore.runs import RunRecord
from segcore.runs.reproduce import open_data, recreate_plan

CALIBRATION_IMAGES: Final = 300  # at most; the ranges of activations hardly change with more
FEWEST_IMAGES: Final = 10
_OTHER_WAYS = "Or choose another precision: fp32."
_PARTLY_NEGATIVE: Final = frozenset({"Swish", "HSwish", "Gelu", "Elu", "PRelu", "Mish", "Selu"})


def check_quantizer() -> None:
    """Raise EvaluationError where NNCF is not installed."""
    if find_spec("nncf") is None:
        raise EvaluationError(
            "int8 needs the package nncf, which is not installed. "
            f"Install it: pip install 'segcore[int8]'. {_OTHER_WAYS}"
        )


def quantize(model: Any, run: RunRecord, size: tuple[int, int], fed: Callable[[U8Image], np.ndarray]) -> Any:  # noqa: ANN401
    """A model whose convolutions compute in 8-bit integers; all else stays float32.

    Weights are rounded symmetrically, one scale a channel, and the biases are corrected for what rounding does to the
    mean of each channel. Activations are rounded symmetrically too, which OpenVINO runs faster, unless the model has
    one with a small negative part (SiLU, GELU and their like): a symmetric range would waste almost half of its steps.

    Args:
        model: An `openvino.Model` with fixed sizes.
        run: The run whose training images calibrate it.
        size: (height, width) of the model's input.
        fed: Makes the model's input of an `[H, W, 3]` RGB uint8 image of that size.

    Raises:
        EvaluationError: when NNCF is not installed, the run's data can't be opened, or it has too few images.
    """
    check_quantizer()
    images = training_images(run, size)
    import nncf

    nncf.set_log_level(logging.ERROR)
    data = nncf.Dataset([fed(image) for image in images])
    asymmetric = not _PARTLY_NEGATIVE.isdisjoint(operation.get_type_name() for operation in model.get_ops())
    preset = nncf.QuantizationPreset.MIXED if asymmetric else nncf.QuantizationPreset.PERFORMANCE
    return nncf.quantize(model, data, preset=preset, subset_size=len(images), fast_bias_correction=True)


def training_images(run: RunRecord, size: tuple[int, int]) -> list[U8Image]:
    """Up to `CALIBRATION_IMAGES` training images of a run, evenly spread over them, resized to (height, width).

    Raises:
        EvaluationError: when the data can't be opened, is another by now, or has fewer than `FEWEST_IMAGES`.
    """
    try:
        images = list(_images(run, size))
    except SegcoreError as error:
        raise EvaluationError(
            f"int8 is calibrated on the training images of run {run.id!r}, which can't be read. {error} {_OTHER_WAYS}"
        ) from error
    if len(images) < FEWEST_IMAGES:
        raise EvaluationError(
            f"int8 is calibrated on training images, and run {run.id!r} has {number(len(images), 'image')}; expected "
            f"{FEWEST_IMAGES} or more. Choose another precision: fp32."
        )
    return images


def _images(run: RunRecord, size: tuple[int, int]) -> Iterator[U8Image]:
    dataset = open_data(run)
    if dataset.fingerprint != run.summary.dataset.fingerprint:
        raise EvaluationError(f"{dataset.name} is not the data that it was trained on.")
    ids = recreate_plan(run, dataset).scored("train")
    chosen = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), CALIBRATION_IMAGES)).round().astype(int))
    for index in chosen:
        yield np.ascontiguousarray(resize(dataset.image(ids[index]), *size))
