"""Prints to a terminal: what names and texts of data hold is shown, and never obeyed as a command to the terminal."""

from __future__ import annotations

from typing import Final, TextIO

# Control characters but line feed and tab, marks that turn the direction of writing, and halves of characters, which
# stand for bytes of a name that is no UTF-8.
_CONTROLS: Final = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
    if chr(code) not in "\n\t"
}


def visible(text: str) -> str:
    r"""A text with its control characters as escapes.

    >>> print(visible("night\x1b[2J.png"))
    night\x1b[2J.png
    """
    return text if text.isprintable() else text.translate(_CONTROLS)


def print_text(*values: object, file: TextIO | None = None, end: str = "\n", flush: bool = False) -> None:
    r"""Print values as text, in place of `print`; the streams stay as they are, for libraries that draw on them.

    >>> print_text("a\x1b[2J", 1)
    a\x1b[2J 1
    """
    print(*(visible(str(value)) for value in values), file=file, end=end, flush=flush)
