"""Choices that outlive a page and stand in the link: command line, session and query parameters.

The keys of widgets vanish when another page is opened, so a choice is kept under a key of its own; a widget is given a
key made from it and copies its value back when it changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from segcore.data.open_options import OpenOptions, add_open_arguments
from segcore.ui.shell import link_problems

T = TypeVar("T", str, float, int, bool, list[str])
_DEFAULTS = "segcore:defaults"  # what this run of the page may publish: name -> default
_FOLLOWED = "segcore:followed"  # what a choice falls back on, as of its last use: name -> default
_PAGE = "segcore:page"  # the page that is open, by its part of the address
_ASKED = "segcore:asked"  # what the link said on the page it opened: name -> text
_REFUSED = "segcore:refused"  # what of it isn't here: name -> sentence


@dataclass(frozen=True)
class Arguments:
    """What stands after `--` in `streamlit run app.py -- --data PATH --runs DIR`."""

    data: str | None
    runs: str
    options: OpenOptions


def arguments() -> Arguments:
    """The app's own part of the command line; unknown arguments are left alone."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--data")
    parser.add_argument("--runs", default="checkpoints")
    add_open_arguments(parser)
    try:
        known, _ = parser.parse_known_args(sys.argv[1:])
    except argparse.ArgumentError:
        known, _ = parser.parse_known_args([])
    return Arguments(known.data, known.runs, OpenOptions.of(known))


class Between(Collection[float]):
    """The numbers from `low` to `high`, as options of a choice."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def __iter__(self) -> Iterator[float]:
        return iter((self.low, self.high))

    def __len__(self) -> int:
        return 2


def begin(page: str = "") -> None:
    """Forget what the last run of a page would have published; on another page, what the link asked for too."""
    st.session_state[_DEFAULTS] = {}
    if st.session_state.get(_PAGE) == page:
        return
    st.session_state[_PAGE] = page
    st.session_state[_ASKED] = {
        name: text for name, text in st.query_params.items() if _key(name) not in st.session_state
    }
    st.session_state[_REFUSED] = {}
    if strange := link_problems.unknown(page, st.session_state[_ASKED]):
        st.session_state[_REFUSED][""] = strange


def refused() -> list[str]:
    """What the link of this page asked for that isn't here, in sentences."""
    return list(st.session_state.get(_REFUSED, {}).values())


def refuse(name: str, sentence: str) -> None:
    """Say, if it was the link that asked for it, that something isn't here."""
    if name in st.session_state.get(_ASKED, {}):
        st.session_state[_REFUSED][name] = sentence


def heed() -> None:
    """Enough was said about the link."""
    st.session_state[_REFUSED] = {}


def get(name: str, default: T, options: Collection[Any] | None = None) -> T:
    """A choice: the session's, else the link's, else the default; never one that is not among the options.

    Of a list what is among them is kept. What a link asks for in vain is told by `refused`. What was left at its
    default follows it where that changes (the order of a table with what it is ranked by), as a link without it does.

    Args:
        name: In the session and in the link.
        default: Taken when nothing, or nothing valid, was chosen; not written into the link.
        options: What is valid: a collection of names, or a `Between` for numbers.
    """
    st.session_state.setdefault(_DEFAULTS, {})[name] = default
    key = _key(name)
    if key not in st.session_state:
        found = _parsed(name, default)
        if found is None and name in st.query_params:
            refuse(name, link_problems.refusal(name, [st.query_params[name]], _choices(default, options)))
        st.session_state[key] = default if found is None else found
    followed = st.session_state.setdefault(_FOLLOWED, {})
    if name in followed and st.session_state[key] == followed[name]:
        st.session_state[key] = default
    followed[name] = default
    value = st.session_state[key]
    missing = [] if options is None else [each for each in _each(value) if each not in options]
    if missing:
        refuse(name, link_problems.refusal(name, [_text(each) for each in missing], options))
        value = [each for each in _each(value) if each not in missing] or default
        value = value if isinstance(default, list) else default
        st.session_state[key] = value
    return value


def held(name: str, otherwise: T) -> T:
    """A choice as it stands, for callbacks: they change one, and know neither its default nor its options."""
    value: T = st.session_state.get(_key(name), otherwise)
    return value


def put(name: str, value: Any) -> None:  # noqa: ANN401 - whatever the choice holds
    """Make a choice; its widget shows it from the next run on."""
    st.session_state[_key(name)] = value
    st.session_state.pop(_widget_key(name), None)
    _chosen_here(name)


def forget(name: str) -> None:
    """Back to the default."""
    st.session_state.pop(_widget_key(name), None)
    st.session_state.pop(_key(name), None)
    _chosen_here(name)
    if name in st.query_params:
        del st.query_params[name]


def bound(name: str, default: T, options: Collection[Any] | None = None) -> dict[str, Any]:
    """Keyword arguments (`key`, `on_change`, `args`) that tie a widget to a choice."""
    value = get(name, default, options)
    key = _widget_key(name)
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = list(value) if isinstance(value, list) else value
    return {"key": key, "on_change": _keep, "args": (name,)}


def publish() -> None:
    """Write every choice that differs from its default into the link, and nothing else."""
    wanted: dict[str, str] = {}
    for name, default in st.session_state.get(_DEFAULTS, {}).items():
        value = st.session_state.get(_key(name), default)
        if value != default:
            wanted[name] = ",".join(value) if isinstance(value, list) else _text(value)
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def _key(name: str) -> str:
    return f"choice:{name}"


def _widget_key(name: str) -> str:
    return f"widget:{name}"


def _keep(name: str) -> None:
    value = st.session_state[_widget_key(name)]
    if value is not None:  # a segmented control may be clicked empty; the choice then stays
        st.session_state[_key(name)] = list(value) if isinstance(value, list) else value
        _chosen_here(name)


def _chosen_here(name: str) -> None:
    """From now on it is a person's choice and not the link's."""
    st.session_state.get(_ASKED, {}).pop(name, None)


def _each(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _choices(default: object, options: Collection[Any] | None) -> Collection[Any] | None:
    return ("True", "False") if isinstance(default, bool) else options


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parsed(name: str, default: T) -> Any | None:  # noqa: ANN401 - of the default's type
    text = st.query_params.get(name)
    if text is None:
        return None
    try:
        if isinstance(default, bool):
            return {"True": True, "False": False}.get(text)
        if isinstance(default, list):
            return [item for item in text.split(",") if item]
        return type(default)(text)
    except ValueError:
        return None
