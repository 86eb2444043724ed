"""A contact sheet: pages of thumbnails that fill up a few at a time while the rest of the app stays usable."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.shell import url_state
from segcore.ui.shell.link_problems import refusal
from segcore.ui.widgets.elements import Thumb, gallery

PAGE = 24  # thumbnails a page: what a large screen shows at once
BUDGET = 0.4  # seconds of drawing in one go; then the page may answer to clicks


def thumbs(
    ids: Sequence[str], known: dict[str, Thumb], draw: Callable[[str], Thumb], seconds: float = BUDGET
) -> list[Thumb]:
    """Thumbnails of `ids`: the known ones, as many new ones as the time allows, and placeholders for the rest.

    What is drawn is added to `known`.
    """
    until = time.perf_counter() + seconds
    shown = []
    for sample_id in ids:
        if sample_id not in known and time.perf_counter() < until:
            try:
                known[sample_id] = draw(sample_id)
            except SegcoreError:  # opening the sample says why
                known[sample_id] = Thumb(sample_id, note="unreadable")
        shown.append(known.get(sample_id, Thumb(sample_id, waiting=True)))
    return shown


def sheet(
    ids: Sequence[str],
    size: tuple[int, int],
    draw: Callable[[str], Thumb],
    *,
    version: Hashable,
    on_pick: Callable[[str], None],
    page: str = "page",
    **look: Any,  # noqa: ANN401 - handed on
) -> None:
    """One page of thumbnails.

    Args:
        ids: All images, in order.
        size: (height, width) that gives the boxes their shape.
        draw: Makes one thumbnail; a `SegcoreError` makes it "unreadable".
        version: What the thumbnails depend on besides their id; another version draws them anew.
        on_pick: Called with the id that was clicked. The page is drawn again after it.
        page: Name of the choice that holds the page, in the session and in the link.
        look: Further arguments of `gallery`.
    """
    pages = max(1, -(-len(ids) // PAGE))
    wanted = url_state.get(page, 1, url_state.Between(1, 10**6))
    if wanted > pages:
        url_state.refuse(page, refusal(page, [str(wanted)], url_state.Between(1, pages)))
    number = min(wanted, pages)
    shown = ids[(number - 1) * PAGE : number * PAGE]
    known = _known(page, version, shown)
    waiting = any(sample_id not in known for sample_id in shown)
    picked = f"picked:{page}"

    def pick(sample_id: str) -> None:
        st.session_state[picked] = sample_id

    @st.fragment(run_every=0.3 if waiting else None)
    def fill() -> None:
        sample_id = st.session_state.pop(picked, None)
        if sample_id is not None:
            on_pick(sample_id)
            st.rerun()  # a click in a fragment reruns the fragment alone
        drawn = thumbs(shown, known, draw)
        gallery(drawn, size, key=f"gallery:{page}", on_pick=pick, **look)
        if waiting and not any(thumb.waiting for thumb in drawn):
            st.rerun()  # ends the clock

    fill()
    if pages > 1:
        key = f"{page}:{number}"
        st.pagination(pages, default=number, key=key, on_change=lambda: url_state.put(page, int(st.session_state[key])))


def _known(page: str, version: Hashable, shown: Sequence[str]) -> dict[str, Thumb]:
    """What this session has drawn of the shown page; the rest is forgotten, so that a long visit stays small."""
    key = f"thumbs:{page}"
    kept_version, kept = st.session_state.get(key, (None, {}))
    known: dict[str, Thumb] = {} if kept_version != version else {each: kept[each] for each in shown if each in kept}
    st.session_state[key] = (version, known)
    return known
