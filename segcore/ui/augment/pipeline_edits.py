"""The lines of the pipeline editor: a pipeline whose entries have ids, and what can be done to it. Pure; no Streamlit.

Lines are never changed: every function returns new ones, so that undoing is keeping the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from segcore.augment import Group, Node, Pipeline, Step


@dataclass(frozen=True)
class Line:
    """One line of the editor.

    Args:
        id: Of its widgets; never used twice in a session.
        node: A transform, or a group without its transforms.
        inner: The lines of a group.
    """

    id: int
    node: Node
    inner: tuple[Line, ...] = ()

    @property
    def whole(self) -> Node:
        """The transform, or the group with its transforms."""
        if isinstance(self.node, Step):
            return self.node
        count = max(1, len(self.inner))
        return replace(self.node, steps=tuple(line.whole for line in self.inner), n=min(self.node.n, count))


Lines = tuple[Line, ...]


def lines_of(pipeline: Pipeline, fresh: Callable[[], int]) -> Lines:
    """A pipeline as lines; `fresh` makes ids."""

    def line(node: Node) -> Line:
        if isinstance(node, Step):
            return Line(fresh(), node)
        return Line(fresh(), replace(node, steps=(), n=node.n), tuple(line(each) for each in node.steps))

    return tuple(line(node) for node in pipeline.steps)


def pipeline_of(lines: Lines) -> Pipeline:
    """What the lines make.

    Raises:
        AugmentError: when they are too many, or groups too deep in groups.
    """
    return Pipeline(tuple(line.whole for line in lines))


def walk(lines: Sequence[Line]) -> Iterator[Line]:
    """All lines in order, a group before its own."""
    for line in lines:
        yield line
        yield from walk(line.inner)


def find(lines: Lines, line_id: int) -> Line | None:
    """The line of this id; None where it is gone."""
    return next((line for line in walk(lines) if line.id == line_id), None)


def swapped(lines: Lines, line_id: int, change: Callable[[Line], Sequence[Line]]) -> Lines:
    """Lines with one of them, wherever it is, replaced by others."""
    found: list[Line] = []
    for line in lines:
        if line.id == line_id:
            found += change(line)
        else:
            found.append(replace(line, inner=swapped(line.inner, line_id, change)) if line.inner else line)
    return tuple(found)


def added(lines: Lines, line: Line, group: int | None) -> Lines:
    """A line more, at the end of all or of a group."""
    if group is None:
        return (*lines, line)
    return swapped(lines, group, lambda old: [replace(old, inner=(*old.inner, line))])


def removed(lines: Lines, line_id: int) -> Lines:
    """Without a line and what is in it."""
    return swapped(lines, line_id, lambda _: [])


def doubled(lines: Lines, line_id: int, fresh: Callable[[], int]) -> Lines:
    """A copy of a line right after it."""

    def copied(line: Line) -> Line:
        return Line(fresh(), line.node, tuple(copied(each) for each in line.inner))

    return swapped(lines, line_id, lambda line: [line, copied(line)])


def moved(lines: Lines, line_id: int, by: int) -> Lines:
    """A line one place earlier (-1) or later (1).

    A transform beside a group goes into it, and at a group's end out of it; groups step over one another. At the ends
    of the list nothing moves.
    """
    positions = [line.id for line in lines]
    if line_id not in positions:
        return tuple(out for line in lines for out in _moved_inside(line, line_id, by))
    at = positions.index(line_id)
    to = at + by
    if not 0 <= to < len(lines):
        return lines
    line, beside = lines[at], lines[to]
    rest = [each for each in lines if each.id != line_id]
    if isinstance(beside.node, Group) and isinstance(line.node, Step):
        inner = (line, *beside.inner) if by > 0 else (*beside.inner, line)
        return tuple(replace(each, inner=inner) if each.id == beside.id else each for each in rest)
    rest.insert(to, line)
    return tuple(rest)


def _moved_inside(group: Line, line_id: int, by: int) -> list[Line]:
    """A group after a move of one of its lines, which may now stand before or after it."""
    positions = [line.id for line in group.inner]
    if line_id not in positions:
        return [replace(group, inner=moved(group.inner, line_id, by)) if group.inner else group]
    at = positions.index(line_id)
    if 0 <= at + by < len(positions):
        return [replace(group, inner=moved(group.inner, line_id, by))]
    line = group.inner[at]
    left = replace(group, inner=tuple(each for each in group.inner if each.id != line_id))
    return [line, left] if by < 0 else [left, line]


@dataclass(frozen=True)
class History:
    """The lines now, those before, and those undone.

    Args:
        now: What the editor shows.
        past: Earlier lines, oldest first.
        future: Undone lines, the next to come back last.
    """

    now: Lines
    past: tuple[Lines, ...] = ()
    future: tuple[Lines, ...] = ()

    LONGEST = 200

    def then(self, lines: Lines) -> History:
        """After a change; unchanged lines are no change."""
        if lines == self.now:
            return self
        return History(lines, (*self.past, self.now)[-self.LONGEST :])

    def undone(self) -> History:
        """One change back; the same where there is none."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.future, self.now))

    def redone(self) -> History:
        """One undone change forth; the same where there is none."""
        if not self.future:
            return self
        return History(self.future[-1], (*self.past, self.now), self.future[:-1])
