"""Small tables in HTML, without pandas, which takes a second to import on a first page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from segcore.visual.whisker import Whisker


@dataclass(frozen=True)
class Cell:
    """A cell of a small table.

    Args:
        text: Its text.
        number: Whether it is right-aligned, with digits of one width.
        icon: Data URI of a dot or swatch before the text.
        whisker: An interval drawn before the text.
        worst: Whether it is tinted.
        title: Text shown on hover.
    """

    text: str
    number: bool = False
    icon: str | None = None
    whisker: Whisker | None = None
    worst: bool = False
    title: str = ""

    def to_html(self, tag: str = "td") -> str:
        """Return the cell as HTML, with its text escaped."""
        names = " ".join(name for name, on in (("n", self.number), ("worst", self.worst)) if on)
        icon = f'<img src="{self.icon}" alt="">' if self.icon else ""
        whisker = "" if self.whisker is None else self.whisker.to_html()
        title = f' title="{html.escape(self.title)}"' if self.title else ""
        return f'<{tag} class="{names}"{title}>{whisker}{icon}{html.escape(self.text)}</{tag}>'


def table(head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> None:
    """Draw a table; without a head where it is empty."""
    top = f"<tr>{''.join(cell.to_html('th') for cell in head)}</tr>" if head else ""
    body = "".join("<tr>" + "".join(cell.to_html() for cell in row) + "</tr>" for row in rows)
    st.html(f'<div class="sc-scroll"><table class="sc-table">{top}{body}</table></div>')


def format_number(value: float | None, digits: int = 3, divisor: float = 1, unit: str = "") -> str:
    """Format a number for a table, in a larger unit where a divisor is given, as a dash where there is none.

    >>> format_number(0.68421), format_number(None), format_number(float("nan")), format_number(3_304_000, 1, 1e6, " M")
    ('0.684', '–', '–', '3.3 M')
    """
    return "–" if value is None or value != value else f"{value / divisor:.{digits}f}{unit}"
