"""Columns of a class list: which of them holds names, ids and colours, and what their cells say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segcore.data.class_lists.class_list import Row, at
from segcore.errors import LabelError
from segcore.labels import IGNORE_INDEX, Color, plain_name

# Headers as `plain_name` has them, the surest first.
NAMES = (
    *("name", "classname", "labelname", "class", "label", "title", "readable", "category", "categoryname"),
    *("names", "classes", "labels"),
)
IDS = (
    *("id", "value", "pixelvalue", "index", "idx", "classid", "labelid", "classindex", "pixel", "pixelid", "maskvalue"),
    *("labelvalue", "classvalue", "gray", "grey", "grayvalue", "greyvalue", "graylevel", "greylevel", "trainid"),
)
COLORS = ("color", "colour", "rgb", "hex", "colorrgb", "rgbcolor", "hexcolor", "colorhex", "rgbvalue", "rgbvalues")
CHANNELS: Mapping[str, int] = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2}
SCORED: Mapping[str, bool] = {"evaluate": True, "ignoreineval": False, "ignore": False}  # what a yes means
# Numbers that are no ids.
OTHERS = (
    *("count", "counts", "pixels", "pixelcount", "images", "weight", "ratio", "frequency", "area", "train", "val"),
    *("test", "stuff", "isthing", "instances", "hasinstances", "categoryid", "supercategory", "parent", "shape"),
)
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0", "")
_NUMBER = re.compile(r"(\d{1,18})(?:\.0*)?")
_HEX = re.compile(r"(?:#|0x)([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """Rows of cells under headers.

    Args:
        headers: As written.
        rows: Cells, as many as there are headers.
        lines: The 1-based line of each row; 0 where the file has no lines.
        shown: Each row as it is written, for messages.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    shown: tuple[str, ...]

    def column(self, place: int) -> tuple[str, ...]:
        """The cells of one column."""
        return tuple(row[place] for row in self.rows)


def is_number(text: str) -> bool:
    """Whether a cell is a whole number, as `128` or `128.0`."""
    return _NUMBER.fullmatch(text) is not None


def is_color(text: str) -> bool:
    """Whether a cell holds a whole colour: `#804080`, or three numbers.

    >>> is_color("#804080"), is_color("[128, 64, 128]"), is_color("128"), is_color("road")
    (True, True, False, False)
    """
    parts = _parts(text)
    return _HEX.fullmatch(text) is not None or (len(parts) in (3, 4) and all(map(is_number, parts)))


