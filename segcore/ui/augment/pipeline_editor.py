"""The pipeline editor: an ordered list of transforms, each a line that unfolds to its settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

import streamlit as st

from segcore.augment import CATALOG, GROUP_KINDS, GROUPS, PROBABILITY, Group, Nested, Pipeline, Step, Value, presets
from segcore.augment.steps import pick_parameter
from segcore.errors import AugmentError
from segcore.ui.augment import parameter_widgets, pipeline_edits, pipeline_files
from segcore.ui.augment.pipeline_edits import History, Line, Lines
from segcore.ui.shell import url_state
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.markdown import escape_markdown

OpenMenu = Callable[[int | None], None]  # opens the menu of pictures, for the list or for a group's line
FIRST = "light"
_PARAMETER = "pipeline"  # of the page's link
_LINKED = "augment:linked"  # the pipeline as the link holds it
_HISTORY = "augment:history"
_NEXT = "augment:next"
_LOADS = "augment:loads"  # how often a preset was chosen
_PROBLEMS = "augment:problems"  # line id -> what is wrong with what its widgets say
_OPEN = "augment:open"  # ids of the unfolded lines


def history() -> History:
    """Return the lines of this session with their history; a session begins with the mildest preset."""
    if _HISTORY not in st.session_state:
        st.session_state[_HISTORY] = History(pipeline_edits.lines_from_pipeline(presets()[FIRST], _new_id))
    current: History = st.session_state[_HISTORY]
    return current


def pipeline() -> Pipeline:
    """Return the pipeline that the lines describe."""
    return pipeline_edits.pipeline_from_lines(history().now)


def follow_link() -> None:
    """Load the pipeline of the page's link, where that changed; undo brings the old one back. Then keep it current."""
    begins = _HISTORY not in st.session_state
    text = url_state.get(_PARAMETER, FIRST)
    if text != st.session_state.get(_LINKED, FIRST):
        try:
            load(pipeline_files.from_link(text))
        except AugmentError as error:
            url_state.report_problem(_PARAMETER, str(error))
        if begins:
            st.session_state[_HISTORY] = History(history().now)
    st.session_state[_LINKED] = pipeline_files.to_link(pipeline())
    url_state.put(_PARAMETER, st.session_state[_LINKED])


def load(pipeline: Pipeline) -> None:
    """Replace all lines; undo brings them back."""
    _commit(pipeline_edits.lines_from_pipeline(pipeline, _new_id))


def add(name: str, group: int | None = None) -> None:
    """Append a transform or a group at its defaults, at the end or in a group."""
    if group is not None and pipeline_edits.find_line(history().now, group) is None:
        group = None  # removed meanwhile
    node = Group.create(name) if name in GROUP_KINDS else Step.create(name)
    line = Line(_new_id(), node)
    if _commit(pipeline_edits.add_line(history().now, line, group)):
        st.session_state[_OPEN] = unfolded() | {line.id}


def unfolded() -> frozenset[int]:
    """Return ids of the lines whose settings are shown; they stay when the page is left."""
    open_ids: frozenset[int] = st.session_state.get(_OPEN, frozenset())
    return open_ids


def undo() -> None:
    """Take the last change back."""
    _show(history().undo())


def redo() -> None:
    """Make the change again that was undone last."""
    _show(history().redo())


def draw(open_menu: OpenMenu) -> None:
    """Draw the editor.

    Args:
        open_menu: Opens the menu of pictures, for the list or for a group's line.
    """
    now = history().now
    steps = (line for line in pipeline_edits.walk(now) if isinstance(line.node, Step))
    numbers = {line.id: number for number, line in enumerate(steps, 1)}
    with st.container(gap="xsmall", key="augment-lines"):
        if not now:
            st.caption("The list is empty: training sees the images as they are.")
        for index, line in enumerate(now):
            _line(line, None, numbers, index == 0, index == len(now) - 1, open_menu)
    _add_row(None, open_menu)


def problems() -> list[str]:
    """Return what is wrong with the widgets' values; until mended, the pipeline keeps its last valid values."""
    return list(st.session_state.get(_PROBLEMS, {}).values())


