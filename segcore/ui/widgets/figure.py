"""Charts and pictures with a button that saves them for paper: with a legend, as PNG of 300 dpi, SVG or PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

import streamlit as st

from segcore.ui.shell.icon_button import ICON_KEY

if TYPE_CHECKING:
    from segcore.visual.render import Chart, Height

FIGURE_WIDTH = 605  # px of saved pictures: the text of an A4 page
KINDS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


@contextmanager
def saved_as(
    name: str,
    draw: Callable[[], Chart],
    *,
    height: Height = None,
    style: Literal["figure", "pictures"] = "figure",
    key: str = "",
) -> Iterator[None]:
    """Draw in the block what the button saves.

    Args:
        name: Name of the file without suffix.
        draw: Makes the chart for paper, once the button is clicked.
        height: px of its plot, or of one of its steps; None for the chart's own.
        style: `figure` puts the button into the corner, `pictures` below.
        key: Unique on the page; the name by default.
    """
    with st.container(key=f"{style}-{key or name}", gap="small"):
        yield
        with st.popover(
            "Save", type="tertiary", icon=":material/download:", help="Save", key=f"{ICON_KEY}save-{key or name}"
        ):
            for kind, mime in KINDS.items():
                st.download_button(
                    kind.upper(),
                    partial(_printed, draw, kind, height),
                    f"{name}.{kind}",
                    mime,
                    key=f"save-{key or name}-{kind}",
                    on_click="ignore",
                    type="tertiary",
                )


def _printed(draw: Callable[[], Chart], kind: str, height: Height) -> bytes:
    from segcore.visual.render import to_print

    return to_print(draw(), kind, height=height)
