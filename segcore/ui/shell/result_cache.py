"""Cached results of a page: tables and charts that a rerun without changes need not build again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from segcore.visual.vega_lite import Charts

T = TypeVar("T")


@st.cache_data(max_entries=400, show_spinner=False)
def cached_result(token: tuple[Hashable, ...], _make: Callable[[], T]) -> T:
    """Return a copy of what `_make` returned when it was first called with this token.

    Args:
        token: Plain values that stand for all that the result depends on.
        _make: Makes the result.
    """
    return _make()


@st.cache_data(max_entries=400, show_spinner=False)
def chart_spec(token: tuple[Hashable, ...], _build: Callable[[], Charts]) -> dict[str, Any]:
    """Return a chart for `st.vega_lite_chart`; building one takes Altair 10 to 30 ms.

    Args:
        token: Plain values that stand for all that the chart depends on.
        _build: Builds the chart.
    """
    from segcore.visual.vega_lite import vega_lite

    return vega_lite(_build)
