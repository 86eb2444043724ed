"""The pipeline editor: an ordered list of transforms, each a line that unfolds to its settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

import streamlit as st

from segcore.augment import CATALOG, GROUP_KINDS, GROUPS, PROBABILITY, Group, Nested, Pipeline, Step, Value, presets
from segcore.augment.steps import pick_parameter
from segcore.errors import AugmentError
from segcore.ui.augment import parameter_widgets
from segcore.ui.augment import pipeline_edits as ops
from segcore.ui.augment.pipeline_edits import History, Line, Lines

FIRST = "light"
_HISTORY = "augment:history"
_NEXT = "augment:next"
_LOADS = "augment:loads"  # how often a preset was chosen
_PROBLEMS = "augment:problems"  # line id -> what is wrong with what its widgets say
_OPEN = "augment:open"  # ids of the unfolded lines


def history() -> History:
    """The lines of this session; begins with the mildest preset that does something."""
    if _HISTORY not in st.session_state:
        st.session_state[_HISTORY] = History(ops.lines_of(presets()[FIRST], _fresh))
    found: History = st.session_state[_HISTORY]
    return found


def pipeline() -> Pipeline:
    """What the lines make."""
    return ops.pipeline_of(history().now)


def load(wanted: Pipeline) -> None:
    """Replace all lines; undo brings them back."""
    _commit(ops.lines_of(wanted, _fresh))


def add(name: str, group: int | None = None) -> None:
    """Append a transform or a group at its defaults, at the end or in a group."""
    if group is not None and ops.find(history().now, group) is None:
        group = None  # removed meanwhile
    node = Group.create(name) if name in GROUP_KINDS else Step.create(name)
    line = Line(_fresh(), node)
    if _commit(ops.added(history().now, line, group)):
        st.session_state[_OPEN] = unfolded() | {line.id}


def unfolded() -> frozenset[int]:
    """Ids of the lines whose settings are shown; the page may be left and come back to."""
    found: frozenset[int] = st.session_state.get(_OPEN, frozenset())
    return found


def undo() -> None:
    """Take the last change back."""
    _show(history().undone())


def redo() -> None:
    """Bring the change back that was undone last."""
    _show(history().redone())


def draw(pick: Callable[[int | None], None]) -> None:
    """Draw the editor.

    Args:
        pick: Opens the menu of pictures, for the list or for a group's line.
    """
    now = history().now
    numbers = {line.id: at for at, line in enumerate((each for each in ops.walk(now) if _is_step(each)), 1)}
    with st.container(gap="xsmall", key="augment-lines"):
        if not now:
            st.caption("The list is empty: training sees the images as they are.")
        for index, line in enumerate(now):
            _line(line, None, numbers, index == 0, index == len(now) - 1, pick)
    _add_row(None, pick)


def problems() -> list[str]:
    """What is wrong with what the widgets say; the pipeline keeps its last good values meanwhile."""
    return list(st.session_state.get(_PROBLEMS, {}).values())


def _is_step(line: Line) -> bool:
    return isinstance(line.node, Step)


def _commit(lines: Lines) -> bool:
    """Make a change, unless it can't be; then the page says why."""
    try:
        ops.pipeline_of(lines)
    except AugmentError as error:
        st.session_state[_PROBLEMS] = {-1: str(error)}
        return False
    st.session_state[_PROBLEMS] = {}
    st.session_state[_HISTORY] = history().then(lines)
    return True


def _show(wanted: History) -> None:
    """Other lines than those the widgets show: the widgets follow."""
    st.session_state[_HISTORY], st.session_state[_PROBLEMS] = wanted, {}
    for line in ops.walk(wanted.now):
        for key, value in _widgets(line).items():
            if key in st.session_state:
                st.session_state[key] = value


def _widgets(line: Line) -> dict[str, object]:
    """Key -> value of every widget of a line."""
    node, key = line.node, f"augment:{line.id}"
    held: dict[str, object] = {f"{key}:on": node.enabled, f"{key}:p": node.p}
    if isinstance(node, Step):
        for name, value in node.values:
            held |= parameter_widgets.keys_of(node.spec.param(name), value, f"{key}:{name}")
    else:
        held[f"{key}:n"] = node.n
    return held


