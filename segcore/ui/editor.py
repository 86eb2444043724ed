"""The pipeline editor: an ordered list of transforms, each a line that unfolds to its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import streamlit as st

from segcore.augment import CATALOG, GROUPS, PROBABILITY, Choice, Flag, Parameter, Pipeline, Step, Value, presets
from segcore.errors import AugmentError
from segcore.runs.files import replacing

FOLDER = Path("pipelines")
FIRST = "light"
_ENTRIES = "augment:entries"
_NEXT = "augment:next"
_PRESET = "augment:preset"


@dataclass(frozen=True)
class Entry:
    """One line of the editor.

    Args:
        id: Of its widgets; never used twice in a session.
        step: The transform with its settings.
        on: Switched on.
    """

    id: int
    step: Step
    on: bool = True


def entries() -> list[Entry]:
    """The lines of this session; begins with the mildest preset that does something."""
    if _ENTRIES not in st.session_state:
        load(presets()[FIRST])
    return list(st.session_state[_ENTRIES])


def pipeline() -> Pipeline:
    """What the switched-on lines make."""
    return Pipeline(tuple(entry.step for entry in entries() if entry.on))


def load(wanted: Pipeline) -> None:
    """Replace all lines."""
    st.session_state[_ENTRIES] = [Entry(_fresh(), step) for step in wanted.steps]


def add(name: str) -> None:
    """Append a transform at its defaults."""
    st.session_state[_ENTRIES] = [*entries(), Entry(_fresh(), Step.create(name))]


def move(entry_id: int, by: int) -> None:
    """Move a line up (-1) or down (1); at the ends it stays."""
    lines = entries()
    at = next(index for index, entry in enumerate(lines) if entry.id == entry_id)
    to = min(len(lines) - 1, max(0, at + by))
    lines.insert(to, lines.pop(at))
    st.session_state[_ENTRIES] = lines


def remove(entry_id: int) -> None:
    """Take a line out."""
    st.session_state[_ENTRIES] = [entry for entry in entries() if entry.id != entry_id]


def save(name: str, wanted: Pipeline) -> Path:
    """Write a pipeline into `pipelines/`, as a file that `--augment` takes.

    Raises:
        AugmentError: when the name has no letters or digits.
    """
    clean = re.sub(r"[^\w-]+", "-", name).strip("-")
    if not clean:
        raise AugmentError(f"No pipeline can be called {name!r}; expected letters or digits.")
    path = FOLDER / f"{clean}.yaml"
    with replacing(path) as temporary:
        temporary.write_text(wanted.to_yaml(), encoding="utf-8")
    return path


def draw() -> None:
    """Draw the editor; what its widgets hold becomes the session's lines."""
    _preset_row()
    lines = entries()
    with st.container(gap="xsmall"):
        changed = [_line(entry, index, len(lines)) for index, entry in enumerate(lines)]
    if changed != lines:
        st.session_state[_ENTRIES] = changed
        st.rerun()  # the sentences above the settings follow at once
    _add_row()


def _preset_row() -> None:
    named, own = presets(), Pipeline(tuple(entry.step for entry in entries()))
    # Lit while the list still is that preset.
    st.session_state[_PRESET] = next((name for name, preset in named.items() if preset == own), None)
    st.pills(
        "Presets",
        list(named),
        key=_PRESET,
        on_change=_load_preset,
        help="Replaces the list.",
        wrap=True,
    )


def _load_preset() -> None:
    name = st.session_state[_PRESET]
    if name:
        load(presets()[name])


def _add_row() -> None:
    def chosen() -> None:
        name = st.session_state["augment:add"]
        if name:
            add(name)
            st.session_state["augment:add"] = None

    ordered = [name for group in GROUPS for name, spec in CATALOG.items() if spec.group == group]
    st.selectbox(
        "Add a transform",
        ordered,
        index=None,
        format_func=lambda name: f"{name} · {CATALOG[name].group}",
        placeholder="Add a transform",
        key="augment:add",
        on_change=chosen,
        label_visibility="collapsed",
    )


def _line(entry: Entry, index: int, total: int) -> Entry:
    spec, key = entry.step.spec, f"augment:{entry.id}"
    sentence = entry.step.sentence() if entry.on else f":gray[~~{entry.step.sentence()}~~]"
    with st.expander(f"{index + 1}. {sentence}", key=f"{key}:fold"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            on = st.toggle("On", value=entry.on, key=f"{key}:on")
            st.space("stretch")
            icons = (
                ("arrow_upward", "Earlier", move, (entry.id, -1), index == 0),
                ("arrow_downward", "Later", move, (entry.id, 1), index == total - 1),
                ("delete", "Remove", remove, (entry.id,), False),
            )
            for icon, help_, act, args, off in icons:
                st.button(
                    "",
                    icon=f":material/{icon}:",
                    help=help_,
                    key=f"{key}:{icon}",
                    on_click=act,
                    args=args,
                    disabled=off,
                    type="tertiary",
                )
        st.caption(f"{spec.name}: {spec.summary}")
        given = dict(entry.step.values)
        chance = st.slider(
            "probability", 0.0, 1.0, entry.step.p, PROBABILITY.step, key=f"{key}:p", help=PROBABILITY.help
        )
        values = {each.name: _setting(each, given[each.name], f"{key}:{each.name}") for each in spec.params}
    try:
        return replace(entry, step=Step.create(entry.step.name, chance, **values), on=on)
    except AugmentError as error:
        st.caption(f":red[{error}]")
        return entry


def _setting(spec: Parameter, value: Value, key: str) -> Value:
    """The widget of one parameter."""
    label, help_ = spec.name.replace("_", " "), spec.help or None
    if isinstance(spec, Flag):
        return st.toggle(label, value=bool(value), key=key, help=help_)
    if isinstance(spec, Choice):
        picked = st.segmented_control(label, list(spec.options), default=str(value), required=True, key=key, help=help_)
        return str(picked or value)
    kind = int if isinstance(spec.step, int) else float
    unit = f"{label}, {spec.unit}" if spec.unit else label
    low, high, step = kind(spec.low), kind(spec.high), kind(spec.step)
    if isinstance(value, tuple):
        first, last = st.slider(unit, low, high, (kind(value[0]), kind(value[1])), step, key=key, help=help_)
        return kind(first), kind(last)
    assert isinstance(value, int | float)
    return kind(st.slider(unit, low, high, kind(value), step, key=key, help=help_))


def _fresh() -> int:
    numbers = st.session_state.setdefault(_NEXT, count())
    return int(next(numbers))
