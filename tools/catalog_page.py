"""Writes the catalog as Markdown: `python tools/catalog_page.py docs/augmentation.md`.

The command rewrites the text between the two marks; a test fails when the page and the catalog differ.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from segcore.augment.catalog import CATALOG, GROUPS, LEFT_OUT
from segcore.augment.catalog.builder import BORDER, FILL, HOLE_FILL, HOLE_MASK, INTERPOLATION
from segcore.augment.library_schema import recorded_schema
from segcore.augment.parameter_base import Bounded, Parameter
from segcore.augment.parameters import Choice, Flag, Nested
from segcore.augment.transform_spec import TransformSpec

BEGIN, END = "<!-- catalog: written by tools/catalog_page.py -->", "<!-- end of catalog -->"
_COMMON = (BORDER, FILL, INTERPOLATION, HOLE_MASK, HOLE_FILL)


def section() -> str:
    """Markdown of the transforms by group with their parameters, and of those left out."""
    lines = [
        "## The catalog",
        "",
        f"{len(CATALOG)} of the {len(CATALOG) + len(LEFT_OUT)} transforms of albumentations "
        f"{recorded_schema().version}. A parameter is written with its default, then what it may be; those in italics "
        "are folded away in the editor and left out of the file while they are at their default. Two numbers in "
        "brackets are a range, of which each picture draws one number.",
        "",
        "Of many transforms, and said once:",
        "",
        *(f"- {_described(parameter)}: {parameter.help}" for parameter in _COMMON),
    ]
    for group in GROUPS:
        specs = [spec for spec in CATALOG.values() if spec.group == group]
        lines += ["", f"### {group.capitalize()} ({len(specs)})", ""]
        lines += ["| Transform | What it does | Parameters |", "| --- | --- | --- |", *map(_row, specs)]
    lines += ["", f"## Left out, and why ({len(LEFT_OUT)})", "", "| Transform | Why |", "| --- | --- |"]
    reasons: dict[str, list[str]] = {}
    for name, reason in LEFT_OUT.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"| {', '.join(names)} | {reason} |" for reason, names in reasons.items()]
    lines += [
        "",
        "Parameters of the library that are not offered:",
        "",
        "| Parameter | Of | Why |",
        "| --- | --- | --- |",
    ]
    refused: dict[tuple[str, str], list[str]] = {}
    for spec in CATALOG.values():
        for parameter, reason in spec.refusals.items():
            why = reason.removeprefix("is not offered: ").removesuffix(" Leave it out.")
            refused.setdefault((parameter, why), []).append(spec.name)
    for (parameter, reason), names in refused.items():
        where = ", ".join(names) if len(names) < 5 else f"{len(names)} transforms"
        lines.append(f"| `{parameter}` | {where} | {reason} |")
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """Return the page with the text between the marks rewritten.

    Raises:
        ValueError: when the marks are not there.
    """
    before, _, rest = page.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"The page has no {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{section()}\n{END}{after}"


def _row(spec: TransformSpec) -> str:
    notes = "" if spec.default_p == 0.5 else f" p: {spec.default_p:g}."
    return f"| `{spec.name}` | {spec.summary}{notes} | {'; '.join(map(_in_row, spec.params)) or '–'} |"


def _described(parameter: Parameter) -> str:
    name = f"*`{parameter.name}`*" if parameter.advanced else f"`{parameter.name}`"
    if isinstance(parameter, Nested):
        kinds = (
            f"{option}: {', '.join(_described(inner_parameter) for inner_parameter in inner)}"
            for option, inner in parameter.variants.items()
        )
        return f"{name} of {parameter.by} ({'; '.join(kinds)})"
    return f"{name} {_plain(parameter)}{_allowed(parameter)}"


def _in_row(parameter: Parameter) -> str:
    common = any(
        parameter.name == shared.name and replace(parameter, advanced=shared.advanced) == shared for shared in _COMMON
    )
    return _described(parameter).split(" ", 1)[0] if common else _described(parameter)


def _plain(parameter: Parameter) -> str:
    value = parameter.start
    if value is None:
        return f"null, {getattr(parameter, 'none', '')}"
    if isinstance(value, tuple):
        return f"[{', '.join(f'{number:g}' for number in value if isinstance(number, int | float))}]"
    if isinstance(parameter, Flag):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _allowed(parameter: Parameter) -> str:
    if isinstance(parameter, Choice):
        return f" ({', '.join(option for option in parameter.options if option != parameter.default)})"
    if isinstance(parameter, Bounded):
        other = "or " if parameter.start is None else ""
        return f" ({other}{parameter.low:g} to {parameter.high:g}{f' {parameter.unit}' if parameter.unit else ''})"
    return ""


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
