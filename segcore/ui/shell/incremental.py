"""Count over many images a few at a time: the page answers at once, shows how far it is, and fills in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from segcore.errors import SegcoreError

R = TypeVar("R")
Ids = tuple[str, ...]
CHUNK = 8  # images between two looks at the clock
INTERVAL = 0.5  # s between two rounds of work
TIME_BUDGET = 0.4  # s of work in one round; then the page may answer to clicks


def chunks(ids: Sequence[str]) -> list[Ids]:
    """Split ids into tuples of `CHUNK`.

    >>> [len(chunk) for chunk in chunks([str(index) for index in range(20)])]
    [8, 8, 4]
    """
    return [tuple(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]


def process_incrementally(
    name: str, wanted: Sequence[Ids], work: Callable[[Ids], R], text: str, *, partly: bool = False
) -> dict[Ids, R]:
    """Return the results so far, and show a progress bar here until all chunks are done.

    Args:
        name: Key of the results in the session; another name begins anew.
        wanted: Chunks of ids.
        work: Called once with each chunk. A `SegcoreError` is shown, and ends the work.
        text: Shown before the numbers, e.g. `Counting pixels`.
        partly: Draw the page again each time twice as much is done, not only at the end.

    Returns:
        Chunk -> result; complete when it is as long as `wanted`.
    """
    results: dict[Ids, R] = st.session_state.setdefault(f"gathered:{name}", {})
    missing = [chunk for chunk in wanted if chunk not in results]
    twice = max(1, 2 * (len(wanted) - len(missing)))
    total = sum(map(len, wanted))

    @st.fragment(run_every=INTERVAL)
    def count() -> None:
        until = time.perf_counter() + TIME_BUDGET
        while missing and time.perf_counter() < until:
            try:
                results[missing[0]] = work(missing[0])
            except SegcoreError as error:
                st.caption(f"Can't be counted: {error}")
                return
            del missing[0]
        done = len(wanted) - len(missing)
        if not missing or (partly and begun and done >= twice):
            st.rerun()
        left = sum(map(len, missing))
        st.progress(1 - left / total, f"{text}: {total - left} of {total} images")

    begun = False
    if missing:
        count()
    begun = True  # from here on the fragment runs by itself, and must rerun the page to show more
    return {chunk: results[chunk] for chunk in wanted if chunk in results}
