"""A run's model as a graph with fixed sizes that OpenVINO, ONNX Runtime and other programs can run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from segcore.errors import EvaluationError, SegcoreError, typed_line
from segcore.log_level import log_level
from segcore.runs import RunRecord


class _ExportableModel(nn.Module):
    """A run's model with the mean and standard deviation of its normalisation, RGB in 0..1."""

    mean: Tensor
    std: Tensor

    def __init__(self, run: RunRecord) -> None:
        super().__init__()
        self.model = run.load_model()
        fed = run.summary.input
        self.register_buffer("mean", torch.tensor(fed.mean)[None, :, None, None])
        self.register_buffer("std", torch.tensor(fed.std)[None, :, None, None])


class Graph(_ExportableModel):
    """The graph that the backends run: takes bytes, normalises them and gives logits.

    It takes the image as it lies in memory (`[1, H, W, 3]` uint8). It does not crop the logits: outside of the graph a
    crop is a view, and inside it took a fifth of DeepLabV3+'s time in OpenVINO.

    Args:
        run: The run.
        channels_last: Whether logits are `[1, h, w, C]`, as OpenVINO holds them, or `[1, C, h, w]`.
    """

    def __init__(self, run: RunRecord, *, channels_last: bool = False) -> None:
        super().__init__(run)
        self.channels_last = channels_last

    def forward(self, images: Tensor) -> Tensor:
        """`[1, H, W, 3]` uint8 -> logits of the image padded to the encoder's stride on the right and below."""
        features = self.model.features((images.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)
        logits: Tensor = self.model.decode(features, features[0].shape[-2:])
        return logits.permute(0, 2, 3, 1) if self.channels_last else logits


class Normalized(_ExportableModel):
    """The graph for other programs: takes float images and gives logits of the same height and width.

    Args:
        run: The run.
        normalize: Whether the graph takes images in 0..1 and normalises them, or takes normalised images.
    """

    def __init__(self, run: RunRecord, *, normalize: bool) -> None:
        super().__init__(run)
        self.normalize = normalize

    def forward(self, image: Tensor) -> Tensor:
        """`[1, 3, H, W]` float32 -> `[1, C, H, W]` logits."""
        logits: Tensor = self.model((image - self.mean) / self.std if self.normalize else image)
        return logits


@contextmanager
def tracing() -> Iterator[None]:
    """Disable what tracing warns of: every size in the graph is meant to be a constant, and no loss is in it."""
    quiet = log_level(logging.ERROR, "torch.onnx", "transformers")
    with quiet, warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def conversion_errors(run: RunRecord, action: str, size: tuple[int, int], way_out: str) -> Iterator[None]:
    """Raise what stops an exporter or converter as EvaluationError, with the run, the size and a way out."""
    try:
        yield
    except (SegcoreError, OSError):
        raise
    except Exception as error:  # torch's exporter and the converters have no error type in common
        raise EvaluationError(
            f"The model of run {run.id!r} ({run.title}) can't be {action} at {size[0]}x{size[1]}: "
            f"{typed_line(error)[:200]}. {way_out}"
        ) from error