def _changed(line_id: int) -> None:
    """A widget of a line was moved: the line becomes what its widgets say."""
    line = ops.find(history().now, line_id)
    if line is None:  # moved while the click that removed it was under way
        return
    key, node = f"augment:{line.id}", line.node
    on = bool(st.session_state.get(f"{key}:on", node.enabled))
    p = st.session_state.get(f"{key}:p", node.p)
    new: Step | Group
    try:
        if isinstance(node, Group):
            picks = st.session_state.get(f"{key}:n", node.n) if node.name == "SomeOf" else None
            whole = Group.create(node.name, [each.whole for each in line.inner], p, n=picks, enabled=on)
            new = Group(whole.name, whole.p, (), whole.n, whole.enabled)
        else:
            new = Step.create(node.name, p, enabled=on, **_given(node, key))
    except AugmentError as error:
        st.session_state[_PROBLEMS] = {line_id: str(error)}
        return
    _commit(ops.swapped(history().now, line_id, lambda old: [Line(old.id, new, old.inner)]))


def _given(node: Step, key: str) -> dict[str, object]:
    """The values that a transform's widgets hold."""
    kept: dict[str, Value] = dict(node.values)
    given: dict[str, object] = {}
    for each in node.spec.params:
        value: object = parameter_widgets.read(each, kept[each.name], f"{key}:{each.name}")
        if isinstance(each, Nested) and given[each.by] != kept[each.by]:
            value = None  # settings of another kind: these begin anew
        given[each.name] = value
    return given


def presets_row() -> None:
    """The shipped pipelines; lit is the one that the list still is."""
    named, own = presets(), pipeline()
    lit = next((name for name, preset in named.items() if preset == own), None)
    loads = st.session_state.setdefault(_LOADS, 0)
    # A busy page still says for a while what a row that is gone said last, which Streamlit takes for a click. So a row
    # is good for one load, and its key tells what it says.
    key = f"augment:preset:{loads}:{lit}"
    st.pills(
        "Presets",
        list(named),
        default=lit,
        key=key,
        on_change=_load_preset,
        args=(key, lit, loads),
        wrap=True,
        label_visibility="collapsed",
    )


def _load_preset(key: str, lit: str | None, loads: int) -> None:
    name = st.session_state[key]
    if name is None:  # a click on what is lit changes nothing
        st.session_state[key] = lit
    elif name != lit and loads == st.session_state[_LOADS]:
        st.session_state[_LOADS] += 1
        load(presets()[name])


def _add_row(group: int | None, pick: Callable[[int | None], None]) -> None:
    key = f"augment:add:{'' if group is None else group}"

    def chosen() -> None:
        name = st.session_state[key]
        if name:
            add(name, group)
            st.session_state[key] = None

    names = [*GROUP_KINDS, *(name for kind in GROUPS for name, spec in CATALOG.items() if spec.group == kind)]
    what = "Add a transform" if group is None else "Add to this group"
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", wrap=False):
        st.selectbox(
            what,
            names,
            index=None,
            format_func=lambda name: f"{name} · {CATALOG[name].group if name in CATALOG else 'group'}",
            placeholder=what,
            key=key,
            on_change=chosen,
            label_visibility="collapsed",
        )
        if st.button("", icon=":material/grid_view:", help="Choose by picture", key=f"{key}:pictures"):
            pick(group)


