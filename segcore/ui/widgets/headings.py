"""Titles of pages and headings over scores."""

from __future__ import annotations

import streamlit as st

from segcore.metrics import EXPLAIN
from segcore.ui.shell.markdown import escape_markdown


def page_heading(title: str, note: str = "", help: str | None = None) -> None:
    """A page's title with one quiet line under it."""
    with st.container(horizontal=True, vertical_alignment="center", key="title"):
        st.title(title, anchor=False, width="content")
    if note:
        st.caption(note, help=help)


def scores_heading(title: str, *, page: bool = False, more: str = "") -> None:
    """A heading over scores, with a button that explains how such scores are counted.

    Args:
        title: The heading's text.
        page: Whether it is the page's title, not a heading within it.
        more: Markdown added to the explanation: how the scores of this page were counted.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="title" if page else None):
        (st.title if page else st.subheader)(title, anchor=False, width="content")
        with st.popover("How is this counted?", type="tertiary", icon=":material/help:"):
            topics = [f"**{escape_markdown(topic)}.** {escape_markdown(text)}" for topic, text in EXPLAIN.items()]
            st.markdown("\n\n".join([*topics, more]))
