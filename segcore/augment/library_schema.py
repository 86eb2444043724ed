"""The recorded schema of albumentations: its transforms with their parameters, read without importing the library.

Importing albumentations takes seconds; `tools/build_library_schema.py` reads it once and writes `library_schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(str(files("segcore.augment") / "library_schema.json"))


@dataclass(frozen=True, kw_only=True)
class LibraryParameter:
    """One parameter of a transform, as the library declares it.

    Args:
        kind: `flag`, `number`, `range`, `axes` (a range, or one for each axis), `choice`, `region`, `color`, `pair`
            (a range by its type, which nothing keeps in order), or the annotation, where it is none of these.
        whole: Whole numbers only.
        low: Smallest value; None where the schema is silent.
        high: Largest value.
        above: `low` itself is not allowed.
        options: Of a choice.
        null: None is allowed.
        required: There is no default.
        default: What the library takes when nothing is given.
        help: First sentence of its documentation.
    """

    kind: str
    whole: bool = False
    low: float | None = None
    high: float | None = None
    above: bool = False
    options: tuple[Any, ...] = ()
    null: bool = False
    required: bool = False
    default: Any = None
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class LibraryTransform:
    """One transform.

    Args:
        summary: First sentence of its documentation.
        targets: What it can be given, e.g. `image`, `mask`.
        p: Its default probability.
        checks: Names of the checks that its schema makes on all parameters together, or on one by code of its own.
        parameters: Name -> parameter, in the library's order.
    """

    summary: str
    targets: tuple[str, ...]
    p: float
    checks: tuple[str, ...] = ()
    parameters: Mapping[str, LibraryParameter] = field(default_factory=dict)


@dataclass(frozen=True)
class LibrarySchema:
    """The schema of all public transforms of one version of albumentations, by name."""

    version: str
    transforms: Mapping[str, LibraryTransform]


@cache
def recorded_schema() -> LibrarySchema:
    """Read the schema that comes with Segcore."""
    stored = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    transforms = {
        name: LibraryTransform(
            **{key: _tuples(value) for key, value in transform.items() if key != "parameters"},
            parameters={
                key: LibraryParameter(**{k: _tuples(v) for k, v in parameter.items()})
                for key, parameter in transform["parameters"].items()
            },
        )
        for name, transform in stored["transforms"].items()
    }
    return LibrarySchema(stored["albumentations"], transforms)


def _tuples(value: Any) -> Any:  # noqa: ANN401 - anything of JSON
    """Convert lists to tuples, as the library expects them."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
