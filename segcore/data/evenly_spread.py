"""Takes a few items spread evenly over many, such as the files that decide for all files of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from segcore.data.file_source import FileSource

T = TypeVar("T")
SAMPLED = 8  # files that decide


def spread(items: Sequence[T], count: int) -> tuple[T, ...]:
    """At most `count` items at even steps, the first and the last among them.

    >>> spread("abcdefg", 3), spread("ab", 3), spread("", 3)
    (('a', 'd', 'g'), ('a', 'b'), ())
    """
    count = min(count, len(items))
    return tuple(items[place * (len(items) - 1) // max(1, count - 1)] for place in range(count))


@dataclass(frozen=True)
class FileSample(Generic[T]):
    """Files spread over a dataset, which decide for all of them.

    Args:
        file_source: The folder or zip with the files.
        items: What is read of it: paths, or masks that are composed of several files.
    """

    file_source: FileSource
    items: tuple[T, ...]

    @classmethod
    def spread(cls, file_source: FileSource, items: Sequence[T]) -> Self:
        """A sample of the items, from the first to the last, at even steps."""
        return cls(file_source, spread(items, SAMPLED))
