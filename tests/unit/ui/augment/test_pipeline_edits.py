"""The pipeline editor's lines: moving, adding, removing, undoing, without a page."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from segcore.augment import Group, Pipeline, Step
from segcore.ui.augment.pipeline_edits import (
    History,
    Line,
    add_line,
    duplicate_line,
    lines_from_pipeline,
    move_line,
    pipeline_from_lines,
    remove_line,
    walk,
)

FLIP, TURN, GREY = Step.create("HorizontalFlip"), Step.create("Rotate"), Step.create("ToGray")
PAIR = Group.create("OneOf", (TURN, GREY))


def made(*nodes):
    return lines_from_pipeline(Pipeline(nodes), count().__next__)


def shape(lines):
    """Names, a group's in a list after its own."""
    return [
        line.node.name if isinstance(line.node, Step) else [line.node.name, *shape(line.children)] for line in lines
    ]


def steps():
    leaf = st.sampled_from([FLIP, TURN, GREY])
    group = st.builds(
        lambda kind, inner: Group.create(kind, inner, n=len(inner) if kind == "SomeOf" and inner else None),
        st.sampled_from(["OneOf", "SomeOf"]),
        st.lists(leaf, max_size=3),
    )
    return st.lists(leaf | group, max_size=5)


@given(steps())
def test_lines_make_the_pipeline_they_came_from(nodes):
    lines = made(*nodes)
    assert pipeline_from_lines(lines) == Pipeline(tuple(nodes))
    assert len({line.id for line in walk(lines)}) == len(list(walk(lines)))


@given(steps(), st.lists(st.tuples(st.integers(0, 20), st.sampled_from([-1, 1])), max_size=12))
def test_moving_loses_and_invents_nothing(nodes, moves):
    lines = made(*nodes)
    ids = sorted(line.id for line in walk(lines))
    for which, by in moves:
        if ids:
            lines = move_line(lines, ids[which % len(ids)], by)
    assert sorted(line.id for line in walk(lines)) == ids
    pipeline_from_lines(lines)


def test_a_transform_walks_through_a_group():
    lines = made(FLIP, PAIR)
    flip = lines[0].id
    seen = []
    for _ in range(4):
        lines = move_line(lines, flip, 1)
        seen.append(shape(lines))
    assert seen == [
        [["OneOf", "HorizontalFlip", "Rotate", "ToGray"]],
        [["OneOf", "Rotate", "HorizontalFlip", "ToGray"]],
        [["OneOf", "Rotate", "ToGray", "HorizontalFlip"]],
        [["OneOf", "Rotate", "ToGray"], "HorizontalFlip"],
    ]
    for before in [*seen[-2::-1], [["OneOf", "HorizontalFlip", "Rotate", "ToGray"]]][:3]:
        lines = move_line(lines, flip, -1)
        assert shape(lines) == before
    assert shape(move_line(lines, flip, -1)) == ["HorizontalFlip", ["OneOf", "Rotate", "ToGray"]]


def test_groups_step_over_one_another():
    lines = made(PAIR, Group.create("SomeOf", (FLIP,)))
    assert shape(move_line(lines, lines[0].id, 1)) == [["SomeOf", "HorizontalFlip"], ["OneOf", "Rotate", "ToGray"]]


def test_picks_shrink_with_their_group():
    lines = made(Group.create("SomeOf", (TURN, GREY), n=2))
    (group,) = pipeline_from_lines(remove_line(lines, lines[0].children[0].id)).steps
    assert group == Group.create("SomeOf", (GREY,), n=1)


def test_add_double_and_remove():
    new_id = count(100).__next__
    lines = add_line(made(PAIR), Line(new_id(), FLIP), 0)
    assert shape(lines) == [["OneOf", "Rotate", "ToGray", "HorizontalFlip"]]
    lines = duplicate_line(lines, 0, new_id)
    assert shape(lines) == [["OneOf", "Rotate", "ToGray", "HorizontalFlip"]] * 2
    assert len({line.id for line in walk(lines)}) == 8
    assert shape(remove_line(lines, 0)) == [["OneOf", "Rotate", "ToGray", "HorizontalFlip"]]


@given(st.lists(steps(), min_size=1, max_size=6))
def test_undo_and_redo_are_each_others_way_back(pipelines):
    history = History(())
    seen = [history]
    for nodes in pipelines:
        history = history.commit(made(*nodes))
        seen.append(history)
    for _ in pipelines:
        history = history.undo()
    assert history.now == () and history.undo() == history
    for _ in pipelines:
        history = history.redo()
    assert history == seen[-1] and history.redo() == history
    changed = history.undo().commit(made(*6 * [FLIP]))
    assert not changed.future
