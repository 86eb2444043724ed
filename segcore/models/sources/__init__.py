"""Where models come from: one module a source, with the functions of `ModelSource`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, cast

from segcore.models.base import AnySize
from segcore.models.encoders import Normalization
from segcore.models.registry import ModelSpec

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "segcore": "segcore.models.sources.architectures",
        "torchvision": "segcore.models.sources.torchvision_models",
        "huggingface": "segcore.models.sources.hugging_face",
        "file": "segcore.models.sources.user_code",
        "package": "segcore.models.sources.user_code",
    }
)


class ModelSource(Protocol):
    """What a source of models does; a module with these functions is one."""

    def options(self, spec: ModelSpec) -> dict[str, Any] | None:
        """The options that a model takes, with their defaults; None where any may be given."""

    def normalization(self, spec: ModelSpec, encoder: str, weights: str | None) -> Normalization:
        """The normalisation that its weights expect."""

    def check(self, spec: ModelSpec, encoder: str, weights: str | None, options: Mapping[str, Any]) -> AnySize | None:
        """Refuse what can't be built, and weights that can't be had or don't fit.

        Returns:
            A model to hold to the contract (`segcore.models.contract`); None where the project's tests do.
        """

    def create(
        self, spec: ModelSpec, encoder: str, weights: str | Path | None, classes: int, options: Mapping[str, Any]
    ) -> AnySize:
        """A model with its weights, ready to train."""

    def restore(self, spec: ModelSpec, config: dict[str, Any]) -> AnySize:
        """The model that `stored_config` describes, with random weights."""


def source_of(spec: ModelSpec) -> ModelSource:
    """The source of a model."""
    return cast(ModelSource, import_module(SOURCES[spec.source]))
