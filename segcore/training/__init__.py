"""Training: settings in, runs in `checkpoints/` out. torch and lightning are loaded when a training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcore.training.config import TrainConfig

if TYPE_CHECKING:
    from segcore.training.engine import train as train

__all__ = ["TrainConfig", "train"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name == "train":
        from segcore.training.engine import train

        return train
    raise AttributeError(f"module 'segcore.training' has no attribute {name!r}")
