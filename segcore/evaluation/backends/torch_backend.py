"""Runs a model in PyTorch, on the CPU or a GPU."""

from __future__ import annotations

from contextlib import nullcontext

import torch

from segcore.arrays import U8Image
from segcore.errors import EvaluationError
from segcore.runs import RunRecord


class TorchBackend:
    """Eager PyTorch, channels-last.

    Args:
        run: The run.
        precision: `fp32`, or `bf16` by autocast, which keeps operations in float32 that need it.
        device: `auto` (CUDA where there is one, else the CPU) or a torch device.

    Raises:
        RunError: when the run's weights can't be read.
        EvaluationError: when the device does not exist.
    """

    notes: tuple[str, ...] = ()
    ids_only = False

    def __init__(self, run: RunRecord, *, precision: str, device: str) -> None:
        self._device = choose_device(device)
        self.device = str(self._device)
        self._model = run.load_model().eval().to(self._device).to(memory_format=torch.channels_last)
        self._half = precision == "bf16"
        fed = run.summary.input
        self._mean, self._std = (
            torch.tensor(values, device=self._device)[:, None, None] for values in (fed.mean, fed.std)
        )

    def __call__(self, image: U8Image) -> torch.Tensor:
        """`[C, H, W]` logits of an image."""
        autocast = torch.autocast(self._device.type, torch.bfloat16) if self._half else nullcontext()
        with torch.inference_mode():
            # An [H, W, 3] array viewed as [1, 3, H, W] is channels-last already.
            tensor = torch.tensor(image, device=self._device).permute(2, 0, 1)[None]
            images = (tensor.float() / 255 - self._mean) / self._std
            with autocast:
                logits: torch.Tensor = self._model(images)[0]
            return logits.float()

    def coarse(self, image: U8Image) -> None:
        """None: the model is run as a whole."""


def choose_device(device: str) -> torch.device:
    """The torch device of a name; `auto` is CUDA where there is one, else the CPU.

    Raises:
        EvaluationError: when this machine has no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch's device types raise different errors
        raise EvaluationError(
            f"No device {device!r} here ({str(error).splitlines()[0]}). Choose auto, cpu or cuda."
        ) from None
    return chosen
