"""Edits of the pipeline editor's lines. Every function returns new lines, so that undo only has to keep the old."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from segcore.augment import Group, Node, Pipeline, Step


@dataclass(frozen=True)
class Line:
    """One line of the editor.

    Args:
        id: Part of its widgets' keys; never used twice in a session.
        node: A transform, or a group without its transforms.
        children: The lines of a group.
    """

    id: int
    node: Node
    children: tuple[Line, ...] = ()

    @property
    def full_node(self) -> Node:
        """The transform, or the group with its transforms."""
        if isinstance(self.node, Step):
            return self.node
        count = max(1, len(self.children))
        return replace(self.node, steps=tuple(line.full_node for line in self.children), n=min(self.node.n, count))


Lines = tuple[Line, ...]


def lines_from_pipeline(pipeline: Pipeline, new_id: Callable[[], int]) -> Lines:
    """Turn a pipeline into lines; `new_id` makes their ids."""

    def line(node: Node) -> Line:
        if isinstance(node, Step):
            return Line(new_id(), node)
        return Line(new_id(), replace(node, steps=(), n=node.n), tuple(line(step) for step in node.steps))

    return tuple(line(node) for node in pipeline.steps)


def pipeline_from_lines(lines: Lines) -> Pipeline:
    """Turn lines into a pipeline.

    Raises:
        AugmentError: when there are too many transforms, or groups nested too deeply.
    """
    return Pipeline(tuple(line.full_node for line in lines))


def walk(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield all lines in order, a group before its own lines."""
    for line in lines:
        yield line
        yield from walk(line.children)


def find_line(lines: Lines, line_id: int) -> Line | None:
    """Return the line with an id; None where it was removed."""
    return next((line for line in walk(lines) if line.id == line_id), None)


def replace_line(lines: Lines, line_id: int, change: Callable[[Line], Sequence[Line]]) -> Lines:
    """Replace one line, at any depth, by the lines that `change` makes of it."""
    result: list[Line] = []
    for line in lines:
        if line.id == line_id:
            result += change(line)
        else:
            result.append(
                replace(line, children=replace_line(line.children, line_id, change)) if line.children else line
            )
    return tuple(result)


def add_line(lines: Lines, line: Line, group: int | None) -> Lines:
    """Add a line at the end of the list, or of the group with an id."""
    if group is None:
        return (*lines, line)
    return replace_line(lines, group, lambda old: [replace(old, children=(*old.children, line))])


def remove_line(lines: Lines, line_id: int) -> Lines:
    """Remove a line; a group goes with its lines."""
    return replace_line(lines, line_id, lambda _: [])


def duplicate_line(lines: Lines, line_id: int, new_id: Callable[[], int]) -> Lines:
    """Add a copy of a line right after it."""

    def copy(line: Line) -> Line:
        return Line(new_id(), line.node, tuple(copy(child) for child in line.children))

    return replace_line(lines, line_id, lambda line: [line, copy(line)])


def move_line(lines: Lines, line_id: int, by: int) -> Lines:
    """Move a line one place earlier (-1) or later (1).

    A transform beside a group moves into it, and at the group's end out of it; a group moves past another group. At
    the ends of the list nothing moves.
    """
    ids = [line.id for line in lines]
    if line_id not in ids:
        return tuple(moved for line in lines for moved in _move_inside(line, line_id, by))
    index = ids.index(line_id)
    target = index + by
    if not 0 <= target < len(lines):
        return lines
    line, neighbour = lines[index], lines[target]
    others = [other for other in lines if other.id != line_id]
    if isinstance(neighbour.node, Group) and isinstance(line.node, Step):
        children = (line, *neighbour.children) if by > 0 else (*neighbour.children, line)
        return tuple(replace(other, children=children) if other.id == neighbour.id else other for other in others)
    others.insert(target, line)
    return tuple(others)


def _move_inside(group: Line, line_id: int, by: int) -> list[Line]:
    """Move a line of a group; return the group, and the line before or after it where it moved out."""
    ids = [line.id for line in group.children]
    if line_id not in ids:
        return [replace(group, children=move_line(group.children, line_id, by)) if group.children else group]
    index = ids.index(line_id)
    if 0 <= index + by < len(ids):
        return [replace(group, children=move_line(group.children, line_id, by))]
    line = group.children[index]
    rest = replace(group, children=tuple(child for child in group.children if child.id != line_id))
    return [line, rest] if by < 0 else [rest, line]


@dataclass(frozen=True)
class History:
    """The current lines, earlier ones, and those that were undone.

    Args:
        now: What the editor shows.
        past: Earlier lines, oldest first.
        future: Undone lines, the next to be redone last.
    """

    now: Lines
    past: tuple[Lines, ...] = ()
    future: tuple[Lines, ...] = ()

    MAX_PAST = 200

    def commit(self, lines: Lines) -> History:
        """Return the history after a change; equal lines are no change."""
        if lines == self.now:
            return self
        return History(lines, (*self.past, self.now)[-self.MAX_PAST :])

    def undo(self) -> History:
        """Return the history one change back; the same where there is none."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.future, self.now))

    def redo(self) -> History:
        """Return the history with one undone change made again; the same where there is none."""
        if not self.future:
            return self
        return History(self.future[-1], (*self.past, self.now), self.future[:-1])
