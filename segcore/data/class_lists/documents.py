"""Reads class lists in JSON and YAML, whatever their form, as a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from segcore.data.class_lists.class_list import Row
from segcore.data.class_lists.columns import IDS, NAMES, Table, is_color, is_number, rows_of
from segcore.errors import LabelError
from segcore.labels import plain_name
from segcore.reading import YamlError, compose_yaml, parse_json

KEYS = ("classes", "labels", "names", "id2label", "label2id", "categories")  # where a document keeps its classes
EXPECTED = 'expected [{"name": "road", "color": [128, 64, 128]}, ...], ["road", ...] or {"road": [128, 64, 128]}'


def read_json(text: str, where: str) -> list[Row]:
    """The classes of a JSON document.

    Raises:
        LabelError: naming the file, when it is no JSON, repeats a key, or lists no classes.
    """
    return rows_of_document(load_json(text, where), where)


def load_json(text: str, where: str) -> Any:  # noqa: ANN401 - any document
    """A JSON document; a key that is there twice is refused.

    Raises:
        LabelError: naming the file and the place.
    """
    try:
        return parse_json(text, lambda pairs: _unique(pairs, where))
    except json.JSONDecodeError as error:
        raise LabelError(f"{where}:{error.lineno}: no valid JSON ({error.msg}); {EXPECTED}.") from None
    except ValueError as error:
        raise LabelError(f"{where}: no valid JSON ({error}); {EXPECTED}.") from None


def read_yaml(text: str, where: str) -> list[Row]:
    """The classes of a YAML document, such as YOLO's data.yaml.

    Raises:
        LabelError: naming the file, when it is no YAML, repeats a key, lists no classes, or `nc` is another number.
    """
    try:
        node = compose_yaml(text)
    except YamlError as error:
        raise LabelError(f"{where}{f':{error.line}' if error.line else ''}: no valid YAML; {EXPECTED}.") from None
    content = _plain(node, where)
    rows = rows_of_document(content, where)
    if isinstance(content, dict) and is_number(str(content.get("nc", ""))) and float(content["nc"]) != len(rows):
        raise LabelError(f"{where}: nc is {content['nc']}, but {len(rows)} classes are named. Correct one of them.")
    return rows


def _plain(node: yaml.Node | None, where: str) -> Any:  # noqa: ANN401 - any document
    """A YAML node with every scalar as text: `no` and `1` are names as well."""
    if isinstance(node, yaml.MappingNode):
        return _unique([(_plain(key, where), _plain(value, where)) for key, value in node.value], where)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, where) for value in node.value]
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _unique(pairs: Sequence[tuple[Any, Any]], where: str) -> dict[str, Any]:
    unique: dict[str, Any] = {}
    for key, value in pairs:
        if str(key) in unique:
            raise LabelError(f"{where}: {str(key)!r} is there twice. Every class needs its own.")
        unique[str(key)] = value
    return unique


def rows_of_document(content: object, where: str) -> list[Row]:
    """The classes of a parsed document.

    Raises:
        LabelError: naming the file, when it lists no classes.
    """
    palette: object = None
    if isinstance(content, dict):
        palette = content.get("palette")
        inner = next((content[key] for key in KEYS if isinstance(content.get(key), list | dict)), None)
        content = content if inner is None else inner
    if isinstance(content, dict):
        content = [_entry(str(key), value, content, where) for key, value in content.items()]
    if not isinstance(content, list):
        raise LabelError(f"{where}: {EXPECTED}.")
    entries = [{"name": entry} if isinstance(entry, str) else entry for entry in content]
    for entry in entries:
        if not isinstance(entry, dict) or not any(isinstance(entry.get(key), str) for key in _name_keys(entry)):
            raise LabelError(f"{where}: {entry!r}; {EXPECTED}.")
    if isinstance(palette, list) and len(palette) == len(entries):
        entries = [{**entry, "color": color} for entry, color in zip(entries, palette, strict=True)]
    return rows_of(_table(_readable(entries)), where)


def _entry(key: str, value: object, content: Mapping[str, object], where: str) -> dict[str, Any]:
    """One item of a mapping as an entry with a name."""
    if isinstance(value, dict):
        named = bool(_name_keys(value))
        return {**value, "id": key} if named and is_number(key) else value if named else {"name": key, **value}
    if isinstance(value, list):
        return {"name": key, "color": value}
    text = "" if value is None else str(value)
    if all(map(is_number, content)) and isinstance(value, str):
        return {"id": key, "name": text}
    if is_number(text) or text == "-1":
        return {"name": key, "id": text}
    if is_color(text):
        return {"name": key, "color": text}
    if is_color(key) and isinstance(value, str):
        return {"name": text, "color": key}
    raise LabelError(f"{where}: {key!r}: {value!r}; {EXPECTED}.")


def _name_keys(entry: Mapping[str, object]) -> list[str]:
    return [key for key in entry if plain_name(key) in NAMES]


def _readable(entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Entries of Mapillary Vistas by their readable names, where each has one of its own."""
    readable = [entry.get("readable") for entry in entries]
    if not all(isinstance(name, str) for name in readable) or len(set(readable)) < len(entries):
        return entries
    return [{**entry, "name": name} for entry, name in zip(entries, readable, strict=True)]


def _table(entries: Sequence[Mapping[str, Any]]) -> Table:
    headers = tuple(dict.fromkeys(key for entry in entries for key in entry))
    rows = tuple(tuple(_cell(entry.get(header)) for header in headers) for entry in entries)
    return Table(headers, rows, (0,) * len(rows), tuple(map(str, entries)))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "[]"
    return str(value).strip()


def read_nnunet(text: str, where: str) -> list[Row]:
    """The labels of nnU-Net's dataset.json: name -> id, or id -> name in its first version.

    Raises:
        LabelError: also for regions, of which a pixel may have several.
    """
    content = load_json(text, where)
    labels = content.get("labels") if isinstance(content, dict) else None
    regions = [name for name, value in labels.items() if isinstance(value, list)] if isinstance(labels, dict) else []
    if regions:
        raise LabelError(
            f"{where}: {regions[0]!r} is a region of several labels; classes here have one id each. List the labels "
            "themselves in a file of your own: --classes FILE."
        )
    return rows_of_document(content, where)


def without_ids(read: Callable[[str, str], Any]) -> Callable[[str, str], list[Row]]:
    """A reader of documents whose ids are the tool's own and not those of its masks (Supervisely's meta.json)."""

    def rows(text: str, where: str) -> list[Row]:
        content = read(text, where)
        classes = content.get("classes") if isinstance(content, dict) else None
        if not isinstance(classes, list):
            raise LabelError(f"{where}: no list 'classes'; {EXPECTED}.")
        kept = [
            {key: value for key, value in entry.items() if plain_name(key) not in IDS}
            if isinstance(entry, dict)
            else entry
            for entry in classes
        ]
        return rows_of_document(kept, where)

    return rows
