"""Draws and reads the widgets of a transform's parameters, one kind of widget for each kind of parameter.

A widget's value lives in the session under its key alone. It is put there before the widget is drawn, and whenever the
pipeline changes by other means (a preset, undo), so that widgets and pipeline never differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import streamlit as st

from segcore.augment import Axes, Bounded, Choice, Color, Flag, Nested, Number, Pair, Parameter, Range, Region, Value
from segcore.augment.parameter_base import is_named_pairs, named_pairs

_MAX_SLIDER_STEPS = 1200  # a longer slider can't be set to an exact number by hand


def held(key: str, initial: Any = None) -> dict[str, Any]:  # noqa: ANN401 - whatever the widget takes
    """Return `key` and `value` of a widget whose value lives in the session; why both, `url_state.bound` tells.

    Args:
        key: Key of the widget.
        initial: Its value where the session has none.
    """
    return {"key": key, "value": st.session_state.setdefault(key, initial)}


def widget_values(parameter: Parameter, value: Value, key: str) -> dict[str, Any]:
    """Return key -> value of the widgets that show a parameter's value."""
    if isinstance(parameter, Nested):
        widgets: dict[str, Any] = {}
        for inner, inner_value, inner_key in _inner_parameters(parameter, value, key):
            widgets |= widget_values(inner, inner_value, inner_key)
        return widgets
    if isinstance(parameter, Axes):
        split = is_named_pairs(value)
        ends: Mapping[str, Any] = dict(named_pairs(value)) if split else {"x": value, "y": value}
        joint = ends["x"] if split else value
        return {f"{key}:apart": split, key: joint, f"{key}:x": ends["x"], f"{key}:y": ends["y"]}
    if isinstance(parameter, Pair):
        assert isinstance(value, tuple)
        first, second = value
        return {f"{key}:first": first, f"{key}:second": second}
    if isinstance(parameter, Region):
        assert isinstance(value, tuple)
        left, top, right, bottom = value
        return {f"{key}:across": (left, right), f"{key}:down": (top, bottom)}
    if isinstance(parameter, Color):
        return {key: parameter.text(value)}
    if isinstance(parameter, Number | Range) and parameter.none:
        number = value if value is not None else _start_value(parameter)
        return {f"{key}:set": value is not None, key: number}
    return {key: value}


def read(parameter: Parameter, value: Value, key: str) -> object:
    """Return the value that a parameter's widgets hold; `value` where they are not drawn."""
    if isinstance(parameter, Nested):
        return {
            inner.name: read(inner, inner_value, inner_key)
            for inner, inner_value, inner_key in _inner_parameters(parameter, value, key)
        }
    values: dict[str, Any] = {
        name: st.session_state.get(name, initial) for name, initial in widget_values(parameter, value, key).items()
    }
    if isinstance(parameter, Axes):
        return {"x": values[f"{key}:x"], "y": values[f"{key}:y"]} if values[f"{key}:apart"] else values[key]
    if isinstance(parameter, Pair):
        return values[f"{key}:first"], values[f"{key}:second"]
    if isinstance(parameter, Region):
        (left, right), (top, bottom) = values[f"{key}:across"], values[f"{key}:down"]
        return left, top, right, bottom
    if isinstance(parameter, Color):
        return tuple(bytes.fromhex(values[key].removeprefix("#")))
    if isinstance(parameter, Number | Range) and parameter.none and not values[f"{key}:set"]:
        return None
    return values[key]


def draw(parameter: Parameter, value: Value, key: str, changed: Callable[[], None]) -> None:
    """Draw the widgets of a parameter; `changed` is called when one of them is moved."""
    for name, initial in widget_values(parameter, value, key).items():
        if name not in st.session_state:
            st.session_state[name] = initial
    more: dict[str, Any] = {"help": parameter.help or None, "on_change": changed}
    label = parameter.label
    if isinstance(parameter, Nested):
        st.caption(label)
        for inner, inner_value, inner_key in _inner_parameters(parameter, value, key):
            draw(inner, inner_value, inner_key, changed)
    elif isinstance(parameter, Flag):
        st.toggle(label, **held(key), **more)
    elif isinstance(parameter, Choice):
        names = {name: name.replace("_", " ") for name in parameter.options}
        more |= {"key": key, "default": st.session_state[key]}
        st.pills(label, list(names), format_func=names.__getitem__, required=True, wrap=True, **more)
    elif isinstance(parameter, Color):
        st.color_picker(label, **held(key), **more)
    elif isinstance(parameter, Region):
        st.slider(f"{label}, across", 0.0, 1.0, step=0.01, **held(f"{key}:across"), **more)
        st.slider(f"{label}, down", 0.0, 1.0, step=0.01, **held(f"{key}:down"), on_change=changed)
    elif isinstance(parameter, Pair):
        with st.container(horizontal=True, gap="small"):
            for part, place in zip(parameter.parts, ("first", "second"), strict=True):
                low, high, step = int(parameter.low), int(parameter.high), int(parameter.step)
                st.number_input(f"{label}: {part}", low, high, step=step, width=150, **held(f"{key}:{place}"), **more)
    elif isinstance(parameter, Axes):
        if st.session_state[f"{key}:apart"]:
            for axis in ("x", "y"):
                _slider(parameter, f"{label}, {axis}", f"{key}:{axis}", more)
        else:
            _slider(parameter, label, key, more)
        st.toggle("x and y separately", **held(f"{key}:apart"), on_change=_split_axes, args=(key, changed))
    elif isinstance(parameter, Bounded):
        none = parameter.none if isinstance(parameter, Number | Range) else ""
        if none:
            st.toggle(f"{label}: set (else {none})", **held(f"{key}:set"), **more)
        if not none or st.session_state[f"{key}:set"]:
            _slider(parameter, label, key, more)


def _inner_parameters(parameter: Nested, value: Value, key: str) -> Iterator[tuple[Parameter, Value, str]]:
    """Yield (parameter, value, key); keys hold the option, because parameters of two options may share a name."""
    for inner, inner_value in parameter.inner(value):
        yield inner, inner_value, f"{key}:{parameter.option(value)}:{inner.name}"


def _split_axes(key: str, changed: Callable[[], None]) -> None:
    """Begin two axes at the value of the joint one, or the joint one at the value of x."""
    state = st.session_state
    if state[f"{key}:apart"]:
        state[f"{key}:x"] = state[f"{key}:y"] = state[key]
    else:
        state[key] = state[f"{key}:x"]
    changed()


def _slider(parameter: Bounded, label: str, key: str, more: Mapping[str, Any]) -> None:
    kind = int if parameter.whole else float
    low, high, step = kind(parameter.low), kind(parameter.high), kind(parameter.step)
    many = (high - low) / step > _MAX_SLIDER_STEPS
    if many and not isinstance(st.session_state[key], tuple):
        st.number_input(label, low, high, step=step, **held(key), **more)
        return
    st.slider(label, low, high, step=step, **held(key), format=None if parameter.whole else _format(step), **more)


def _format(step: float) -> str:
    """Return a format with as many decimals as the step has."""
    digits = next((digits for digits in range(1, 5) if abs(round(step, digits) - step) < 1e-9), 4)
    return f"%.{digits}f"


def _start_value(parameter: Number | Range) -> Any:  # noqa: ANN401 - a number, or two
    """Return where the slider begins when a number replaces null."""
    kind = int if parameter.whole else float
    low, high = kind(parameter.low), kind(parameter.high)
    return (low, high) if isinstance(parameter, Range) else low
