"""Reads lists of classes: label_colors.txt, classes.csv, classes.json, codes.txt."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from segcore.data.file_source import Listing
from segcore.errors import LabelError
from segcore.labels import CAMVID32, MAX_CLASSES, Color, LabelMap, auto_palette

CLASS_FILES = ("label_colors.txt", "classes.csv", "classes.json", "class_dict.csv")
VOID_NAMES = ("void", "unlabeled", "unlabelled", "ignore", "ignored")  # `background` is a real class for many


@dataclass(frozen=True)
class ClassList:
    """The classes that a dataset's masks are written in.

    Args:
        labels: All classes, none of them ignored.
        values: The pixel value of each class in an id mask.
        colored: Whether the list gives colours, so that a mask may hold colours.
    """

    labels: LabelMap
    values: tuple[int, ...]
    colored: bool = True

    @classmethod
    def of(cls, labels: LabelMap, *, colored: bool = True) -> ClassList:
        """Classes whose pixel value is their position in `labels`; ignored ones come last."""
        counted = labels.with_ignored(())
        return cls(counted, tuple(range(counted.classes)), colored)


@dataclass(frozen=True)
class _Row:
    name: str
    color: Color | None
    value: int | None
    line: int  # 1-based, 0 when the file has no lines


CAMVID32_CLASSES = ClassList.of(CAMVID32)


def is_void(name: str) -> bool:
    """Whether a class means "not labelled".

    >>> is_void("Unlabeled"), is_void("background")
    (True, False)
    """
    return name.lower() in VOID_NAMES


def read_classes(listing: Listing, file: str, name: str) -> ClassList:
    """Read a list of classes; its suffix tells the form: `.txt` (`R G B name`), `.csv`, `.json`.

    Args:
        listing: The dataset's folder.
        file: The list's path in it.
        name: Short name of the label map.

    Raises:
        LabelError: naming file and line, on a bad line, a repeated name, colour or id.
    """
    where = listing.where(file)
    text = listing.text(file)
    parse: Callable[[str, str], list[_Row]] = {"csv": _from_csv, "json": _from_json}.get(
        file.rsplit(".", 1)[-1].lower(), _from_label_colors
    )
    return _class_list(parse(text, where), where, name)


def find_class_list(listing: Listing) -> str | None:
    """The file beside the data that lists its classes; None where there is none."""
    return next((file for file in CLASS_FILES if file in listing.files), None)


def read_codes(listing: Listing, file: str, name: str) -> ClassList:
    """Read fast.ai's codes.txt: one class name a line, its id is the line; CamVid's colours if all names are CamVid's.

    Raises:
        LabelError: naming file and line of a repeated name, or when there are no names.
    """
    known = {entry.lower(): color for entry, color in CAMVID32.entries}
    lines = enumerate(listing.text(file).splitlines(), 1)
    names = [(number, line.strip()) for number, line in lines if line.strip()]
    all_known = all(entry.lower() in known for _, entry in names)
    rows = [_Row(entry, known[entry.lower()] if all_known else None, None, line) for line, entry in names]
    return _class_list(rows, listing.where(file), name)


def _from_label_colors(text: str, where: str) -> list[_Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(maxsplit=3)
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 4:
            raise LabelError(f"{where}:{number}: {line.strip()!r}; expected 'R G B name'.")
        color = _parse_color(words[:3], where, number, line)
        rows.append(_Row(words[3].strip(), color, None, number))
    return rows


def _from_csv(text: str, where: str) -> list[_Row]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    # Line by line: an open quote must not swallow the lines after it.
    cells = [[cell.strip() for cell in next(csv.reader([line]))] for _, line in lines]
    columns = ["name", "r", "g", "b"]
    header = [cell.lower() for cell in cells[0]] if cells else []
    if "name" in header:
        columns = [{"red": "r", "green": "g", "blue": "b", "value": "id"}.get(cell, cell) for cell in header]
        lines, cells = lines[1:], cells[1:]
    colored = {"r", "g", "b"} <= set(columns)
    rows = []
    for (number, line), row in zip(lines, cells, strict=True):
        if len(row) != len(columns):
            raise LabelError(f"{where}:{number}: {line.strip()!r}; expected '{','.join(columns)}'.")
        values = dict(zip(columns, row, strict=True))
        color = _parse_color([values["r"], values["g"], values["b"]], where, number, line) if colored else None
        value = _parse_number(values["id"], 255, where, number, line) if "id" in values else None
        rows.append(_Row(values["name"], color, value, number))
    return rows


def _from_json(text: str, where: str) -> list[_Row]:
    expected = 'expected [{"name": "road", "color": [128, 64, 128]}, ...], ["road", ...] or {"road": [128, 64, 128]}'
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise LabelError(f"{where}:{error.lineno}: no valid JSON ({error.msg}); {expected}.") from None
    if isinstance(content, dict) and isinstance(content.get("classes"), list):
        content = content["classes"]
    if isinstance(content, dict):
        content = [{"name": name, "color": color} for name, color in content.items()]
    if not isinstance(content, list):
        raise LabelError(f"{where}: {expected}.")
    rows = []
    for entry in content:
        entry = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise LabelError(f"{where}: {entry!r}; {expected}.")
        color = entry.get("color")
        if color is not None and not isinstance(color, list):
            raise LabelError(f"{where}: {entry!r}; {expected}.")
        parsed = None if color is None else _parse_color([str(part) for part in color], where, 0, str(entry))
        value = None if entry.get("id") is None else _parse_number(str(entry["id"]), 255, where, 0, str(entry))
        rows.append(_Row(entry["name"], parsed, value, 0))
    return rows


def _parse_number(text: str, highest: int, where: str, number: int, line: str) -> int:
    if not text.isdecimal() or int(text) > highest:
        raise LabelError(f"{_at(where, number)}: {text!r} in {line.strip()!r}; expected a number from 0 to {highest}.")
    return int(text)


def _parse_color(words: list[str], where: str, number: int, line: str) -> Color:
    if len(words) != 3:
        raise LabelError(f"{_at(where, number)}: {line.strip()!r}; expected three colour values.")
    red, green, blue = (_parse_number(word, 255, where, number, line) for word in words)
    return red, green, blue


def _at(where: str, number: int) -> str:
    return f"{where}:{number}" if number else where


def _class_list(rows: list[_Row], where: str, name: str) -> ClassList:
    if not 1 <= len(rows) <= MAX_CLASSES:
        raise LabelError(f"{where}: {len(rows)} classes; expected 1 to {MAX_CLASSES}.")
    for what, values in (
        ("class {!r}", [row.name for row in rows]),
        ("colour {}", [row.color for row in rows]),
        ("id {}", [row.value for row in rows]),
    ):
        _refuse_repeats(what, values, rows, where)
    for what, given in (
        ("colour", [row.color is not None for row in rows]),
        ("id", [row.value is not None for row in rows]),
    ):
        if any(given) and not all(given):
            lacking = rows[given.index(False)]
            raise LabelError(f"{_at(where, lacking.line)}: class {lacking.name!r} has no {what}; the others have one.")
    colored = all(row.color is not None for row in rows)
    colors = tuple(row.color for row in rows if row.color is not None) if colored else auto_palette(len(rows))
    numbered = all(row.value is not None for row in rows)
    ids = tuple(row.value for row in rows if row.value is not None) if numbered else tuple(range(len(rows)))
    labels = LabelMap(name, tuple(row.name for row in rows), colors)
    if not numbered and set(labels.entries) == set(CAMVID32.entries):
        # The same 32 classes in any order are one label map, so that runs and fingerprints agree.
        return ClassList(
            CAMVID32.with_ignored(()), tuple(labels.index(entry) for entry, _ in CAMVID32.entries), colored
        )
    return ClassList(labels, ids, colored)


def _refuse_repeats(what: str, values: Iterable[object], rows: list[_Row], where: str) -> None:
    first: dict[object, _Row] = {}
    for value, row in zip(values, rows, strict=True):
        if value is None:
            continue
        if value in first:
            before = f"line {first[value].line}" if row.line else f"class {first[value].name!r}"
            raise LabelError(
                f"{_at(where, row.line)}: {what.format(value)} is already on {before}. Every class needs its own."
            )
        first[value] = row
