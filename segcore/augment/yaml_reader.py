"""Reads a pipeline from YAML; errors name the line of the mistake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from segcore import reading
from segcore.augment.parameter_base import ParameterError
from segcore.augment.steps import GROUP_KINDS, MAX_DEPTH, Group, Node, Step
from segcore.errors import AugmentError, unknown
from segcore.paths import local_path

VERSION = 1
SAVED, _CODE = "__class_fullname__", "Compose("  # in files of albumentations, and in code
LARGEST = 50_000  # characters; a pipeline of 60 transforms has about 6,000


def read_text(text_or_path: str | Path) -> tuple[str, str]:
    """Return YAML text, given as text or as a file, and the prefix for its errors.

    Raises:
        AugmentError: when the file can't be read.
    """
    if isinstance(text_or_path, str) and ("\n" in text_or_path or ": " in text_or_path):
        return text_or_path, ""
    path = local_path(text_or_path, AugmentError)
    try:
        return reading.read_text(path), f"{path.name}, "
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise AugmentError(f"Can't read the pipeline {str(path)!r}: {reason}.") from None


def is_of_albumentations(text: str) -> bool:
    """Whether a text is no pipeline of Segcore's own, but one of albumentations or code that makes one."""
    return SAVED in text or _CODE in text


def read_nodes(text: str, where: str, *, numbered: bool = True) -> tuple[Node, ...]:
    """Parse the YAML text of a pipeline into its nodes.

    Args:
        text: YAML.
        where: Prefix of every error, e.g. `mine.yaml, `.
        numbered: Errors name the line; False for text that no user wrote.

    Raises:
        AugmentError: when it is no YAML or no pipeline, or a transform, key or value is wrong.
    """
    if len(text) > LARGEST:
        raise AugmentError(f"{where}{len(text)} characters; a pipeline has at most {LARGEST}. Is it another file?")
    try:
        node = reading.compose_yaml(text, PlainLoader)
    except reading.YamlError as error:
        line = f"line {error.line}: " if error.line and numbered else ""
        raise AugmentError(f"{where}{line}not YAML: {error.problem}.") from None
    root = _Located(node, where, numbered=numbered)
    fields = root.mapping("Not a pipeline: expected 'version' and 'transforms'")
    for key, located in fields.items():
        if key not in ("version", "transforms"):
            raise located.key_error(unknown("key of a pipeline", key, ("version", "transforms")))
    if "transforms" not in fields:
        raise root.error("Not a pipeline: it has no 'transforms'.")
    version = fields["version"].value if "version" in fields else VERSION
    if version != VERSION:
        raise fields["version"].error(f"Pipeline version {version!r}; this Segcore reads version {VERSION}.")
    return tuple(_node(item, MAX_DEPTH) for item in fields["transforms"].items())


class PlainLoader(yaml.SafeLoader):
    """A YAML loader that refuses aliases: a few nested ones expand a small file to a huge one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"*{event.anchor} stands for something else; write it out", event.start_mark
            )
        return super().compose_node(parent, index)


class _Located:
    """A YAML node with its line and, in a mapping, the line of its key."""

    def __init__(
        self, node: yaml.Node | None, where: str, *, numbered: bool = True, key: yaml.Node | None = None
    ) -> None:
        self.node, self.where, self.numbered, self.key = node, where, numbered, key

    def _at(self, node: yaml.Node, key: yaml.Node | None = None) -> _Located:
        return _Located(node, self.where, numbered=self.numbered, key=key)

    @property
    def value(self) -> Any:  # noqa: ANN401 - whatever stands in the file
        if self.node is None:
            return None
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(self.node, deep=True)
        except (yaml.YAMLError, *reading.SHAPE_ERRORS) as error:  # `2001-13-45` looks like a date
            raise self.error(f"not a plain value: {getattr(error, 'problem', None) or error}.") from None
        except RecursionError:
            raise self.error("not a plain value: nested too deep.") from None

    def error(self, text: str) -> AugmentError:
        return self._error(text, self.node)

    def key_error(self, text: str) -> AugmentError:
        return self._error(text, self.key or self.node)

    def _error(self, text: str, node: yaml.Node | None) -> AugmentError:
        line = f"line {node.start_mark.line + 1}: " if node and self.numbered else ""
        return AugmentError(f"{self.where}{line}{text}")

    def mapping(self, what: str) -> dict[str, _Located]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"{what}; got {_kind(self.node)}.")
        fields: dict[str, _Located] = {}
        for key, value in self.node.value:
            name = str(key.value)
            located = self._at(value, key)
            if name in fields:
                raise located.key_error(f"{name!r} stands here twice.")
            fields[name] = located
        return fields

    def items(self) -> Iterator[_Located]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"'transforms' must be a list of transforms; got {_kind(self.node)}.")
        return (self._at(item) for item in self.node.value)


def _kind(node: yaml.Node | None) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else repr(node.value)


def _node(item: _Located, levels: int) -> Node:
    if isinstance(item.node, yaml.ScalarNode):  # `- HorizontalFlip`: all defaults
        names: dict[str, _Located] = {str(item.node.value): item}
        settings = None
    else:
        names = item.mapping("A transform is written 'Name: {p: 0.5, ...}'")
        settings = next(iter(names.values()), None)
    if len(names) != 1:
        raise item.error(f"One transform per list item; got {', '.join(names) or 'none'}.")
    (name,) = names
    empty = settings is None or (isinstance(settings.node, yaml.ScalarNode) and settings.value is None)
    values = {} if empty or settings is None else settings.mapping(f"{name}: settings are written '{{p: 0.5, ...}}'")
    nodes: list[Node] = []
    if name in GROUP_KINDS and (inner := values.pop("transforms", None)) is not None:
        if not levels:
            raise inner.key_error(f"Groups more than {MAX_DEPTH} deep in one another.")
        nodes = [_node(member, levels - 1) for member in inner.items()]
    given = {key: located.value for key, located in values.items()}
    try:
        return _created(name, nodes, given)
    except AugmentError as error:
        at = values.get(error.name) if isinstance(error, ParameterError) else None
        raise (at.key_error(str(error)) if at else item.error(str(error))) from None


def _created(name: str, nodes: list[Node], given: dict[str, Any]) -> Node:
    p, enabled = given.pop("p", None), given.pop("enabled", True)
    if name not in GROUP_KINDS:
        return Step.create(name, p, enabled=enabled, **given)
    n = given.pop("n", None)
    if given:
        key = next(iter(given))
        known = ("p", "transforms", "enabled", *(("n",) if name == "SomeOf" else ()))
        raise ParameterError(key, f"{name} has no parameter {key!r}. It takes {', '.join(known)}.")
    return Group.create(name, nodes, p, n=n, enabled=enabled)
