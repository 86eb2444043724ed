"""Reads pipelines that `albumentations.save` wrote, or that stand in Python code, which is parsed and never run.

Each transform is built in the library twice, as the file has it and as Segcore would apply it. What differs is an
error, or, where Segcore always has its own value (what a mask holds where nothing is known), a note.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from segcore.augment.catalog import CATALOG, LEFT_OUT
from segcore.augment.compiled_pipeline import albumentations_library
from segcore.augment.parameter_base import ParameterError
from segcore.augment.steps import GROUP_KINDS, Group, Node, Step
from segcore.augment.yaml_reader import LARGEST, SAVED, PlainLoader
from segcore.errors import AugmentError, number, one_line, unknown
from segcore.reading import parse_yaml

_DONE_BY_TRAINING = ("Normalize", "ToFloat", "FromFloat", "ToTensorV2", "NoOp")
_GROUPS = ("Compose", "Sequential", *GROUP_KINDS)
_CONSTANTS = ("BORDER_", "INTER_")  # names in cv2 that code may use


def read_albumentations(text: str, where: str) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Read what albumentations saved as JSON or YAML, or the one `Compose([...])` in Python code.

    Args:
        text: The file's content.
        where: Prefix of every error, e.g. `mine.json, `.

    Returns:
        The nodes of a pipeline, and notes on what is left out or different here, a sentence each.

    Raises:
        AugmentError: when it is neither, or holds what Segcore can't apply in the same way.
    """
    if len(text) > LARGEST:
        raise AugmentError(f"{where}{len(text)} characters; a pipeline has at most {LARGEST}. Is it another file?")
    whole = _saved(text, where) if SAVED in text else _coded(text, where)
    if whole.name != "Compose" or whole.p != 1:
        raise whole.error(f"expected a Compose with p=1, got {whole.name} with p={whole.p}.")
    reader = _Reader()
    boxes = [name for name in ("bbox_params", "keypoint_params") if whole.arguments.get(name)]
    if boxes:
        reader.notes.append(f"{' and '.join(boxes)} are left out: images and masks alone are augmented here.")
    nodes = tuple(reader.nodes(whole, grouped=False))
    return nodes, tuple(dict.fromkeys(reader.notes))


@dataclass
class _WrittenNode:
    """A transform or group as a file has it: keyword arguments, and the members of a group."""

    name: str
    p: float | None
    arguments: dict[str, Any]
    members: list[_WrittenNode]
    where: str

    def error(self, text: str) -> AugmentError:
        return AugmentError(f"{self.where}{text}")