def _commit(lines: Lines) -> bool:
    """Make a change, if the pipeline allows it; else the page says why. Return whether it was made."""
    try:
        pipeline_edits.pipeline_from_lines(lines)
    except AugmentError as error:
        st.session_state[_PROBLEMS] = {-1: str(error)}
        return False
    st.session_state[_PROBLEMS] = {}
    st.session_state[_HISTORY] = history().commit(lines)
    return True


def _show(new_history: History) -> None:
    """Replace the lines by undo or redo, and set the widgets to them."""
    st.session_state[_HISTORY], st.session_state[_PROBLEMS] = new_history, {}
    for line in pipeline_edits.walk(new_history.now):
        for key, value in _widget_values(line).items():
            if key in st.session_state:
                st.session_state[key] = value


def _widget_values(line: Line) -> dict[str, object]:
    """Return key -> value of every widget of a line."""
    node, key = line.node, f"augment:{line.id}"
    values: dict[str, object] = {f"{key}:on": node.enabled, f"{key}:p": node.p}
    if isinstance(node, Step):
        for name, value in node.values:
            values |= parameter_widgets.widget_values(node.spec.param(name), value, f"{key}:{name}")
    else:
        values[f"{key}:n"] = node.n
    return values


def _changed(line_id: int) -> None:
    """Update a line after one of its widgets was moved."""
    line = pipeline_edits.find_line(history().now, line_id)
    if line is None:  # removed while the widget was moved
        return
    key, node = f"augment:{line.id}", line.node
    on = bool(st.session_state.get(f"{key}:on", node.enabled))
    p = st.session_state.get(f"{key}:p", node.p)
    new: Step | Group
    try:
        if isinstance(node, Group):
            picks = st.session_state.get(f"{key}:n", node.n) if node.name == "SomeOf" else None
            full = Group.create(node.name, [child.full_node for child in line.children], p, n=picks, enabled=on)
            new = Group(full.name, full.p, (), full.n, full.enabled)
        else:
            new = Step.create(node.name, p, enabled=on, **_read_values(node, key))
    except AugmentError as error:
        st.session_state[_PROBLEMS] = {line_id: str(error)}
        return
    _commit(pipeline_edits.replace_line(history().now, line_id, lambda old: [Line(old.id, new, old.children)]))


def _read_values(node: Step, key: str) -> dict[str, object]:
    """Return the values of a transform's widgets."""
    before: dict[str, Value] = dict(node.values)
    values: dict[str, object] = {}
    for parameter in node.spec.params:
        value: object = parameter_widgets.read(parameter, before[parameter.name], f"{key}:{parameter.name}")
        if isinstance(parameter, Nested) and values[parameter.by] != before[parameter.by]:
            value = None  # another option has parameters of its own, which begin at their defaults
        values[parameter.name] = value
    return values


def presets_row() -> None:
    """Draw the presets, with the one selected that equals the list."""
    named, current = presets(), pipeline()
    selected = next((name for name, preset in named.items() if preset == current), None)
    loads = st.session_state.setdefault(_LOADS, 0)
    # Under load Streamlit can replay the last value of a removed widget, which looks like a click; a new key after each
    # load avoids it.
    key = f"augment:preset:{loads}:{selected}"
    st.pills(
        "Presets",
        list(named),
        default=selected,
        key=key,
        on_change=load_preset,
        args=(key, selected, loads),
        wrap=True,
        label_visibility="collapsed",
    )


def load_preset(key: str, selected: str | None, loads: int) -> None:
    """Load the preset that a row of presets holds, once.

    Args:
        key: The row's key in the session.
        selected: The preset that the row was drawn with.
        loads: How often a preset had been loaded when the row was drawn.
    """
    name = st.session_state[key]
    if name is None:  # a click on the selected preset changes nothing
        st.session_state[key] = selected
    elif name != selected and loads == st.session_state[_LOADS]:
        st.session_state[_LOADS] += 1
        load(presets()[name])


def _add_row(group: int | None, open_menu: OpenMenu) -> None:
    key = f"augment:add:{'' if group is None else group}"

    def add_chosen() -> None:
        name = st.session_state[key]
        if name:
            add(name, group)
            st.session_state[key] = None

    names = [*GROUP_KINDS, *(name for kind in GROUPS for name, spec in CATALOG.items() if spec.group == kind)]
    label = "Add a transform" if group is None else "Add to this group"
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", wrap=False):
        st.selectbox(
            label,
            names,
            index=None,
            format_func=lambda name: f"{name} · {CATALOG[name].group if name in CATALOG else 'group'}",
            placeholder=label,
            key=key,
            on_change=add_chosen,
            label_visibility="collapsed",
        )
        if icon_button("grid_view", "Choose by picture", f"{key}:pictures", framed=True):
            open_menu(group)


