"""Which picture the lab works on: a sample of the dataset, or one's own upload with its mask."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import streamlit as st

from segcore.data import resize_pair
from segcore.data.sample import Sample
from segcore.data.upload import MAX_BYTES, Upload, read_upload
from segcore.errors import SegcoreError
from segcore.labels import LabelMap
from segcore.ui.augment.augmentation_statistics import trained_size
from segcore.ui.augment.preview import Picture
from segcore.ui.shell import dataset_cache, url_state
from segcore.ui.shell.app_context import AppContext

_OWN = "augment:own"
TYPES = ["png", "jpg", "jpeg", "webp", "avif", "bmp", "tif", "tiff", "gif"]
SIZES = ("full size", "training size")


class UploadedFile(NamedTuple):
    """The files somebody chose; they stay until they are taken away, whichever pages are looked at."""

    image: bytes
    name: str
    mask: bytes | None = None
    mask_name: str = ""


def choose(view: AppContext) -> Picture | None:
    """The row that chooses; None where the upload can't be used, which it says."""
    assert view.dataset is not None
    ids, labels = view.dataset.splits.get("train", view.dataset.ids), view.dataset.labels
    own: UploadedFile | None = st.session_state.get(_OWN)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        if own is None:
            at = url_state.get("frame", ids[len(ids) // 2], ids)
            index = ids.index(at)
            _step("chevron_left", "Previous image", ids[index - 1] if index else None)
            st.selectbox(
                "Image",
                ids,
                **url_state.bound("frame", ids[len(ids) // 2], ids),
                label_visibility="collapsed",
                width=210,
            )
            _step("chevron_right", "Next image", ids[index + 1] if index + 1 < len(ids) else None)
        with st.popover("Upload", icon=":material/upload:", key="augment:upload"):
            _upload_form(own, labels)
        height, width = trained_size(view)
        size = st.segmented_control(
            "Size",
            SIZES,
            **url_state.bound("size", SIZES[0], SIZES),
            label_visibility="collapsed",
            help=f"Training resizes to {width} × {height} and augments that. Settings in pixels do more to a small "
            "picture; all others look alike at any size.",
        )
    if own is None:
        key: tuple[object, ...] = (view.key, at)
        sample = dataset_cache.sample(view.key, at)
    else:
        digest = hashlib.sha256(repr((own, labels.to_dict())).encode()).hexdigest()
        found = _read(digest, own, labels)
        if isinstance(found, str):
            st.error(found, icon=":material/error:")
            return None
        for note in found.notes:
            st.caption(note)
        key, sample = (digest,), found.sample
    if size == SIZES[1]:
        image, mask = resize_pair(sample.image, sample.mask, height, width)
        key, sample = (*key, height, width), Sample(sample.id, image, mask, sample.split, sample.group)
    return Picture(key, sample, labels, view.hidden)


def _step(icon: str, help_: str, to: str | None) -> None:
    st.button(
        "",
        icon=f":material/{icon}:",
        help=help_,
        key=f"augment:{icon}",
        type="tertiary",
        disabled=to is None,
        on_click=lambda: url_state.put("frame", to),
    )


def _upload_form(own: UploadedFile | None, labels: LabelMap) -> None:
    megabytes = MAX_BYTES // 2**20
    st.file_uploader("Image", TYPES, key="augment:image", max_upload_size=megabytes, on_change=_take_image)
    st.file_uploader(
        "Its mask, if there is one",
        TYPES,
        key="augment:mask",
        max_upload_size=megabytes,
        on_change=_take_mask,
        help=f"Ids or colours of {labels.name} ({labels.classes} classes).",
    )
    if own is None:
        st.caption("It stays on this machine.")
    else:
        masked = f" with {own.mask_name}" if own.mask_name else ""
        st.caption(f"{own.name}{masked}")
        st.button("Back to the dataset", on_click=_forget, key="augment:back")


def _take_image() -> None:
    given = st.session_state["augment:image"]
    if given is None:
        st.session_state.pop(_OWN, None)
        return
    mask = st.session_state["augment:mask"]
    st.session_state[_OWN] = UploadedFile(given.getvalue(), given.name, *((mask.getvalue(), mask.name) if mask else ()))


def _take_mask() -> None:
    own: UploadedFile | None = st.session_state.get(_OWN)
    given = st.session_state["augment:mask"]
    if own is not None:
        mask = (given.getvalue(), given.name) if given else (None, "")
        st.session_state[_OWN] = UploadedFile(own.image, own.name, *mask)


def _forget() -> None:
    st.session_state.pop(_OWN, None)


@st.cache_resource(max_entries=8, show_spinner="Reading your picture")
def _read(digest: str, _own: UploadedFile, _labels: LabelMap) -> Upload | str:
    """The upload, or what is wrong with it."""
    try:
        return read_upload(_own.image, _own.name, _labels, _own.mask, _own.mask_name)
    except SegcoreError as error:
        return str(error)
