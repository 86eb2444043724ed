"""Pipelines that come with Segcore, and reading a pipeline from a preset's name, a file or plain values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from segcore.augment.pipeline import Pipeline
from segcore.errors import AugmentError, nearest
from segcore.paths import local_path

_ORDER = ("none", "light", "driving", "strong", "assignment")


@cache
def _read_presets() -> Mapping[str, Pipeline]:
    folder = files("segcore.augment") / "presets"
    return {name: Pipeline.from_yaml((folder / f"{name}.yaml").read_text(encoding="utf-8")) for name in _ORDER}


def presets() -> dict[str, Pipeline]:
    """Name -> pipeline, mildest first: none, light, driving, strong, assignment."""
    return dict(_read_presets())


def load_pipeline(source: str | Path | Mapping[str, Any]) -> Pipeline:
    """Read a pipeline from a preset's name, a file, or the plain values of `Pipeline.to_dict`.

    >>> [step.name for step in load_pipeline("light").steps][0]
    'HorizontalFlip'

    Raises:
        AugmentError: when it is none of these; the presets are listed.
    """
    if isinstance(source, Mapping):
        return Pipeline.from_dict(source)
    if not isinstance(source, str | Path):
        raise AugmentError(
            f"A pipeline is {source!r}; expected a preset ({', '.join(presets())}), a YAML file, or what it holds."
        )
    named = presets()
    if str(source) in named:
        return named[str(source)]
    path = local_path(source, AugmentError)
    if not path.is_file():
        raise AugmentError(
            f"No pipeline {str(source)!r}.{nearest(str(source), named)} "
            f"Give a YAML file or one of the presets {', '.join(named)}."
        )
    return Pipeline.from_yaml(path)