def _line(
    line: Line, parent: Group | None, numbers: dict[int, int], first: bool, last: bool, open_menu: OpenMenu
) -> None:
    key, node = f"augment:{line.id}", line.node
    changed = partial(_changed, line.id)
    on = parameter_widgets.held(f"{key}:on", node.enabled)
    unfolds = line.id in unfolded()
    with st.container(border=True, gap="xsmall", key=f"{key}:frame"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", wrap=False):
            st.checkbox("On", **on, on_change=changed, label_visibility="collapsed", help="Switch on and off")
            # No st.expander: to Streamlit a new title is a new expander with new sliders, so that a drag would end at
            # its first step.
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
            st.caption(f":red[{escape_markdown(problem)}]")
        if isinstance(node, Group):
            group = line.full_node
            assert isinstance(group, Group)
            for index, child in enumerate(line.children):
                _line(child, group, numbers, index == 0, index == len(line.children) - 1, open_menu)
            _add_row(line.id, open_menu)


def _act(change: Callable[[], Lines]) -> None:
    _commit(change())


def _fold(line_id: int, unfold: bool) -> None:
    st.session_state[_OPEN] = unfolded() | {line_id} if unfold else unfolded() - {line_id}


def _title(line: Line, parent: Group | None, numbers: dict[int, int]) -> str:
    node = line.full_node
    share = parent.pick_share(node) if parent else ""
    prefix = f"{numbers[line.id]}. " if isinstance(node, Step) else f"{node.name}: "
    text = f"{prefix}{node.sentence(share)}"
    return text if node.enabled else f":gray[~~{text}~~]"


def _buttons(line: Line, first: bool, last: bool) -> None:
    key = f"augment:{line.id}"
    actions: tuple[tuple[str, str, Callable[[], Lines], bool], ...] = (
        ("arrow_upward", "Earlier", lambda: pipeline_edits.move_line(history().now, line.id, -1), first),
        ("arrow_downward", "Later", lambda: pipeline_edits.move_line(history().now, line.id, 1), last),
        ("content_copy", "Duplicate", lambda: pipeline_edits.duplicate_line(history().now, line.id, _new_id), False),
        ("delete", "Remove", lambda: pipeline_edits.remove_line(history().now, line.id), False),
    )
    with st.container(horizontal=True, gap="xsmall", horizontal_alignment="right"):
        for icon, help_, act, disabled in actions:
            icon_button(icon, help_, f"{key}:{icon}", _act, act, disabled=disabled)


def _settings(line: Line, key: str, changed: Callable[[], None]) -> None:
    node = line.node
    spec = node.spec if isinstance(node, Step) else GROUP_KINDS[node.name]
    st.caption(f"{spec.name}: {spec.summary}")
    probability = parameter_widgets.held(f"{key}:p", node.p)
    st.slider("probability", 0.0, 1.0, step=PROBABILITY.step, **probability, on_change=changed, help=PROBABILITY.help)
    if isinstance(node, Group):
        if node.name == "SomeOf" and len(line.children) > 1:
            n = pick_parameter(len(line.children))
            st.session_state[f"{key}:n"] = min(int(st.session_state.get(f"{key}:n", node.n)), int(n.high))
            picks = parameter_widgets.held(f"{key}:n")
            st.slider("n", int(n.low), int(n.high), step=1, **picks, on_change=changed, help=n.help)
        return
    values = dict(node.values)
    parameters = [parameter for parameter in node.spec.params if not parameter.advanced]
    advanced = [parameter for parameter in node.spec.params if parameter.advanced]
    for parameter in parameters:
        parameter_widgets.draw(parameter, values[parameter.name], f"{key}:{parameter.name}", changed)
    if advanced and st.toggle("More settings", key=f"{key}:more"):
        for parameter in advanced:
            parameter_widgets.draw(parameter, values[parameter.name], f"{key}:{parameter.name}", changed)


def _new_id() -> int:
    numbers = st.session_state.setdefault(_NEXT, count())
    return int(next(numbers))
