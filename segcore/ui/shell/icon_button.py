"""Buttons that are one icon."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

ICON_KEY = "icon-"  # begins the keys of buttons, and of menus, whose text `page.css` leaves to screen readers


def icon_button(
    icon: str,
    name: str,
    key: str,
    on_click: Callable[..., None] | None = None,
    *args: object,
    framed: bool = False,
    disabled: bool = False,
) -> bool:
    """Draw a button that shows an icon alone; return whether it was clicked.

    Args:
        icon: Name of one of Google's Material Symbols.
        name: What it does: its tooltip, and its name for screen readers, which `page.css` hides from the eye.
        key: Key of the widget.
        on_click: Called after a click, with `args`.
        args: See `on_click`.
        framed: Draw a frame around it.
        disabled: Whether it can't be clicked.
    """
    return st.button(
        name,
        icon=f":material/{icon}:",
        help=name,
        key=f"{ICON_KEY}{key}",
        on_click=on_click,
        args=args,
        disabled=disabled,
        type="secondary" if framed else "tertiary",
    )
