"""Reads schemas, signatures and docstrings of the installed albumentations and writes `library_schema.json`.

Run it with `python tools/build_library_schema.py`. The catalog is built from that file; a test compares it with the
installed library, so that drift shows.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from segcore.augment.library_schema import SCHEMA_FILE, LibraryParameter, LibrarySchema, LibraryTransform

_BASES = ("BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D")


def read_installed() -> LibrarySchema:
    """Read the schema of the installed albumentations, which this imports."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations
    import albumentations.pytorch

    transforms = {
        name: _transform(member)
        for name, member in (vars(albumentations) | vars(albumentations.pytorch)).items()
        if inspect.isclass(member) and issubclass(member, albumentations.BasicTransform) and name not in _BASES
    }
    return LibrarySchema(albumentations.__version__, transforms)


def schema_text(schema: LibrarySchema) -> str:
    """A schema as JSON: sorted, one parameter a line, default fields left out."""
    lines = ["{", f'  "albumentations": {json.dumps(schema.version)},', '  "transforms": {']
    for name, transform in sorted(schema.transforms.items()):
        head = {
            "summary": transform.summary,
            "targets": transform.targets,
            "p": transform.p,
            "checks": transform.checks,
        }
        inner = [f"        {json.dumps(key)}: {_line(parameter)}" for key, parameter in transform.parameters.items()]
        body = [f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items() if value != ()]
        body.append('      "parameters": {' + ("\n" + ",\n".join(inner) + "\n      }" if inner else "}"))
        lines += [f"    {json.dumps(name)}: {{", ",\n".join(body), "    },"]
    lines[-1] = "    }"
    return "\n".join([*lines, "  }", "}"]) + "\n"


def _line(parameter: LibraryParameter) -> str:
    defaults = {
        entry.name: entry.default for entry in fields(LibraryParameter) if entry.name not in ("kind", "default")
    }
    stored = {key: value for key, value in asdict(parameter).items() if key not in defaults or value != defaults[key]}
    if parameter.required:
        del stored["default"]
    return json.dumps(stored)


def _transform(transform: Any) -> LibraryTransform:  # noqa: ANN401 - an untyped library
    schema = getattr(transform, "InitSchema", None)
    targets = transform._targets if isinstance(transform._targets, tuple) else (transform._targets,)
    helps = dict(_documented_arguments(transform))
    given = inspect.signature(transform.__init__).parameters
    checks: tuple[str, ...] = ()
    if schema is not None:
        decorators = schema.__pydantic_decorators__
        checks = tuple(sorted({*decorators.model_validators, *decorators.field_validators}))
    return LibraryTransform(
        summary=_first_sentence(inspect.getdoc(transform) or ""),
        targets=tuple(target.name.lower() for target in targets),
        p=given["p"].default,
        checks=checks,
        parameters={
            name: _parameter(argument, schema.model_fields.get(name) if schema else None, helps.get(name, ""))
            for name, argument in given.items()
            if name not in ("self", "p")
        },
    )


def _parameter(signed: inspect.Parameter, schema: Any, help: str) -> LibraryParameter:  # noqa: ANN401 - pydantic's field
    required = signed.default is inspect.Parameter.empty
    default = None if required else _default(signed.default)
    if schema is None:
        return LibraryParameter(kind="unknown", required=required, default=default, help=help)
    types_, rules, null = _unfold_annotation(schema.annotation, list(schema.metadata))
    kind, whole, options = _kind(types_)
    low, high, above = _bounds(rules)
    names = {getattr(rule.func, "__name__", "") for rule in rules if hasattr(rule, "func")}
    ordered = "nondecreasing" in names or any(name.startswith(("convert_to_", "process_")) for name in names)
    if kind == "range" and whole and len(types_) == 1 and not ordered and low is not None and high is None:
        kind = "pair"  # two sizes, of which the second may be the smaller one
    return LibraryParameter(
        kind=kind,
        whole=whole or "float2int" in names,
        low=low,
        high=high,
        above=above,
        options=options,
        null=null or (default is None and not required),
        required=required,
        default=default,
        help=help,
    )