def rows_of(table: Table, where: str) -> list[Row]:
    """The classes of a table.

    Raises:
        LabelError: naming file and line, on a bad cell, or when it is not clear which column holds the ids.
    """
    keys = [plain_name(header) for header in table.headers]
    name = _name_column(table, keys)
    if name is None:
        raise LabelError(
            f"{where}: no column of names among {', '.join(map(repr, table.headers))}; expected name, class or label."
        )
    ids = _ids(table, keys, name, where)
    colors = _colors(table, keys, where)
    flags = [(place, SCORED[key]) for place, key in enumerate(keys) if key in SCORED]
    rows = []
    for index, (cells, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        scored = all(_flag(cells[place], meaning, at(where, line)) for place, meaning in flags)
        rows.append(Row(cells[name], colors[index], ids[index], line, scored))
    return rows


def _name_column(table: Table, keys: Sequence[str]) -> int | None:
    """The surest header of names, rather one whose cells are no numbers: `class,label` may be a name and an id."""
    places = sorted(
        (place for place, key in enumerate(keys) if key in NAMES), key=lambda place: NAMES.index(keys[place])
    )
    return next((place for place in places if not _numbers(table, place)), next(iter(places), None))


def _numbers(table: Table, place: int) -> bool:
    return all(map(is_number, table.column(place)))


def _ids(table: Table, keys: Sequence[str], name: int, where: str) -> list[int | None]:
    known = [
        place
        for place, key in enumerate(keys)
        if place != name and (key in IDS or (key in NAMES and _numbers(table, place)))
    ]
    values = {place: _id_column(table, place, where) for place in known}
    nothing: list[int | None] = [None] * len(table.rows)
    first = next(iter(values.values()), nothing)
    for place, other in values.items():
        if other != first:
            raise LabelError(
                f"{where}: the columns {table.headers[known[0]]!r} and {table.headers[place]!r} both number the "
                "classes, and differ. Keep the one whose numbers the masks hold."
            )
    taken = {*known, name}
    for place, key in enumerate(keys):
        loose = place not in taken and key not in (*OTHERS, *COLORS, *CHANNELS, *SCORED)
        if loose and _could_be_ids(table.column(place), first):
            raise LabelError(
                f"{where}: the column {table.headers[place]!r} may number the classes: it holds "
                f"{', '.join(table.column(place)[:3])} ... Call it id if masks hold these numbers, or remove it."
            )
    return first


def _could_be_ids(cells: Sequence[str], ids: Sequence[int | None]) -> bool:
    """Whether a column that nobody named could hold other ids than those that are taken."""
    if not cells or not all(map(is_number, cells)) or len(set(cells)) < len(cells):
        return False
    numbers = [int(float(cell)) for cell in cells]
    taken = [position if value is None else value for position, value in enumerate(ids)]
    return max(numbers) <= IGNORE_INDEX and numbers not in (taken, list(range(len(cells))))


def _id_column(table: Table, place: int, where: str) -> list[int | None]:
    return [
        parse_value(row[place], at(where, line), shown) if row[place] else None
        for row, line, shown in zip(table.rows, table.lines, table.shown, strict=True)
    ]


def _colors(table: Table, keys: Sequence[str], where: str) -> list[Color | None]:
    channels: dict[int, int] = {}
    for place, key in enumerate(keys):
        if key in CHANNELS:
            channels[CHANNELS[key]] = place
    whole = next((place for place, key in enumerate(keys) if key in COLORS), None)
    if len(channels) not in (0, 3):
        raise LabelError(f"{where}: columns of {len(channels)} of the three colour channels; expected r, g and b.")
    colors: list[Color | None] = []
    for row, line, shown in zip(table.rows, table.lines, table.shown, strict=True):
        cells = [row[channels[channel]] for channel in sorted(channels)] if channels else []
        if whole is not None and not channels and row[whole]:
            colors.append(parse_color(row[whole], at(where, line), shown))
        else:
            colors.append(color_of(cells, at(where, line), shown) if any(cells) else None)
    return colors


def _flag(cell: str, meaning: bool, place: str) -> bool:
    if cell.lower() not in (*_YES, *_NO):
        raise LabelError(f"{place}: {cell!r}; expected yes or no.")
    return (cell.lower() in _YES) == meaning if cell else True


def parse_value(text: str, place: str, shown: str) -> int:
    """A pixel value; -1 is 255, which is how 8 bits store it."""
    return IGNORE_INDEX if text == "-1" else parse_number(text, place, shown)


def parse_number(text: str, place: str, shown: str) -> int:
    """A whole number from 0 to 255, as `128` or `128.0`.

    Raises:
        LabelError: naming the place and the line.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or int(match[1]) > IGNORE_INDEX:
        raise LabelError(f"{place}: {text!r} in {shown.strip()!r}; expected a number from 0 to 255.")
    return int(match[1])


def parse_color(text: str, place: str, shown: str) -> Color:
    """A colour as `#804080`, or as three numbers with or without brackets.

    >>> parse_color("#804080", "x", "x") == parse_color("rgb(128, 64, 128)", "x", "x") == (128, 64, 128)
    True

    Raises:
        LabelError: naming the place and the line.
    """
    match = _HEX.fullmatch(text) or _HEX.fullmatch(f"#{text}" if len(text) == 6 else "")
    if match:
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    parts = _parts(text)
    if len(parts) == 4 and parts[3] == str(IGNORE_INDEX):  # opaque
        parts = parts[:3]
    return color_of(parts, place, shown)


def color_of(parts: Sequence[str], place: str, shown: str) -> Color:
    """A colour of three cells.

    Raises:
        LabelError: naming the place and the line.
    """
    if len(parts) != 3:
        raise LabelError(f"{place}: {shown.strip()!r}; expected three colour values, or #rrggbb.")
    red, green, blue = (parse_number(part, place, shown) for part in parts)
    return red, green, blue


def _parts(text: str) -> list[str]:
    bare = re.sub(r"^(?:rgba?)?\s*[\[({]|[\])}]$", "", text.strip(), flags=re.IGNORECASE)
    return [part for part in re.split(r"[\s,;/]+", bare) if part]
