"""Which picture the lab works on: a sample of the dataset, or one's own upload with its mask."""

from __future__ import annotations

import hashlib

import streamlit as st

from segcore.data.upload import MAX_BYTES, Upload, read_upload
from segcore.errors import SegcoreError
from segcore.ui import cache, state
from segcore.ui.frame import View
from segcore.ui.preview import Picture

_OWN = "augment:own"  # (digest, Upload) or (digest, what is wrong)
_TYPES = ["png", "jpg", "jpeg", "webp", "avif", "bmp", "tif", "tiff", "gif"]


def choose(view: View) -> Picture | None:
    """The row that chooses; None where the upload can't be used, which it says."""
    assert view.dataset is not None
    ids = view.dataset.splits.get("train", view.dataset.ids)
    own = _uploaded(view)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        if own is None:
            at = state.get("frame", ids[len(ids) // 2], ids)
            index = ids.index(at)
            _step("chevron_left", "Previous image", ids[index - 1] if index else None)
            st.selectbox(
                "Image", ids, **state.bound("frame", ids[len(ids) // 2], ids), label_visibility="collapsed", width=210
            )
            _step("chevron_right", "Next image", ids[index + 1] if index + 1 < len(ids) else None)
        with st.popover("Upload", icon=":material/upload:", key="augment:upload"):
            _upload_form(view)
    if own is None:
        sample = cache.sample(view.key, state.get("frame", ids[len(ids) // 2], ids))
        return Picture((view.key, sample.id), sample, view.dataset.labels, view.hidden)
    digest, found = own
    if isinstance(found, str):
        st.error(found, icon=":material/error:")
        return None
    for note in found.notes:
        st.caption(note)
    return Picture((digest,), found.sample, view.dataset.labels, view.hidden)


def _step(icon: str, help_: str, to: str | None) -> None:
    st.button(
        "",
        icon=f":material/{icon}:",
        help=help_,
        key=f"augment:{icon}",
        type="tertiary",
        disabled=to is None,
        on_click=lambda: state.put("frame", to),
    )


def _upload_form(view: View) -> None:
    assert view.dataset is not None
    megabytes = MAX_BYTES // 2**20
    image = st.file_uploader("Image", _TYPES, key="augment:image", max_upload_size=megabytes)
    mask = st.file_uploader(
        "Its mask, if there is one",
        _TYPES,
        key="augment:mask",
        max_upload_size=megabytes,
        help=f"Ids or colours of {view.dataset.labels.name} ({view.dataset.labels.classes} classes).",
    )
    if image is None:
        if st.session_state.pop(_OWN, None):
            st.rerun()
        st.caption("It stays on this machine. Remove it to come back to the dataset.")
        return
    data, labels = image.getvalue(), view.dataset.labels
    under = mask.getvalue() if mask is not None else None
    digest = hashlib.sha256(b"\0".join((data, under or b"", repr(labels.to_dict()).encode()))).hexdigest()
    known = st.session_state.get(_OWN)
    if known is None or known[0] != digest:
        found: Upload | str
        try:
            found = read_upload(data, image.name, labels, under, mask.name if mask is not None else "")
        except SegcoreError as error:
            found = str(error)
        st.session_state[_OWN] = digest, found
        st.rerun()


def _uploaded(view: View) -> tuple[str, Upload | str] | None:
    found: tuple[str, Upload | str] | None = st.session_state.get(_OWN)
    return found
