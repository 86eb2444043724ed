"""HTML and SVG as text: elements whose attributes and text are always escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

Child: TypeAlias = "str | float | Iterable[Child] | None"
_VOID = {"br", "hr", "img", "meta", "link", "col"}


class Html(str):
    """Text that is markup already, and is put in as it is."""

    __slots__ = ()


def el(name: str, /, *children: Child, **attributes: object) -> Html:
    """An element.

    Args:
        name: Of the tag.
        children: Text (escaped), `Html` (as it is), iterables of those; None is left out.
        attributes: `class_` is `class`, `stroke_width` is `stroke-width`; None and False are left out, True has no
            value.

    >>> el("td", "a < b", class_="num", hidden=False)
    '<td class="num">a &lt; b</td>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        words.append(word if value is True else f'{word}="{escape(text(value))}"')
    opening = f"<{' '.join(words)}>"
    return Html(opening if name in _VOID else f"{opening}{inner(*children)}</{name}>")


def prose(said: str) -> Html:
    """A sentence; what stands between backticks is code.

    >>> prose("`train.py` trains < 3")
    '<code>train.py</code> trains &lt; 3'
    """
    return inner(el("code", part) if index % 2 else part for index, part in enumerate(said.split("`")))


def inner(*children: Child) -> Html:
    """Children one after the other, without an element around them."""
    return Html("".join(_each(children)))


def text(value: object) -> str:
    """A value as an attribute: numbers without needless digits.

    >>> text(12.50), text(3), text("a")
    ('12.5', '3', 'a')
    """
    return f"{round(value, 3):g}" if isinstance(value, float) else str(value)


def _each(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield escape(child, quote=False)
        elif isinstance(child, Iterable):
            yield from _each(child)
        elif child is not None:
            yield text(child)
