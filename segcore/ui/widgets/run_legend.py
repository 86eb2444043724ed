"""The runs' colours with their names, beside charts whose lines have no names of their own."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from segcore.visual import swatch


def run_legend(colors: Mapping[str, str]) -> None:
    """Draw a line of dots with names.

    Args:
        colors: Title of a run -> hex.
    """
    names = (
        f'<span><img src="{swatch(color, round_=True)}" alt="">{html.escape(title)}</span>'
        for title, color in colors.items()
    )
    st.html(f'<div class="sc-names">{"".join(names)}</div>')
