"""A popover that is filled once it is opened: what nobody looks at is neither made nor sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def popover(label: str, draw: Callable[[], object], *, alone: bool = True, **look: Any) -> None:  # noqa: ANN401 - handed on
    """Draw a button that opens a popover.

    Args:
        label: Text of the button.
        draw: Fills the popover; not called while it is closed.
        alone: Whether opening it, and using what is in it, draws the popover alone and not the page again.
        look: Further arguments of `st.popover`.
    """

    def drawn() -> None:
        with st.popover(label, on_change="rerun", **look) as opened:
            if opened.open:
                draw()

    (st.fragment(drawn) if alone else drawn)()
