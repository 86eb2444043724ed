"""Reads class lists that are lines of text: with or without a header, between commas, semicolons, tabs or blanks."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from segcore.data.class_lists.class_list import Row, at
from segcore.data.class_lists.columns import (
    CHANNELS,
    COLORS,
    IDS,
    NAMES,
    Table,
    color_of,
    is_color,
    is_number,
    parse_color,
    parse_value,
    rows_of,
)
from segcore.errors import LabelError
from segcore.labels import plain_name

Line = tuple[int, str]  # 1-based number, text
Fields = Mapping[str, Sequence[str]]  # name, color, id -> the cells that hold it
BLANK = ""  # the delimiter of cells between blanks
MOST_LINES = 10_000  # of a list; ADE20K has 3,000 classes
DELIMITERS = ("\t", ";", ",")
_HEADERS = {*NAMES, *IDS, *COLORS, *CHANNELS}
# What the cells of a line without a header mean, by their kinds: n number, c colour, t text.
_SHAPES: Mapping[str, tuple[str, ...]] = {
    "t": ("name",),
    "nnnt": ("color", "color", "color", "name"),
    "tnnn": ("name", "color", "color", "color"),
    "nnnnt": ("id", "color", "color", "color", "name"),
    "ntnnn": ("id", "name", "color", "color", "color"),
    "nt": ("id", "name"),
    "tn": ("name", "id"),
    "ct": ("color", "name"),
    "tc": ("name", "color"),
    "nct": ("id", "color", "name"),
    "ntc": ("id", "name", "color"),
}
_WORDS = {"color": "R G B", "id": "id", "name": "name"}


def read_table(text: str, where: str) -> list[Row]:
    """The classes of a list of lines.

    Raises:
        LabelError: naming file and line.
    """
    lines, delimiter = content_lines(text, where)
    header = find_header(lines, delimiter)
    if header:
        table = table_of(lines, *header, where)
        return rows_of(table, where)
    return _without_header([line for line in lines if not is_comment(line[1])], delimiter, where)


def content_lines(text: str, where: str) -> tuple[list[Line], str | None]:
    """(lines that are not blank, the delimiter that Excel's `sep=;` states).

    Raises:
        LabelError: when there are more than `MOST_LINES`.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip(" \t,;")]
    if len(lines) > MOST_LINES:
        raise LabelError(
            f"{where}: {len(lines):,} lines; a list of classes has at most {MOST_LINES:,}. Is it another file?"
        )
    stated = re.fullmatch(r"sep=(.)", lines[0][1].strip(), re.IGNORECASE) if lines else None
    return (lines[1:], stated[1]) if stated else (lines, None)


def is_comment(line: str) -> bool:
    """Whether a line is a remark: it begins with `#`, `%` or `//`, and is no colour."""
    bare = line.strip()
    return bare.startswith(("#", "%", "//")) and not re.match(r"#[0-9a-fA-F]{6}\b", bare)


