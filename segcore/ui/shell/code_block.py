"""Commands and files as text to copy.

Streamlit's own `st.code` loads 1.6 MB of a highlighter, which blocks a page for a second, and the app shows code in the
colour of its text.
"""

from __future__ import annotations

import html
import re

import streamlit as st

_OPTION = re.compile(r"(?<!\S)--?[a-z][\w-]*")  # a browser would break a line after each of its hyphens


def code_block(text: str, *, height: int | None = None) -> None:
    """Draw a text as it stands, with a button that copies it (`copying.js`).

    Args:
        text: One or several lines.
        height: Largest height in px, from which on it scrolls; None shows all.
    """
    scrolls = f' tabindex="0" style="max-height:{height}px"' if height else ""
    whole = _OPTION.sub(lambda option: f"<span>{option[0]}</span>", html.escape(text))
    st.html(
        f'<div class="sc-code"><pre{scrolls}><code>{whole}</code></pre>'
        '<button type="button" aria-label="Copy" title="Copy">Copy</button></div>'
    )
