"""Chooses the device and precision of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from segcore.errors import ConfigError
from segcore.training.config import TrainConfig


@dataclass(frozen=True)
class Hardware:
    """The device and precision of a training.

    Args:
        device: `cpu` or `cuda`.
        precision: `fp32` or `bf16`.
        name: Name of the device for people.
    """

    device: str
    precision: str
    name: str

    @classmethod
    def choose(cls, config: TrainConfig) -> Hardware:
        """Choose by the config's `device` and `precision`, resolving `auto`.

        Raises:
            ConfigError: when `device` is cuda and there is no CUDA device.
        """
        device = config.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("--device cuda: torch finds no CUDA device here. Leave it out, or choose cpu.")
        fast = torch.cuda.is_bf16_supported() if device == "cuda" else torch.cpu._is_avx512_bf16_supported()
        precision = config.precision if config.precision != "auto" else "bf16" if fast else "fp32"
        name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads"
        return cls(device, precision, name)


def depthwise_in_float32(model: nn.Module) -> None:
    """Run depthwise convolutions on the CPU in float32 instead of bf16; their output is bf16 again.

    Their bf16 backward pass is up to six times slower than in float32 with strides or 5x5 kernels, which costs a third
    of a training step on EfficientNet-Lite0 (`benchmarks/depthwise.py`).

    Args:
        model: Changed in place: the `forward` of each depthwise layer. Weights and their names do not change.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = partial(_without_autocast, module.forward)  # type: ignore[method-assign]


def _without_autocast(forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return forward(x.float()).to(x.dtype)
