"""Text from outside (names, paths, messages) in Markdown."""

from __future__ import annotations


def escape_markdown(text: str) -> str:
    r"""Escape what Streamlit's Markdown would take for formatting, so that the text is shown as it is.

    >>> escape_markdown("camvid_unet *1*")
    'camvid\\_unet \\*1\\*'
    """
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()#+-.!|<>$:~" else letter for letter in text)
