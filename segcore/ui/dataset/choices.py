"""The choices above the dataset page's images: which of them are shown, and in which order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from segcore.data.index.selection import HEALTH, SHARES, Selection
from segcore.errors import number
from segcore.ui.dataset import tagging
from segcore.ui.dataset.browsing import EVERY, SORTS, ids_of
from segcore.ui.dataset.dataset_statistics import size_counts
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import AppContext

MOST_SIZES = 50  # in the menu


def choose_images(context: AppContext) -> tuple[str, str, str, Selection, str, bool]:
    """Draw the choices above the images.

    Returns:
        The split, a part of the id, the filter by tag, what the images hold, the order, and whether masks show.
    """
    data = context.dataset
    assert data is not None
    splits, classes = (EVERY, *data.splits), (EVERY, *data.labels.names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = st.segmented_control("Split", splits, required=True, **url_state.bound("split", EVERY, splits))
        text = st.text_input("Find", **url_state.bound("find", ""), placeholder="part of a name", width=150)
        name = st.selectbox("With class", classes, **url_state.bound("class", EVERY, classes, menu=True), width=160)
        share = _share(name)
        size = _size(size_counts(context.key, split, ids_of(data, split)))
        health = st.selectbox(
            "Health",
            (EVERY, *HEALTH),
            format_func=lambda key: HEALTH.get(key, key),
            **url_state.bound("health", EVERY, (EVERY, *HEALTH), menu=True),
            width=150,
        )
        tag = tagging.choose_tag(context.key.source)
        sort = st.selectbox(
            "Sort by",
            SORTS,
            format_func=lambda name: "split" if name == "time" and not data.video else name,
            **url_state.bound("sort", SORTS[0], SORTS, menu=True),
            width=130,
        )
        st.space("stretch")
        overlay = st.toggle("Masks", **url_state.bound("masks", False), help="Or hover over a picture.")
    wanted = Selection(
        None if name == EVERY else data.labels.index(name),
        None if share == EVERY else share,
        None if size == EVERY else _height_width(size),
        None if health == EVERY else health,
    )
    return split, text.strip(), tag, wanted, sort, overlay


def show_count(context: AppContext, ids: Sequence[str], among: Sequence[str], *, filtered: bool) -> None:
    """Say how many images there are, of how many where they were filtered, beside the menu that tags them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(ids):,} of {len(among):,} images" if filtered else number(len(ids), "image"))
        if ids:
            tagging.tag_images(context, ids)


def _share(name: str) -> str:
    """Draw the menu of shares of the chosen class."""
    options = (EVERY, *SHARES)
    if name == EVERY:
        return EVERY
    share: str = st.selectbox(
        "Its share",
        options,
        format_func=lambda key: key if key == EVERY else f"{key} %",
        **url_state.bound("share", EVERY, options, menu=True),
        width=110,
        help="Of the scored pixels of an image.",
    )
    return share


def _size(counts: dict[str, int]) -> str:
    """Draw the menu of sizes, where there are several."""
    linked = url_state.get("size", EVERY)
    known = list(counts)[:MOST_SIZES]
    if len(known) < 2 and linked == EVERY:
        return EVERY
    options = [EVERY, *known, *([linked] if linked not in (EVERY, *known) and _is_size(linked) else [])]
    size: str = st.selectbox("Size", options, **url_state.bound("size", EVERY, options, menu=True), width=130)
    return size


def _is_size(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,6}x[0-9]{1,6}", text) is not None


def _height_width(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    return int(height), int(width)
