"""Regroups, renames or ignores classes as the lines `from,to` of a user's CSV say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segcore.data.class_lists.class_list import at
from segcore.data.class_lists.columns import CHANNELS, COLORS, Table, is_color, parse_color
from segcore.data.class_lists.text_tables import content_lines, find_header, is_comment, split_line, table_of
from segcore.data.file_source import decode_text
from segcore.errors import LabelError, nearest
from segcore.labels import Color, LabelMap, plain_name
from segcore.paths import local_path
from segcore.reading import read_bytes

REST = "*"
_FROM = ("from", "source", "old", "original")
_TO = ("to", "target", "new")
_EXPECTED = "expected 'from,to': a class and the class it becomes, or 'ignore'"


@dataclass(frozen=True)
class _Line:
    """One line of a map; `to` is None for a class that is ignored."""

    source: str
    to: str | None
    color: Color | None
    number: int


def apply_map(labels: LabelMap, path: str | Path) -> LabelMap:
    """The labels that a map makes of a dataset's own.

    Classes come in the order in which the map first names them, then those that it does not mention, as they were.
    Each has the colour given in a third column, or else that of the first class that becomes it.

    Args:
        labels: The dataset's classes, none ignored.
        path: A CSV of lines `from,to` or `from,to,colour`; `to` is empty or `ignore` for a class that is not scored;
            `*` stands for all classes that have no line.

    Raises:
        LabelError: naming file, line and the nearest class, when it can't be read, names a class that does not exist,
            or one twice, or leaves no class to score.
    """
    file = local_path(path, LabelError).absolute()
    try:
        text = decode_text(read_bytes(file), str(file))
    except OSError as error:
        raise LabelError(f"{file}: can't be read ({error.strerror or error}). Give --map a CSV; {_EXPECTED}.") from None
    return _applied(labels, _expanded(labels, _lines(text, str(file)), str(file)), str(file))


def _lines(text: str, where: str) -> list[_Line]:
    lines, stated = content_lines(text, where)
    header = find_header(lines, stated, _FROM)
    if header:
        return _with_header(table_of(lines, *header, where), where)
    parsed = []
    for number, line in lines:
        if is_comment(line):
            continue
        cells = next((cells for d in ((stated,) if stated else "\t;,") if len(cells := split_line(line, d)) > 1), [])
        colored = len(cells) in (3, 5) and is_color(",".join(cells[2:]))
        if len(cells) != 2 and not colored:
            raise LabelError(f"{at(where, number)}: {line.strip()!r}; {_EXPECTED}.")
        color = parse_color(",".join(cells[2:]), at(where, number), line) if colored else None
        parsed.append(_line(cells[0], cells[1], color, number, where))
    return parsed


def _with_header(table: Table, where: str) -> list[_Line]:
    keys = [plain_name(header) for header in table.headers]
    source = next(place for place, key in enumerate(keys) if key in _FROM)
    to = next((place for place, key in enumerate(keys) if key in _TO), None)
    if to is None:
        raise LabelError(f"{where}: no column 'to' among {', '.join(map(repr, table.headers))}; {_EXPECTED}.")
    channels = [place for place, key in enumerate(keys) if key in (*COLORS, *CHANNELS)]
    parsed = []
    for cells, number, shown in zip(table.rows, table.lines, table.shown, strict=True):
        text = ",".join(cells[place] for place in channels if cells[place])
        color = parse_color(text, at(where, number), shown) if text else None
        parsed.append(_line(cells[source], cells[to], color, number, where))
    return parsed


def _line(source: str, to: str, color: Color | None, number: int, where: str) -> _Line:
    if not source:
        raise LabelError(f"{at(where, number)}: no class before {to!r}; {_EXPECTED}.")
    return _Line(source, None if not to or plain_name(to) == "ignore" else to, color, number)


def _expanded(labels: LabelMap, lines: Sequence[_Line], where: str) -> list[_Line]:
    """A line for each class of `labels`, by its own name, in the order of the map."""
    rest = [line for line in lines if line.source == REST]
    if len(rest) > 1:
        raise LabelError(f"{at(where, rest[1].number)}: '*' is already on line {rest[0].number}.")
    named: dict[str, _Line] = {}
    for line in lines:
        if line.source == REST:
            continue
        name = _known(labels, line, where)
        if name in named:
            raise LabelError(f"{at(where, line.number)}: class {name!r} is already on line {named[name].number}.")
        named[name] = line
    others = [name for name in labels.names if name not in named]
    expanded: list[_Line] = []
    for line in lines:
        if line.source == REST:
            expanded += [_Line(name, line.to, line.color, line.number) for name in others]
        else:
            expanded.append(_Line(_known(labels, line, where), line.to, line.color, line.number))
    return expanded if rest else expanded + [_Line(name, name, None, 0) for name in others]


def _known(labels: LabelMap, line: _Line, where: str) -> str:
    """A class's own name, found across spellings."""
    if line.source in labels.names:
        return line.source
    alike = [name for name in labels.names if plain_name(name) == plain_name(line.source)]
    if len(alike) == 1:
        return alike[0]
    raise LabelError(
        f"{at(where, line.number)}: No class {line.source!r} in this data.{nearest(line.source, labels.names)} "
        f"It has {', '.join(labels.names)}."
    )


def _applied(labels: LabelMap, lines: Sequence[_Line], where: str) -> LabelMap:
    own = dict(labels.entries)
    spelled: dict[str, str] = {}  # plain name -> the first spelling
    names: dict[str, Color] = {}
    merged: list[tuple[str, str]] = []
    colors: dict[Color, _Line] = {}
    for line in lines:
        if line.to is None:
            continue
        name = spelled.setdefault(plain_name(line.to), line.to)
        if name not in names:
            given = [other.color for other in lines if other.to and plain_name(other.to) == plain_name(name)]
            names[name] = next((color for color in given if color), own[line.source])
            if names[name] in colors:
                raise LabelError(
                    f"{at(where, line.number)}: class {name!r} has the colour {names[name]} of "
                    f"{colors[names[name]].to!r}. Give one of them another in a third column."
                )
            colors[names[name]] = line
        if name != line.source:
            merged.append((line.source, name))
    if not names:
        raise LabelError(f"{where}: every class is ignored, and none is left to score. Keep one.")
    ignored: list[tuple[str, Color]] = []
    for line in lines:
        if line.to is None:
            name = f"{line.source} (ignored)" if line.source in names else line.source
            ignored.append((name, _free(own[line.source], {*colors, *(color for _, color in ignored)})))
            if name != line.source:
                merged.append((line.source, name))
    return LabelMap(f"{labels.name}+map", tuple(names), tuple(names.values()), tuple(ignored), tuple(merged))


def _free(color: Color, taken: set[Color]) -> Color:
    """A colour that no class has, as near as possible: the colour of an ignored class is only seen."""
    return next(near for blue in range(256) if (near := (color[0], color[1], (color[2] + blue) % 256)) not in taken)
