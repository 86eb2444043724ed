"""Segcore: train, explore and honestly compare semantic-segmentation models.

The names below are loaded when first used, so that `import segcore` needs neither torch nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segcore import metrics as metrics
    from segcore.data import open_dataset as open_dataset
    from segcore.evaluation import Predictor as Predictor
    from segcore.models import create_model as create_model
    from segcore.runs import load_run as load_run

__version__ = "0.1.0"

_LAZY = {
    "open_dataset": "segcore.data",
    "create_model": "segcore.models",
    "load_run": "segcore.runs",
    "Predictor": "segcore.evaluation",
}
__all__ = ["Predictor", "create_model", "load_run", "metrics", "open_dataset"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name == "metrics":
        return import_module("segcore.metrics")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'segcore' has no attribute {name!r}")
