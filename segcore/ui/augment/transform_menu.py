"""The menu of transforms as pictures: what each does to the current image at its default settings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import streamlit as st

from segcore.augment import CATALOG, GROUPS, Pipeline, Step
from segcore.errors import AugmentError
from segcore.ui.augment import pipeline_editor
from segcore.ui.augment.preview_images import PreviewInput, fit_into
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery
from segcore.visual import encode_jpeg, encode_layer

_REQUEST = "augment:pick-for"  # (id of the group's line or None,) while the menu is open
_PICKED = "augment:picked"
_WORKING_WIDTH, _SHOWN_WIDTH = 480, 240  # px
_SEED = 3


def request(group: int | None) -> None:
    """Request that the menu opens in this run, for the list or for a group's line."""
    st.session_state[_REQUEST] = (group,)


def open_if_requested(source: PreviewInput) -> None:
    """Draw the menu from its request until it is closed: a run of the page closes a dialog that it does not draw."""
    requested = st.session_state.get(_REQUEST)
    if requested is not None:
        st.dialog("Add a transform", width="large", on_dismiss=_close)(_menu)(requested[0], source)


def _close() -> None:
    st.session_state.pop(_REQUEST, None)


def _menu(group: int | None, source: PreviewInput) -> None:
    if st.session_state.pop(_PICKED, False):
        _close()
        st.rerun()  # a click reruns the dialog alone, but the list of transforms is outside it
    kind = st.pills("Kind", GROUPS, default=GROUPS[0], required=True, key="augment:kind", label_visibility="collapsed")

    def pick(name: str) -> None:
        pipeline_editor.add(name, group)
        st.session_state[_PICKED] = True

    thumbnails = []
    for name, spec in CATALOG.items():
        if spec.group == kind:
            photo, layer = _apply_alone((*source.key, name), source.hidden, source)
            thumbnails.append(Thumbnail(name, photo, layer, spec.summary, title=name))
    gallery(thumbnails, source.sample.size, key="augment:menu", on_pick=pick)


@st.cache_data(max_entries=600, show_spinner="Drawing the menu")
def _apply_alone(
    key: tuple[Any, ...], hidden: frozenset[int], _source: PreviewInput
) -> tuple[bytes | None, bytes | None]:
    """Apply one transform at its defaults; return (JPEG, PNG layer), or (None, None) where it can't be applied."""
    height, width = _source.sample.size
    size = (max(1, round(height * _WORKING_WIDTH / width)), _WORKING_WIDTH)
    image = cv2.resize(_source.sample.image, size[::-1], interpolation=cv2.INTER_AREA)
    mask = cv2.resize(_source.sample.mask, size[::-1], interpolation=cv2.INTER_NEAREST)
    try:
        step = Step.create(key[-1], 1.0)
        result = Pipeline((step,))(np.asarray(image, np.uint8), np.asarray(mask, np.uint8), seed=_SEED)
        image, mask = fit_into(*result, size)
    except AugmentError:
        return None, None
    visible = frozenset(range(_source.labels.classes)) - hidden
    return (
        encode_jpeg(image, width=_SHOWN_WIDTH, quality=80),
        encode_layer(mask, _source.labels, visible=visible, width=_SHOWN_WIDTH),
    )
