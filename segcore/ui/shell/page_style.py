"""The few rules that Streamlit's theme has no setting for, and which theme is on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st


def apply_page_style() -> None:
    """Add `page.css` to the page."""
    st.html(f"<style>\n{_css()}</style>")


def is_dark() -> bool:
    """Whether the page is dark, for charts that choose colours by it; read again whenever the page runs."""
    return bool(st.context.theme.type == "dark")


@cache
def _css() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")