class _Reader:
    """Turns what was written into nodes, and collects notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._library = albumentations_library()

    def nodes(self, written: _WrittenNode, *, grouped: bool) -> Iterator[Node]:
        """The members of a group; those of a `Sequential` that is always applied take its place."""
        for member in written.members:
            if member.name in ("Sequential", "Compose"):
                if grouped or member.p != 1:
                    raise member.error(f"{member.name} is read where it is always applied (p=1), outside of groups.")
                yield from self.nodes(member, grouped=False)
            elif member.name in GROUP_KINDS:
                yield self._group(member)
            elif member.name in _DONE_BY_TRAINING:
                self.notes.append(f"{member.name} is left out. {LEFT_OUT[member.name]}")
            else:
                yield self._step(member)

    def _group(self, written: _WrittenNode) -> Group:
        options = dict(written.arguments)
        n = options.pop("n", None)
        if options.pop("replace", False) or any(options.values()):
            raise written.error(
                f"{written.name} with {', '.join(written.arguments)} can't be applied in the same way here."
            )
        try:
            return Group.create(written.name, list(self.nodes(written, grouped=True)), written.p, n=n)
        except AugmentError as error:
            raise written.error(str(error)) from None

    def _step(self, written: _WrittenNode) -> Step:
        name = written.name
        if name not in CATALOG:
            reason = LEFT_OUT.get(name)
            raise written.error(f"{name} is not offered. {reason}" if reason else unknown("transform", name, CATALOG))
        spec, theirs = CATALOG[name], self._built(written, written.arguments)
        values, problems = dict[str, Any](), dict[str, str]()
        for parameter in (one for one in spec.params if one.name in theirs):
            try:
                values[parameter.name] = parameter.of_argument(theirs[parameter.name])
                spec.check(values)
            except ParameterError as error:  # perhaps the library's own default, by another name
                del values[parameter.name]
                problems[parameter.name] = str(error)
        try:
            step = Step.create(name, written.p if written.p is not None else theirs["p"], **values)
        except AugmentError as error:
            raise written.error(str(error)) from None
        ours = self._built(written, step.arguments())
        for key in (key for key in theirs if key != "p" and not _same(theirs[key], ours.get(key))):
            here = f"{key} is {theirs[key]!r} in the file and would be {ours.get(key)!r} here."
            if key in spec.fixed:
                self.notes.append(f"{name}: {key} is always {spec.fixed[key]!r} here; the file has {theirs[key]!r}.")
            elif key in spec.refusals:
                raise written.error(f"{name}: {key} {spec.refusals[key]}")
            else:
                raise written.error(problems.get(key) or f"{name}: {here}")
        return step

    def _built(self, written: _WrittenNode, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of a transform, as the library keeps them once it is built."""
        kind = getattr(self._library, written.name)
        # A class writes the arguments of its base class too, which it doesn't take.
        taken = {key: value for key, value in arguments.items() if key in inspect.signature(kind).parameters}
        odds = {} if written.p is None else {"p": written.p}
        with warnings.catch_warnings(action="ignore"):  # of the library, that another transform is faster
            try:
                built: dict[str, Any] = kind(**taken, **odds).to_dict()["transform"]
            except (TypeError, ValueError) as error:
                raise written.error(f"{written.name} can't be built: {one_line(error)}") from None
        strange = [key for key in arguments if key not in taken and key not in built]
        if strange:
            raise written.error(
                f"{written.name} of albumentations {self._library.__version__} has no argument {', '.join(strange)}."
            )
        return {key: value for key, value in built.items() if key != SAVED}


def _same(one: object, other: object) -> bool:
    return _canonical(one) == _canonical(other)


def _canonical(value: object) -> object:
    """A value without differences that mean nothing: 1 and 1.0, lists and tuples, no shift and a shift by 0."""
    if isinstance(value, Mapping):
        inner = {str(key): _canonical(item) for key, item in value.items()}
        return 0 if set(inner.values()) == {0} else tuple(sorted(inner.items(), key=str))
    if isinstance(value, list | tuple | np.ndarray):
        items = tuple(map(_canonical, value))
        return 0 if set(items) == {0} else items
    if isinstance(value, bool | str):
        return repr(value)
    return 0 if value is None else value


def _saved(text: str, where: str) -> _WrittenNode:
    try:
        content = parse_yaml(text, PlainLoader)
    except ValueError as error:
        raise AugmentError(f"{where}neither JSON nor YAML ({one_line(error)}).") from None
    if not isinstance(content, Mapping) or not isinstance(content.get("transform"), Mapping):
        raise AugmentError(f"{where}not as albumentations.save writes it: no 'transform'. Save it again.")
    return _saved_node(content["transform"], where)


def _saved_node(content: object, where: str) -> _WrittenNode:
    if not isinstance(content, Mapping) or not isinstance(content.get(SAVED), str):
        raise AugmentError(f"{where}not as albumentations.save writes it: a transform without {SAVED}. Save it again.")
    arguments = {str(key): value for key, value in content.items() if key not in (SAVED, "transforms", "p")}
    members, p = content.get("transforms", []), content.get("p")
    if not isinstance(members, list) or not isinstance(p, int | float | None):
        raise AugmentError(f"{where}not as albumentations.save writes it: {content[SAVED]}. Save it again.")
    name = content[SAVED].rpartition(".")[2]
    return _node(name, p, arguments, [_saved_node(member, where) for member in members], where)


