"""The widgets of a transform's parameters: one kind of parameter, one kind of widget.

A widget's value lives in the session under its key, and nowhere else: it is put there before the widget is drawn and
whenever the pipeline changes otherwise (a preset, undo), so that a widget never shows what the pipeline does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import streamlit as st

from segcore.augment import Axes, Bounded, Choice, Color, Flag, Nested, Number, Pair, Parameter, Range, Region, Value
from segcore.augment.parameters import is_named_pairs, named_pairs

_LONGEST_SLIDER = 1200  # steps; longer ones can't be set by hand to a number one wants


def keys_of(parameter: Parameter, value: Value, key: str) -> dict[str, Any]:
    """What the session holds for the widgets of a parameter at a value: key -> value of the widget."""
    if isinstance(parameter, Nested):
        return {
            k: v for each, one, inner in _inner(parameter, value, key) for k, v in keys_of(each, one, inner).items()
        }
    if isinstance(parameter, Axes):
        split = is_named_pairs(value)
        ends: Mapping[str, Any] = dict(named_pairs(value)) if split else {"x": value, "y": value}
        whole = ends["x"] if split else value
        return {f"{key}:apart": split, key: whole, f"{key}:x": ends["x"], f"{key}:y": ends["y"]}
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
        shown = value if value is not None else _shown_for_none(parameter)
        return {f"{key}:set": value is not None, key: shown}
    return {key: value}


def read(parameter: Parameter, value: Value, key: str) -> object:
    """What the widgets of a parameter say; `value` where they are not drawn."""
    if isinstance(parameter, Nested):
        return {each.name: read(each, one, inner) for each, one, inner in _inner(parameter, value, key)}
    held: dict[str, Any] = {
        name: st.session_state.get(name, given) for name, given in keys_of(parameter, value, key).items()
    }
    if isinstance(parameter, Axes):
        return {"x": held[f"{key}:x"], "y": held[f"{key}:y"]} if held[f"{key}:apart"] else held[key]
    if isinstance(parameter, Pair):
        return held[f"{key}:first"], held[f"{key}:second"]
    if isinstance(parameter, Region):
        (left, right), (top, bottom) = held[f"{key}:across"], held[f"{key}:down"]
        return left, top, right, bottom
    if isinstance(parameter, Color):
        return tuple(bytes.fromhex(held[key].removeprefix("#")))
    if isinstance(parameter, Number | Range) and parameter.none and not held[f"{key}:set"]:
        return None
    return held[key]


def draw(parameter: Parameter, value: Value, key: str, changed: Callable[[], None]) -> None:
    """Draw the widgets of a parameter; `changed` is called when one of them is."""
    for name, held in keys_of(parameter, value, key).items():
        if name not in st.session_state:
            st.session_state[name] = held
    more: dict[str, Any] = {"help": parameter.help or None, "on_change": changed}
    label = parameter.label
    if isinstance(parameter, Nested):
        st.caption(label)
        for each, one, inner in _inner(parameter, value, key):
            draw(each, one, inner, changed)
    elif isinstance(parameter, Flag):
        st.toggle(label, key=key, **more)
    elif isinstance(parameter, Choice):
        st.pills(
            label,
            list(parameter.options),
            format_func=lambda name: name.replace("_", " "),
            required=True,
            key=key,
            wrap=True,
            **more,
        )
    elif isinstance(parameter, Color):
        st.color_picker(label, key=key, **more)
    elif isinstance(parameter, Region):
        st.slider(f"{label}, across", 0.0, 1.0, step=0.01, key=f"{key}:across", **more)
        st.slider(f"{label}, down", 0.0, 1.0, step=0.01, key=f"{key}:down", on_change=changed)
    elif isinstance(parameter, Pair):
        with st.container(horizontal=True, gap="small"):
            for part, place in zip(parameter.parts, ("first", "second"), strict=True):
                low, high, step = int(parameter.low), int(parameter.high), int(parameter.step)
                st.number_input(f"{label}: {part}", low, high, step=step, key=f"{key}:{place}", width=150, **more)
    elif isinstance(parameter, Axes):
        if st.session_state[f"{key}:apart"]:
            for axis in ("x", "y"):
                _slider(parameter, f"{label}, {axis}", f"{key}:{axis}", more)
        else:
            _slider(parameter, label, key, more)
        st.toggle("x and y apart", key=f"{key}:apart", on_change=_part, args=(key, changed))
    elif isinstance(parameter, Bounded):
        none = parameter.none if isinstance(parameter, Number | Range) else ""
        if none:
            st.toggle(f"{label}: set (else {none})", key=f"{key}:set", **more)
        if not none or st.session_state[f"{key}:set"]:
            _slider(parameter, label, key, more)


def _inner(parameter: Nested, value: Value, key: str) -> Iterator[tuple[Parameter, Value, str]]:
    """(parameter, value, key); another option has other keys, since its parameters may have the same names."""
    for each, (name, one) in zip(parameter.parameters(value), named_pairs(value), strict=True):
        yield each, one, f"{key}:{parameter.option(value)}:{name}"


def _part(key: str, changed: Callable[[], None]) -> None:
    """Two axes begin where the one range stands, and the other way round."""
    held = st.session_state
    if held[f"{key}:apart"]:
        held[f"{key}:x"] = held[f"{key}:y"] = held[key]
    else:
        held[key] = held[f"{key}:x"]
    changed()


def _slider(parameter: Bounded, label: str, key: str, more: Mapping[str, Any]) -> None:
    kind = int if parameter.whole else float
    low, high, step = kind(parameter.low), kind(parameter.high), kind(parameter.step)
    many = (high - low) / step > _LONGEST_SLIDER
    if many and not isinstance(st.session_state[key], tuple):
        st.number_input(label, low, high, step=step, key=key, **more)
        return
    st.slider(label, low, high, step=step, key=key, format=None if parameter.whole else _format(step), **more)


def _format(step: float) -> str:
    """As many decimals as the step has."""
    digits = next((digits for digits in range(1, 5) if abs(round(step, digits) - step) < 1e-9), 4)
    return f"%.{digits}f"


def _shown_for_none(parameter: Number | Range) -> Any:  # noqa: ANN401 - a number, or two
    """Where the slider stands when null is replaced by a number for the first time."""
    kind = int if parameter.whole else float
    low, high = kind(parameter.low), kind(parameter.high)
    return (low, high) if isinstance(parameter, Range) else low
