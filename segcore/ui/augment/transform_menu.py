"""A menu of all transforms as pictures: what each does, at its defaults, to a picture at hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import streamlit as st

from segcore.augment import CATALOG, GROUPS, Pipeline, Step
from segcore.errors import AugmentError
from segcore.ui.augment import pipeline_editor
from segcore.ui.augment.preview import Picture, framed
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery
from segcore.visual import encode_jpeg, encode_layer

_ASKED = "augment:pick-for"  # (the group's line or None,) while the menu is to be opened
_PICKED = "augment:picked"
_TRIED, _SHOWN = 480, 240  # px wide
_SEED = 3


def ask(group: int | None) -> None:
    """Have the menu opened in this run, for the list or for a group's line."""
    st.session_state[_ASKED] = (group,)


def show(picture: Picture) -> None:
    """Open the menu if somebody asked for it."""
    asked = st.session_state.pop(_ASKED, None)
    if asked is not None:
        _menu(asked[0], picture)


@st.dialog("Add a transform", width="large")
def _menu(group: int | None, picture: Picture) -> None:
    if st.session_state.pop(_PICKED, False):
        st.rerun()  # a click reruns the dialog alone; the list is outside
    kind = st.pills("Kind", GROUPS, default=GROUPS[0], required=True, key="augment:kind", label_visibility="collapsed")

    def pick(name: str) -> None:
        pipeline_editor.add(name, group)
        st.session_state[_PICKED] = True

    thumbs = []
    for name, spec in CATALOG.items():
        if spec.group == kind:
            photo, layer = _effect((*picture.key, name), picture.hidden, picture)
            thumbs.append(Thumbnail(name, photo, layer, spec.summary, title=name))
    gallery(thumbs, picture.sample.size, key="augment:menu", on_pick=pick)


@st.cache_data(max_entries=600, show_spinner="Drawing the menu")
def _effect(key: tuple[Any, ...], hidden: frozenset[int], _picture: Picture) -> tuple[bytes | None, bytes | None]:
    """(JPEG, PNG layer) of a transform at its defaults; nothing where the picture can't take it."""
    height, width = _picture.sample.size
    size = (max(1, round(height * _TRIED / width)), _TRIED)
    image = cv2.resize(_picture.sample.image, size[::-1], interpolation=cv2.INTER_AREA)
    mask = cv2.resize(_picture.sample.mask, size[::-1], interpolation=cv2.INTER_NEAREST)
    try:
        step = Step.create(key[-1], 1.0)
        changed = framed(*Pipeline((step,))(np.asarray(image, np.uint8), np.asarray(mask, np.uint8), seed=_SEED), size)
    except AugmentError:
        return None, None
    visible = frozenset(range(_picture.labels.classes)) - hidden
    return (
        encode_jpeg(changed[0], width=_SHOWN, quality=80),
        encode_layer(changed[1], _picture.labels, visible=visible, width=_SHOWN),
    )
