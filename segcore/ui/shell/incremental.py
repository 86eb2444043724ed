"""Long counting a few pieces at a time: the page answers at once, says how far it is, and fills in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.widgets.thumbnail_grid import BUDGET

R = TypeVar("R")
CHUNK = 8  # pieces between two looks at the clock
EVERY = 0.5  # s


def chunks(ids: Sequence[str]) -> list[tuple[str, ...]]:
    """The ids, a few together."""
    return [tuple(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]


def gather(
    name: str,
    wanted: Sequence[tuple[str, ...]],
    work: Callable[[tuple[str, ...]], R],
    words: str,
    *,
    partly: bool = False,
) -> dict[tuple[str, ...], R]:
    """What `work` makes of every chunk that is done yet; a progress bar stands here until all are.

    Args:
        name: Under which the session keeps what is done; another name begins anew.
        wanted: Chunks of ids.
        work: Called once a chunk. What it raises as a `SegcoreError` is said, and ends the work.
        words: Before the numbers, e.g. `Counting pixels`.
        partly: Draw the page again each time twice as much is done, not only at the end.

    Returns:
        Chunk -> result; complete when it is as long as `wanted`.
    """
    parts: dict[tuple[str, ...], R] = st.session_state.setdefault(f"gathered:{name}", {})
    missing = [chunk for chunk in wanted if chunk not in parts]
    twice = max(1, 2 * (len(wanted) - len(missing)))
    pieces = sum(map(len, wanted))

    @st.fragment(run_every=EVERY)
    def count() -> None:
        until = time.perf_counter() + BUDGET
        while missing and time.perf_counter() < until:
            try:
                parts[missing[0]] = work(missing[0])
            except SegcoreError as error:
                st.caption(f"Can't be counted: {error}")
                return
            del missing[0]
        done = len(wanted) - len(missing)
        if not missing or (partly and begun and done >= twice):
            st.rerun()
        left = sum(map(len, missing))
        st.progress(1 - left / pieces, f"{words}: {pieces - left} of {pieces} images")

    begun = False
    if missing:
        count()
    begun = True  # from here on the fragment runs by itself, and the page has to be told
    return {chunk: parts[chunk] for chunk in wanted if chunk in parts}
