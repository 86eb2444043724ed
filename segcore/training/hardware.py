"""What a training runs on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import Literal

import torch

from segcore.errors import ConfigError
from segcore.training.config import TrainConfig

_PACKAGES = (
    "torch",
    "lightning",
    "segmentation-models-pytorch",
    "timm",
    "albumentations",
    "opencv-python-headless",
    "numpy",
)


@dataclass(frozen=True)
class Hardware:
    """Device and precision, decided.

    Args:
        device: `cpu` or `cuda`.
        precision: `fp32` or `bf16`.
        name: The device for people.
    """

    device: str
    precision: str
    name: str

    @classmethod
    def choose(cls, config: TrainConfig) -> Hardware:
        """What the config asks for, as far as it is here.

        Raises:
            ConfigError: when there is no CUDA device and one is asked for.
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

    @property
    def lightning_precision(self) -> Literal["bf16-mixed", "32-true"]:
        """Lightning's word for the precision."""
        return "bf16-mixed" if self.precision == "bf16" else "32-true"


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {"python": python_version(), "segcore": version("segcore"), **{name: version(name) for name in _PACKAGES}}
