"""A run's model as one graph that other programs can run: pictures in, logits out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from segcore.models.base import AnySize


class Graph(nn.Module):
    """What OpenVINO and ONNX Runtime are given here: bytes in, logits out, normalisation inside.

    Layers take the picture as it lies in memory (`[1, H, W, 3]` uint8) and need no crop at the end: cropping is a view
    outside of the graph, and inside it was a fifth of DeepLabV3+'s time in OpenVINO.

    Args:
        model: From `load_model`.
        mean: Of the normalisation, RGB in 0..1.
        std: Likewise.
        channels_last: Logits as `[1, h, w, C]`, which is how OpenVINO holds them, or as `[1, C, h, w]`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, model: AnySize, mean: Sequence[float], std: Sequence[float], *, channels_last: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self.channels_last = channels_last
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None])
        self.register_buffer("std", torch.tensor(std)[None, :, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """`[1, H, W, 3]` uint8 -> logits of the picture padded to the encoder's stride, right and below."""
        features = self.model.features((images.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std)
        logits = self.model.decode(features, features[0].shape[-2:])
        return logits.permute(0, 2, 3, 1) if self.channels_last else logits


class Normalized(nn.Module):
    """What other programs are given: float images in 0..1, or normalised ones, in; logits of their size out.

    Args:
        model: From `load_model`.
        mean: Of the normalisation, RGB in 0..1.
        std: Likewise.
        normalize: Whether the graph normalises.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: AnySize, mean: Sequence[float], std: Sequence[float], *, normalize: bool) -> None:
        super().__init__()
        self.model = model
        self.normalize = normalize
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None])
        self.register_buffer("std", torch.tensor(std)[None, :, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """`[1, 3, H, W]` float32 -> `[1, C, H, W]` logits."""
        logits: Tensor = self.model((image - self.mean) / self.std if self.normalize else image)
        return logits


@contextmanager
def tracing() -> Iterator[None]:
    """Without the tracer's warnings: every size in the graph is meant to be a constant."""
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        yield
