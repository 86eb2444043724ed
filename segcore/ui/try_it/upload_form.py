"""The upload form of the try-it page, and the image that was uploaded."""

from __future__ import annotations

import streamlit as st

from segcore.data import Sample
from segcore.errors import SegcoreError
from segcore.labels import LabelMap
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.image_upload import (
    UploadedFile,
    decode_upload,
    image_uploader,
    remove_uploaded_file,
    uploaded_file,
)


def upload_form() -> UploadedFile | None:
    """Draw the form; return the file that was uploaded last."""
    image_uploader("try", "Your image", label_visibility="collapsed")
    file = uploaded_file("try")
    if file is not None and st.session_state.get("try:image") is None:  # the form is empty after another page
        st.button(
            f"Remove {escape_markdown(file.name)}",
            icon=":material/close:",
            type="tertiary",
            on_click=remove_uploaded_file,
            args=("try",),
            key="try:remove",
        )
    return file


def read_image(file: UploadedFile, labels: LabelMap) -> Sample | None:
    """Return the image, upright and at most as large as a screen; None where it can't be read, which the page says."""
    try:
        upload = decode_upload(file, labels)
    except SegcoreError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return None
    height, width = upload.sample.size
    # The augment page wants a mask beside an upload; here none is wanted.
    notes = [note for note in upload.notes if not note.startswith("no mask")]
    st.caption(escape_markdown(" · ".join([f"{upload.sample.id}, {width} × {height}", *notes])))
    return upload.sample
