"""Text from outside (names, paths, messages) in Markdown."""

from __future__ import annotations


def escape_markdown(text: str) -> str:
    r"""Escape what Streamlit's Markdown would take for formatting, so that the text is shown as it is.

    Labels of widgets are read aloud as they are written, so what formats only at the start of a word stays within one.

    >>> print(escape_markdown("camvid_unet *1*"), escape_markdown("U-Net"), escape_markdown("- x"))
    camvid\_unet \*1\* U-Net \- x
    """
    return "".join(
        f"\\{letter}" if letter in "\\`*_{}[]().|<>$:~" or (letter in "#+-!" and not before.isalnum()) else letter
        for before, letter in zip(f" {text}", text, strict=False)
    )
