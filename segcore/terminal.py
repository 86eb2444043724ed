"""Prints to a terminal: what names and texts of data hold is shown, and never obeyed as a command to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final, TextIO

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


class _TextStream:
    """A stream that writes text alone. `TextConsole` writes its own colours past it, as Rich does by this attribute."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        return self.rich_proxied_file.write(visible(text))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.rich_proxied_file, name)


@contextmanager
def text_output() -> Iterator[None]:
    """Let everything that is printed inside the block be text; what a command does stands in it."""
    out, error = (_TextStream(getattr(stream, "rich_proxied_file", stream)) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(error):
        yield