def split_line(line: str, delimiter: str) -> list[str]:
    """The cells of one line, without quotes; an open quote does not swallow the lines after it."""
    if delimiter == BLANK:
        return line.split()
    try:
        cells = next(csv.reader([line.strip("\r\n ")], delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise LabelError(f"{line[:40]!r}...: no line of a list ({error}).") from None
    return [cell.strip() for cell in cells]


def find_header(
    lines: Sequence[Line], stated: str | None = None, required: Sequence[str] = NAMES
) -> tuple[int, str, list[str]] | None:
    """(place among the lines, delimiter, headers) of a header: the first line, or a remark before the first class.

    Args:
        lines: Lines that are not blank.
        stated: The delimiter, where it is known.
        required: Headers of which there must be one, as `plain_name` has them.
    """
    for place, (_, line) in enumerate(lines):
        remark = is_comment(line)
        bare = re.sub(r"^\s*(#+|%+|//)\s*", "", line) if remark else line
        for delimiter in (stated,) if stated else (*DELIMITERS, BLANK):
            headers = split_line(bare, delimiter)
            keys = [plain_name(header) for header in headers]
            if len(keys) == 1 and (remark or delimiter not in (stated, BLANK)):
                continue
            known = all(key in _HEADERS for key in keys) or not (remark or delimiter == BLANK)
            if known and any(key in required for key in keys) and not any(map(is_number, headers)):
                return place, delimiter, headers
        if not remark:
            return None
    return None


def table_of(lines: Sequence[Line], place: int, delimiter: str, headers: Sequence[str], where: str) -> Table:
    """The table below a header.

    Raises:
        LabelError: on a line with another number of cells.
    """
    while headers and not headers[-1]:
        headers = headers[:-1]
    below = [line for line in lines[place + 1 :] if not is_comment(line[1])]
    rows = []
    for number, line in below:
        cells = _joined(line.split()) if delimiter == BLANK else split_line(line, delimiter)
        if len(headers) == 1:
            cells = _single(line, where, number)
        while len(cells) > len(headers) and not cells[-1]:
            cells.pop()
        if len(cells) != len(headers):
            expected = (delimiter or " ").join(headers)
            raise LabelError(f"{at(where, number)}: {line.strip()!r}; expected {expected!r}.")
        rows.append(tuple(cells))
    numbers, shown = tuple(number for number, _ in below), tuple(line for _, line in below)
    return Table(tuple(headers), tuple(rows), numbers, shown)


def _single(line: str, where: str, number: int) -> list[str]:
    """The one cell of a line, which may hold commas but no further numbers."""
    for delimiter in DELIMITERS:
        cells = [cell for cell in split_line(line, delimiter) if cell]
        if len(cells) == 1:
            continue
        if any(is_number(cell) or is_color(cell) for cell in cells):
            raise LabelError(f"{at(where, number)}: {line.strip()!r}; expected a name alone, as the header says.")
    return [split_line(line, ",")[0]] if line.strip().startswith('"') else [line.strip()]


def _without_header(lines: Sequence[Line], stated: str | None, where: str) -> list[Row]:
    parsed = [_fields(line, stated) for _, line in lines]
    for (number, line), fields in zip(lines, parsed, strict=True):
        if fields is None:
            expected = _expected(next((fields for fields in parsed if fields), None))
            raise LabelError(f"{at(where, number)}: {line.strip()!r}; expected {expected}.")
    clear = [fields for fields in parsed if fields]
    if clear and _names_alone(clear):
        clear = [{"name": (_plain_line(line),)} for _, line in lines]
    rows = []
    for (number, line), fields in zip(lines, clear, strict=True):
        place = at(where, number)
        if fields.keys() != clear[0].keys():
            raise LabelError(f"{place}: {line.strip()!r}; expected {_expected(clear[0])}, as the lines before.")
        cells, ids = fields.get("color", ()), fields.get("id", ())
        color = (
            color_of(cells, place, line) if len(cells) > 1 else parse_color(cells[0], place, line) if cells else None
        )
        value = parse_value(ids[0], place, line) if ids else None
        rows.append(Row(" ".join(fields["name"]), color, value, number))
    if len(rows) == 1 and re.search(r"[,;\t]", rows[0].name):
        raise LabelError(f"{at(where, rows[0].line)}: {rows[0].name!r}: one class, or several? Write one class a line.")
    return rows


def _names_alone(lines: Sequence[Fields]) -> bool:
    """Whether lines such as `Lane 1` are names: some are without a number, or the names without it would repeat."""
    kinds = {frozenset(fields) for fields in lines}
    if kinds - {frozenset({"name"}), frozenset({"name", "id"})}:
        return False
    names = [" ".join(fields["name"]) for fields in lines]
    return "id" not in lines[0] or len(set(names)) < len(names)


def _plain_line(line: str) -> str:
    bare = line.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'"
    return bare[1:-1] if quoted else bare


def _fields(line: str, stated: str | None) -> Fields | None:
    """The cells of a line without a header, by what they hold; None when it is not clear."""
    numbers = False  # between delimiters, so that the line is no name with a comma in it
    for delimiter in (stated,) if stated else (*DELIMITERS, BLANK):
        cells = split_line(line, delimiter)
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        if delimiter == BLANK:
            cells = _joined(cells)
        elif len(cells) == 1:
            continue
        kinds = "".join("n" if is_number(cell) else "c" if is_color(cell) else "t" for cell in cells)
        shape = ("name",) if len(cells) == 1 else _SHAPES.get(kinds)
        numbers |= len(cells) > 1 and kinds != "t" * len(kinds)
        if shape and not (numbers and shape == ("name",)):
            fields: dict[str, list[str]] = {}
            for what, cell in zip(shape, cells, strict=True):
                fields.setdefault(what, []).append(cell)
            return fields
    return None


def _joined(words: Sequence[str]) -> list[str]:
    """Words with those of a name in one; `0: sky` is an id and a name."""
    if len(words) > 1 and is_number(words[0].removesuffix(":")):
        words = [words[0].removesuffix(":"), *words[1:]]
    cells: list[str] = []
    in_name = False
    for word in words:
        plain = is_number(word) or is_color(word)
        if in_name and not plain:
            cells[-1] += f" {word}"
        else:
            cells.append(word)
        in_name = not plain
    return cells


def _expected(fields: Fields | None) -> str:
    if fields is None:
        return "'R G B name', 'id name' or a name"
    return repr(" ".join(_WORDS[what] for what in fields))
