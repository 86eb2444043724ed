"""The recorded schema of albumentations: its transforms with their parameters, read without importing the library.

Importing albumentations takes seconds; `segcore.augment.build_library_schema` reads it once and writes
`library_schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

RECORD = Path(str(files("segcore.augment") / "library_schema.json"))


@dataclass(frozen=True, kw_only=True)
class LibraryParameter:
    """One parameter of a transform, as far as the library tells.

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
class Library:
    """All public transforms of one version of albumentations, by name."""

    version: str
    transforms: Mapping[str, LibraryTransform]

    def text(self) -> str:
        """As JSON: sorted, one parameter a line, what says nothing left out."""
        lines = ["{", f'  "albumentations": {json.dumps(self.version)},', '  "transforms": {']
        for name, each in sorted(self.transforms.items()):
            head = {"summary": each.summary, "targets": each.targets, "p": each.p, "checks": each.checks}
            inner = [f"        {json.dumps(key)}: {_line(one)}" for key, one in each.parameters.items()]
            body = [f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items() if value != ()]
            body.append('      "parameters": {' + ("\n" + ",\n".join(inner) + "\n      }" if inner else "}"))
            lines += [f"    {json.dumps(name)}: {{", ",\n".join(body), "    },"]
        lines[-1] = "    }"
        return "\n".join([*lines, "  }", "}"]) + "\n"


@cache
def recorded() -> Library:
    """The record that comes with Segcore."""
    held = json.loads(RECORD.read_text(encoding="utf-8"))
    transforms = {
        name: LibraryTransform(
            **{key: _tuples(value) for key, value in each.items() if key != "parameters"},
            parameters={
                key: LibraryParameter(**{k: _tuples(v) for k, v in one.items()})
                for key, one in each["parameters"].items()
            },
        )
        for name, each in held["transforms"].items()
    }
    return Library(held["albumentations"], transforms)


def _line(parameter: LibraryParameter) -> str:
    silent = {each.name: each.default for each in fields(LibraryParameter) if each.name not in ("kind", "default")}
    held = {key: value for key, value in asdict(parameter).items() if key not in silent or value != silent[key]}
    if parameter.required:
        del held["default"]
    return json.dumps(held)


def _tuples(value: Any) -> Any:  # noqa: ANN401 - anything of JSON
    """Lists as tuples, which is what the library is given."""
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