def _line(
    line: Line,
    parent: Group | None,
    numbers: dict[int, int],
    first: bool,
    last: bool,
    pick: Callable[[int | None], None],
) -> None:
    key, node = f"augment:{line.id}", line.node
    changed = partial(_changed, line.id)
    if f"{key}:on" not in st.session_state:
        st.session_state[f"{key}:on"] = node.enabled
    unfolds = line.id in unfolded()
    with st.container(border=True, gap="xsmall", key=f"{key}:frame"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False):
            st.checkbox(
                "On", key=f"{key}:on", on_change=changed, label_visibility="collapsed", help="Switch on and off"
            )
            # No expander: a new title is a new expander to Streamlit, with new sliders, and a drag would end at its
            # first step.
            st.button(
                _title(line, parent, numbers),
                icon=f":material/keyboard_arrow_{'down' if unfolds else 'right'}:",
                key=f"{key}:fold",
                type="tertiary",
                on_click=_fold,
                args=(line.id, not unfolds),
                width="stretch",
            )
        if unfolds:
            _buttons(line, first and parent is None, last and parent is None)
            _settings(line, key, changed)
        problem = st.session_state.get(_PROBLEMS, {}).get(line.id)
        if problem:
            st.caption(f":red[{problem}]")
        if isinstance(node, Group):
            group = line.whole
            assert isinstance(group, Group)
            for index, each in enumerate(line.inner):
                _line(each, group, numbers, index == 0, index == len(line.inner) - 1, pick)
            _add_row(line.id, pick)


def _act(change: Callable[[], Lines]) -> None:
    _commit(change())


def _fold(line_id: int, shown: bool) -> None:
    st.session_state[_OPEN] = unfolded() | {line_id} if shown else unfolded() - {line_id}


def _title(line: Line, parent: Group | None, numbers: dict[int, int]) -> str:
    whole = line.whole
    how = parent.pick_share(whole) if parent else ""
    named = f"{numbers[line.id]}. " if isinstance(whole, Step) else f"{whole.name}: "
    text = f"{named}{whole.sentence(how)}"
    return text if whole.enabled else f":gray[~~{text}~~]"


def _buttons(line: Line, first: bool, last: bool) -> None:
    key = f"augment:{line.id}"
    actions: tuple[tuple[str, str, Callable[[], Lines], bool], ...] = (
        ("arrow_upward", "Earlier", lambda: ops.moved(history().now, line.id, -1), first),
        ("arrow_downward", "Later", lambda: ops.moved(history().now, line.id, 1), last),
        ("content_copy", "Double", lambda: ops.doubled(history().now, line.id, _fresh), False),
        ("delete", "Remove", lambda: ops.removed(history().now, line.id), False),
    )
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
        for icon, help_, act, off in actions:
            st.button(
                "",
                icon=f":material/{icon}:",
                help=help_,
                key=f"{key}:{icon}",
                on_click=_act,
                args=(act,),
                disabled=off,
                type="tertiary",
            )


def _settings(line: Line, key: str, changed: Callable[[], None]) -> None:
    node = line.node
    spec = node.spec if isinstance(node, Step) else GROUP_KINDS[node.name]
    st.caption(f"{spec.name}: {spec.summary}")
    if f"{key}:p" not in st.session_state:
        st.session_state[f"{key}:p"] = node.p
    st.slider("probability", 0.0, 1.0, step=PROBABILITY.step, key=f"{key}:p", on_change=changed, help=PROBABILITY.help)
    if isinstance(node, Group):
        if node.name == "SomeOf" and len(line.inner) > 1:
            n = pick_parameter(len(line.inner))
            st.session_state[f"{key}:n"] = min(int(st.session_state.get(f"{key}:n", node.n)), int(n.high))
            st.slider("n", int(n.low), int(n.high), step=1, key=f"{key}:n", on_change=changed, help=n.help)
        return
    values = dict(node.values)
    shown = [each for each in node.spec.params if not each.advanced]
    folded = [each for each in node.spec.params if each.advanced]
    for each in shown:
        parameter_widgets.draw(each, values[each.name], f"{key}:{each.name}", changed)
    if folded and st.toggle("More settings", key=f"{key}:more"):
        for each in folded:
            parameter_widgets.draw(each, values[each.name], f"{key}:{each.name}", changed)


def _fresh() -> int:
    numbers = st.session_state.setdefault(_NEXT, count())
    return int(next(numbers))
