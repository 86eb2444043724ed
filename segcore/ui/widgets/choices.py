"""Rows of buttons and menus whose choice stands in the link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from segcore.ui.shell import shortcuts, url_state
from segcore.ui.shell.markdown import escape_markdown

Options = Mapping[str, str] | Sequence[str]  # name in the link -> title; or names that are their own titles


def choose(label: str, name: str, options: Options, *, help: str | None = None) -> str:
    """Draw options as a row of buttons, the first one being the default; return the chosen one.

    Args:
        label: What is chosen, for screen readers.
        name: Name of the choice in the link.
        options: The options.
        help: Tooltip.
    """
    arguments = _arguments(name, options, menu=False)
    titled = arguments.pop("format_func")
    arguments["format_func"] = lambda option: escape_markdown(titled(option))  # Streamlit reads buttons as Markdown
    return st.segmented_control(label, required=True, help=help, **arguments) or next(iter(options))


def menu(label: str, name: str, options: Options, default: str = "", *, width: int | None = None) -> str:
    """Draw options as a menu; return the chosen one.

    Args:
        label: What is chosen, for screen readers.
        name: Name of the choice in the link.
        options: The options.
        default: The option that is chosen at first; the first one where it is empty.
        width: Width in px; None takes the room there is.
    """
    chosen: str = st.selectbox(label, width=width or "stretch", **_arguments(name, options, default, menu=True))
    return chosen


def _arguments(name: str, options: Options, default: str = "", *, menu: bool) -> dict[str, Any]:
    titles = options if isinstance(options, Mapping) else {option: option for option in options}
    bound = url_state.bound(name, default or next(iter(titles)), list(titles), menu=menu)
    return bound | {"options": list(titles), "format_func": titles.__getitem__, "label_visibility": "collapsed"}


def next_option(name: str, options: Sequence[str], key: str, what: str, default: str = "") -> None:
    """Offer a key that goes to the next option of a choice and, with Shift, to the one before.

    Args:
        name: Name of the choice in the link.
        options: The options.
        key: A lower-case letter.
        what: What the options are, in one word.
        default: The option that is chosen at first; the first one where it is empty.
    """
    if len(options) < 2:
        return

    def step(pressed: str) -> None:
        place = options.index(url_state.current(name, default or options[0]))
        url_state.put(name, options[(place + (1 if pressed == key else -1)) % len(options)])

    shortcuts.offer((key, key.upper()), f"next {what}, {what} before", step)
