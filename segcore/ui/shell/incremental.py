"""Count over many images a few at a time: the page answers at once, shows how far it is, and fills in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.shell.markdown import escape_markdown

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

    def count() -> str:
        until = time.perf_counter() + TIME_BUDGET
        try:
            while missing and time.perf_counter() < until:
                results[missing[0]] = work(missing[0])
                del missing[0]
        except SegcoreError as error:
            return f"Can't be counted: {escape_markdown(str(error))}"
        return ""

    @st.fragment(run_every=INTERVAL)
    def go_on(problem: str) -> None:
        if alone:
            problem = count()
            if not missing or (partly and len(wanted) - len(missing) >= twice):
                st.rerun()
        if problem:
            st.caption(problem)
            return
        left = sum(map(len, missing))
        st.progress(1 - left / total, f"{text}: {total - left} of {total} images")

    alone = False
    problem = count()  # not in the fragment: what is done at once needs no second run of the page
    if missing:
        go_on(problem)
    alone = True  # from here on the fragment runs without the page
    return {chunk: results[chunk] for chunk in wanted if chunk in results}
