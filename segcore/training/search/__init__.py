"""Searching for settings by cross-validation, with Optuna, which is loaded when a search starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segcore.training.search.space import Space, read_space

if TYPE_CHECKING:
    from segcore.training.search.loop import SearchPlan as SearchPlan
    from segcore.training.search.loop import search as search

__all__ = ["SearchPlan", "Space", "read_space", "search"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in ("SearchPlan", "search"):
        from segcore.training.search import loop

        return getattr(loop, name)
    raise AttributeError(f"module 'segcore.training.search' has no attribute {name!r}")
