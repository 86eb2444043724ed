"""Takes a few items spread evenly over many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> tuple[T, ...]:
    """At most `count` items at even steps, the first and the last among them.

    >>> spread("abcdefg", 3), spread("ab", 3), spread("", 3)
    (('a', 'd', 'g'), ('a', 'b'), ())
    """
    if len(items) <= count:
        return tuple(items)
    return tuple(items[place * (len(items) - 1) // (count - 1)] for place in range(count))
