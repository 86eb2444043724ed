"""Controls that choose the augment page's input: a sample of the dataset, or an uploaded image with its mask."""

from __future__ import annotations

import streamlit as st

from segcore.data import resize_pair
from segcore.data.sample import Sample
from segcore.errors import SegcoreError
from segcore.labels import LabelMap
from segcore.ui.augment.preview_images import PreviewInput
from segcore.ui.augment.statistics_measurement import training_size
from segcore.ui.shell import dataset_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.choices import choose, menu
from segcore.ui.widgets.image_upload import (
    UploadedFile,
    color_tolerance,
    decode_upload,
    image_uploader,
    mask_uploader,
    remove_uploaded_file,
    uploaded_file,
)

SIZES = ("full size", "training size")
_PAGE = "augment"


def choose_input(context: AppContext) -> PreviewInput | None:
    """Draw the row of controls; return the chosen input, or None where an upload can't be read, which the page says."""
    assert context.dataset is not None
    ids, labels = context.dataset.splits.get("train", context.dataset.ids), context.dataset.labels
    file = uploaded_file(_PAGE)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        if file is None:
            sample_id = url_state.get("frame", ids[len(ids) // 2], ids)
            index = ids.index(sample_id)
            _step_button("chevron_left", "Previous image", ids[index - 1] if index else None)
            menu("Image", "frame", ids, ids[len(ids) // 2], width=210)
            _step_button("chevron_right", "Next image", ids[index + 1] if index + 1 < len(ids) else None)
        with st.popover("Upload", icon=":material/upload:", key="augment:upload"):
            _upload_form(file, labels)
        height, width = training_size(context)
        size = choose(
            "Size",
            "size",
            SIZES,
            help=f"Training resizes to {width} × {height} before it augments. Settings in pixels have a larger effect "
            "on a small image; all others look the same at any size.",
        )
    if file is None:
        key: tuple[object, ...] = (context.key, sample_id)
        sample = dataset_cache.sample(context.key, sample_id)
    else:
        try:
            upload = decode_upload(file, labels)
        except SegcoreError as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
            return None
        for note in upload.notes:
            st.caption(note)
        key, sample = (file.digest, repr(labels.to_dict())), upload.sample
    if size == SIZES[1]:
        image, mask = resize_pair(sample.image, sample.mask, height, width)
        key, sample = (*key, height, width), Sample(sample.id, image, mask, sample.split, sample.group)
    return PreviewInput(key, sample, labels, context.hidden)


def _step_button(icon: str, help_: str, sample_id: str | None) -> None:
    icon_button(icon, help_, f"augment:{icon}", url_state.put, "frame", sample_id, disabled=sample_id is None)


def _upload_form(file: UploadedFile | None, labels: LabelMap) -> None:
    image_uploader(_PAGE, "Image")
    mask_uploader(
        _PAGE, "Its mask, if there is one", help=f"Class ids or colours of {labels.name} ({labels.classes} classes)."
    )
    color_tolerance(_PAGE)
    if file is None:
        st.caption("It stays on this machine.")
    else:
        with_mask = f" with {file.mask_name}" if file.mask_name else ""
        st.caption(escape_markdown(f"{file.name}{with_mask}"))
        st.button("Back to the dataset", on_click=remove_uploaded_file, args=(_PAGE,), key="augment:back")