def _node(
    name: str, p: float | None, arguments: dict[str, Any], members: list[_WrittenNode], where: str
) -> _WrittenNode:
    """A node with its chance; None leaves that of a transform to the library."""
    if arguments.pop("always_apply", False):  # before version 2
        p = 1.0
    elif p is None and name in _GROUPS:
        p = float(inspect.signature(getattr(albumentations_library(), name)).parameters["p"].default)
    return _WrittenNode(name, p, arguments, members, where)


def _coded(text: str, where: str) -> _WrittenNode:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise AugmentError(f"{where}not Python ({one_line(error)}).") from None
    known = dict[str, object]()
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                known[node.targets[0].id] = ast.literal_eval(node.value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                known.pop(node.targets[0].id, None)
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and _called(node) == "Compose"]
    inside = {inner for call in calls for inner in ast.walk(call) if inner is not call}
    outermost = [call for call in calls if call not in inside]
    if len(outermost) != 1:
        lines = ", ".join(str(call.lineno) for call in outermost)
        raise AugmentError(
            f"{where}{number(len(outermost), 'Compose')}{f' (lines {lines})' if lines else ''}; expected one. "
            "Leave the pipeline that you want alone in the file."
        )
    return _Code(known, where).written(outermost[0])


def _called(call: ast.Call) -> str:
    """`Compose` of `A.Compose(...)` and `Compose(...)`; empty for other calls."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


class _Code:
    """Reads the calls in a piece of code. Names stand for plain values that the code gave them; nothing is run."""

    def __init__(self, known: Mapping[str, object], where: str) -> None:
        self._known, self._where = known, where

    def written(self, call: ast.expr) -> _WrittenNode:
        where = f"{self._where}line {call.lineno}: "
        name = _called(call) if isinstance(call, ast.Call) else ""
        kind = getattr(albumentations_library(), name, None) if name else None
        if not isinstance(call, ast.Call) or not inspect.isclass(kind):
            raise AugmentError(f"{where}expected a transform of albumentations, got {ast.unparse(call)[:60]}.")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if None in given or any(isinstance(argument, ast.Starred) for argument in call.args):
            raise AugmentError(f"{where}{name} with * or **; write its arguments out.")
        names = list(inspect.signature(kind).parameters)
        if len(call.args) > len(names):
            raise AugmentError(f"{where}{name} takes at most {len(names)} arguments, got {len(call.args)}.")
        given |= dict(zip(names, call.args, strict=False))
        members = given.pop("transforms", None)
        if members is not None and not isinstance(members, ast.List | ast.Tuple):
            raise AugmentError(f"{where}{name}: expected a list of transforms, got {ast.unparse(members)[:60]}.")
        values = {str(key): self._value(value, where, f"{name}: {key}") for key, value in given.items()}
        p = values.pop("p", None)
        if not isinstance(p, int | float | None):
            raise AugmentError(f"{where}{name}: p is {p!r}; expected a number.")
        return _node(name, p, values, [self.written(member) for member in members.elts] if members else [], where)

    def _value(self, node: ast.expr, where: str, what: str) -> object:
        """A literal, a number of cv2's, or what a name was given at the top of the code."""
        try:
            return ast.literal_eval(_Replaced(self._known).visit(node))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise AugmentError(f"{where}{what} is {ast.unparse(node)[:60]}; write its value out.") from None


class _Replaced(ast.NodeTransformer):
    """Replaces names by their values."""

    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._known[node.id]) if node.id in self._known else node  # type: ignore[arg-type]

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        of_cv2 = isinstance(node.value, ast.Name) and node.value.id == "cv2" and node.attr.startswith(_CONSTANTS)
        value = getattr(cv2, node.attr, None) if of_cv2 else None
        return ast.Constant(value) if isinstance(value, int) else node
