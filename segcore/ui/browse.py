"""Browsing a dataset: which samples match the filters, and drawing their thumbnails a few at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from segcore.data import SPLITS
from segcore.errors import SegcoreError
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui import cache, state
from segcore.ui.cache import DataKey
from segcore.ui.frame import View
from segcore.ui.widgets import Thumb, gallery

if TYPE_CHECKING:
    from segcore.data import ClassBalance

PAGE = 24  # thumbnails a page: what a large screen shows at once
BUDGET = 0.4  # seconds of drawing in one go; then the page may answer to clicks
SORTS = ("time", "name", "most classes")
EVERY = "all"
_PICKED = "segcore:picked"
CHUNK = 8  # masks between two looks at the clock


def matching(key: DataKey, ids: Sequence[str], class_id: int | None, sort: str) -> list[str]:
    """Ids that hold a class, in the wanted order. Reads every mask where a class or their number matters."""
    found = list(ids)
    if class_id is not None:
        found = [each for each in found if class_id in cache.classes_in(key, each)]
    if sort == "name":
        found.sort()
    elif sort == "most classes":
        found.sort(key=lambda each: -len(cache.classes_in(key, each)))
    return found


def thumbs(key: DataKey, ids: Sequence[str], known: dict[str, Thumb], seconds: float = BUDGET) -> list[Thumb]:
    """Thumbnails of `ids`: the known ones, as many new ones as the time allows, and placeholders for the rest.

    What is drawn is added to `known`.
    """
    until = time.perf_counter() + seconds
    shown = []
    for sample_id in ids:
        if sample_id not in known and time.perf_counter() < until:
            try:
                known[sample_id] = Thumb(sample_id, *cache.thumbnail(key, sample_id))
            except SegcoreError:  # opening the sample says why
                known[sample_id] = Thumb(sample_id, note="unreadable")
        shown.append(known.get(sample_id, Thumb(sample_id, waiting=True)))
    return shown


def grid(view: View, ids: Sequence[str], selected: str, size: tuple[int, int], *, overlay: bool) -> None:
    """One page of thumbnails that fills up while the rest of the app stays usable; a click opens a sample."""
    pages = -(-len(ids) // PAGE)
    page = min(state.get("page", 1, state.Between(1, 10**6)), pages)
    shown = ids[(page - 1) * PAGE : page * PAGE]
    known: dict[str, Thumb] = st.session_state.setdefault(f"thumbs:{view.key}", {})
    waiting = any(sample_id not in known for sample_id in shown)

    def pick(sample_id: str) -> None:
        state.put("sample", sample_id)
        st.session_state[_PICKED] = True

    @st.fragment(run_every=0.3 if waiting else None)
    def fill() -> None:
        if st.session_state.pop(_PICKED, False):
            st.rerun()  # a click in a fragment reruns the fragment alone, but the large sample is outside
        drawn = thumbs(view.key, shown, known)
        gallery(drawn, size, key="gallery", overlay=overlay, selected=selected, on_pick=pick)
        if waiting and not any(thumb.waiting for thumb in drawn):
            st.rerun()  # ends the clock

    fill()
    if pages > 1:
        key = f"gallery-page:{page}"
        st.pagination(pages, default=page, key=key, on_change=lambda: state.put("page", int(st.session_state[key])))


def balance(view: View, split: str) -> ClassBalance | None:
    """Class counts of a split. Masks are read a few at a time; None (and a progress bar) until all are."""
    assert view.dataset is not None
    ids = view.dataset.ids if split == EVERY else view.dataset.splits[split]
    chunks = [tuple(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)]
    parts: dict[tuple[str, ...], ClassBalance] = st.session_state.setdefault(f"balance:{view.key}", {})

    def complete() -> bool:
        return all(chunk in parts for chunk in chunks)

    @st.fragment(run_every=None if complete() else 0.5)
    def count() -> None:
        until = time.perf_counter() + BUDGET
        for chunk in chunks:
            if time.perf_counter() < until and chunk not in parts:
                try:
                    parts[chunk] = cache.balance(view.key, chunk)
                except SegcoreError as error:
                    st.caption(f"Can't be counted: {error}")
                    return
        if not complete():
            done = sum(len(chunk) for chunk in chunks if chunk in parts)
            st.progress(done / len(ids), f"Counting pixels: {done} of {len(ids)} masks")
        elif not finished:
            st.rerun()

    finished = complete()
    if not finished:
        count()
        finished = complete()
    return _sum([parts[chunk] for chunk in chunks]) if finished else None


def _sum(parts: Sequence[ClassBalance]) -> ClassBalance:
    from segcore.data import ClassBalance

    return ClassBalance(
        np.sum([part.pixels for part in parts], axis=0),
        np.sum([part.images for part in parts], axis=0),
        sum(part.ignored for part in parts),
        sum(part.total for part in parts),
        sum(part.copies for part in parts),
    )


def balance_note(labels: LabelMap, counts: ClassBalance) -> str:
    """What the charts leave out."""
    absent = [name for name, pixels in zip(labels.names, counts.pixels, strict=True) if not pixels]
    share = 100 * counts.ignored / max(1, counts.ignored + int(counts.pixels.sum()))
    missing = f" Not one pixel: {', '.join(absent)}." if absent else ""
    copies = f" {counts.copies} of the {counts.total} images are augmented copies." if counts.copies else ""
    return f"{share:.1f} % of all pixels are ignored.{missing}{copies}"


def split_table(view: View) -> list[tuple[str, str, str]]:
    """(split, images on disk, what the chosen runs made of it) of the active dataset."""
    assert view.dataset is not None
    rows = []
    for split in SPLITS:
        used = sorted({_used(run, split) for run in view.fitting})
        count = len(view.dataset.splits.get(split, ()))
        if count or used:
            rows.append((split, str(count or "–"), ", ".join(used) or "–"))
    return rows


def _used(run: RunRecord, split: str) -> str:
    info = run.summary.dataset
    if split == "train":
        return f"{info.train} → {info.train_augmented}"
    return str(info.val if split == "val" else info.test)


def size_chart(found: Mapping[tuple[int, int], int]) -> None:
    """One sentence where all images are alike, else a chart."""
    if len(found) == 1:
        ((height, width), count), *_ = found.items()
        st.caption(f"All {count} images are {width} × {height}.")
        return
    import pandas as pd

    from segcore.visual import charts

    rows = [{"width": width, "height": height, "images": count} for (height, width), count in found.items()]
    st.altair_chart(charts.image_sizes(pd.DataFrame(rows)), key="sizes", width=560)
