"""Architectures by name, their encoder weights, and how they are kept in a run.

The catalogue is plain data; the names that need torch are loaded when first used, so that listing models is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segcore.models.catalog import DEFAULT_ENCODER, MODELS, ModelSpec, model_names, model_spec, model_title

if TYPE_CHECKING:
    from segcore.models.encoders import Normalization as Normalization
    from segcore.models.encoders import normalization as normalization
    from segcore.models.storage import load_model as load_model
    from segcore.models.storage import save_model as save_model
    from segcore.models.trainable import count_parameters as count_parameters
    from segcore.models.trainable import parameter_groups as parameter_groups
    from segcore.models.trainable import set_trainable as set_trainable
    from segcore.models.zoo import create_model as create_model
    from segcore.models.zoo import model_options as model_options

_LAZY = {
    "Normalization": "encoders",
    "normalization": "encoders",
    "load_model": "storage",
    "save_model": "storage",
    "count_parameters": "trainable",
    "parameter_groups": "trainable",
    "set_trainable": "trainable",
    "create_model": "zoo",
    "model_options": "zoo",
}

__all__ = [
    "DEFAULT_ENCODER",
    "MODELS",
    "ModelSpec",
    "Normalization",
    "count_parameters",
    "create_model",
    "load_model",
    "model_names",
    "model_options",
    "model_spec",
    "model_title",
    "normalization",
    "parameter_groups",
    "save_model",
    "set_trainable",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in _LAZY:
        return getattr(import_module(f"segcore.models.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'segcore.models' has no attribute {name!r}")
