"""Keys that act on a page: a page says which, and `app.py` draws the list of them that `?` opens."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

# Those of the current script run, in its own thread.
_offered: ContextVar[tuple[Shortcut, ...]] = ContextVar("shortcuts", default=())


@dataclass(frozen=True)
class Shortcut:
    """Keys that do one thing.

    Args:
        keys: As `KeyboardEvent.key` names them; an arrow is shown as one.
        text: What they do.
        act: Called with the key before the page runs again; None where the browser alone acts on it.
    """

    keys: tuple[str, ...]
    text: str
    act: Callable[[str], object] | None = None


def begin() -> None:
    """Forget the keys of the run before."""
    _offered.set(())


def offer(keys: str | tuple[str, ...], text: str, act: Callable[[str], object] | None = None) -> None:
    """Add keys to those of this page; see `Shortcut`."""
    names = (keys,) if isinstance(keys, str) else keys
    _offered.set((*_offered.get(), Shortcut(names, text, act)))


def offered() -> tuple[Shortcut, ...]:
    """The keys of this run of the page, in the order in which they were offered."""
    return _offered.get()