def _unfold_annotation(annotation: Any, rules: list[Any]) -> tuple[list[Any], list[Any], bool]:  # noqa: ANN401 - a type
    """Split an annotation into (alternatives, pydantic's checks, whether None is allowed)."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        return _unfold_annotation(inner, [*more, *rules])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        unfolded: list[Any] = []
        null = False
        for member in typing.get_args(annotation):
            if member is type(None):
                null = True
                continue
            alternatives, rules, deeper = _unfold_annotation(member, rules)
            unfolded, null = [*unfolded, *alternatives], null or deeper
        return unfolded, rules, null
    return [annotation], rules, False


def _kind(alternatives: list[Any]) -> tuple[str, bool, tuple[Any, ...]]:
    """Classify alternatives as (kind, whether numbers are whole, options)."""
    tuples = [typing.get_args(alternative) for alternative in alternatives if typing.get_origin(alternative) is tuple]
    literals = [
        typing.get_args(alternative) for alternative in alternatives if typing.get_origin(alternative) is typing.Literal
    ]
    plain = [alternative for alternative in alternatives if alternative in (int, float, bool, str)]
    if len(alternatives) == 1 and literals:
        return (
            "choice",
            False,
            tuple(sorted((alternative for alternative in literals[0] if alternative is not None), key=str)),
        )
    if alternatives == [bool]:
        return "flag", False, ()
    if alternatives in ([int], [float]):
        return "number", alternatives == [int], ()
    pairs = [alternative for alternative in tuples if alternative in ((int, int), (float, float))]
    if pairs and any(typing.get_origin(alternative) is dict for alternative in alternatives):
        return "axes", False, ()
    if pairs and len(tuples) == len(pairs) and len(alternatives) == len(tuples) + len(plain):
        return "range", all(alternative == (int, int) for alternative in pairs), ()
    if alternatives == [tuple[float, float, float, float]]:
        return "region", False, ()
    if alternatives in ([tuple[int, int, int]], [tuple[int, ...]]):
        return "color", True, ()
    return " | ".join(sorted(_type_name(alternative) for alternative in alternatives)), False, ()


def _bounds(rules: list[Any]) -> tuple[float | None, float | None, bool]:
    """(low, high, whether low is excluded): the narrowest of all rules."""
    low: float | None = None
    high: float | None = None
    above = False
    for rule in rules:
        for name in ("ge", "gt"):
            if (bound := getattr(rule, name, None)) is not None:
                low, above = bound, name == "gt"
        if (bound := getattr(rule, "le", None)) is not None:
            high = bound
        function: Any = getattr(rule, "func", None)
        name = getattr(function, "__qualname__", "")
        if name == "check_range_bounds.<locals>.validator":
            held = inspect.getclosurevars(function).nonlocals
            low, high, above = held["min_val"], held["max_val"], not held["min_inclusive"]
        elif name in ("process_non_negative_range", "convert_to_0plus_range"):
            low = max(0, low or 0)
    return low, high, above


def _default(value: Any) -> Any:  # noqa: ANN401 - any default of the library
    """Convert a default to a JSON value; a function becomes its name."""
    if isinstance(value, tuple | list):
        return tuple(_default(item) for item in value)
    if isinstance(value, dict):
        return {key: _default(item) for key, item in value.items()}
    return value if isinstance(value, bool | int | float | str) or value is None else _type_name(value)


def _type_name(annotation: Any) -> str:  # noqa: ANN401 - a type
    if annotation in (int, float, bool, str) or (callable(annotation) and hasattr(annotation, "__qualname__")):
        name = str(annotation.__qualname__)
        if not typing.get_args(annotation):
            return name
    return re.sub(r"\b(?:typing|numpy|collections\.abc|pathlib)\.", "", str(annotation))


def _documented_arguments(transform: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - an untyped library
    """Yield (parameter, first sentence about it) from the `Args` of a docstring."""
    text = inspect.getdoc(transform) or ""
    if "Args:" not in text:
        return
    block = re.split(r"\n\S", text.split("Args:", 1)[1], maxsplit=1)[0]
    for entry in re.split(r"\n {1,4}(?=\w+\s*\()", "\n" + block.lstrip("\n")):
        match = re.match(r"\s*(\w+)\s*\(.*?\):\s*(.*)", entry, re.DOTALL)
        if match:
            yield match[1], _first_sentence(match[2])


def _first_sentence(text: str) -> str:
    """The first sentence of a documentation text, on one line, without markup."""
    paragraph = re.split(r"\n\s*(?:[-*] |\n)", text.strip() + "\n\n")[0]
    line = " ".join(paragraph.split()).replace("``", "").replace("`", "")
    first = re.split(r"(?<=[a-z0-9)\]]{2})\. (?=[A-Z0-9])", line)[0]
    return first.rstrip(" .:") + "." if first else ""


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(read_installed()), encoding="utf-8")
