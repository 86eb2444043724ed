"""Upload widgets for an image and its mask; the files stay in the session until they are removed."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile as StreamlitFile

from segcore.data.decode import IMAGE_SUFFIXES
from segcore.data.upload import MAX_BYTES, Upload, read_upload
from segcore.labels import LabelMap

MAX_TOLERANCE = 60  # of 255; classes' colours are often no farther apart
_SHOWN = "upload:shown"  # ids of the files that the widgets of this session showed last


class UploadedFile(NamedTuple):
    """An uploaded image, with its mask if there is one. It outlives the widgets, which go with their page."""

    image: bytes
    name: str
    mask: bytes | None = None
    mask_name: str = ""
    color_tolerance: int = 0

    @property
    def digest(self) -> str:
        """SHA-256 of the files, their names and how they are read, the key in caches."""
        digest = hashlib.sha256()
        read_by = bytes([self.color_tolerance])
        for part in (self.image, self.name.encode(), self.mask or b"", self.mask_name.encode(), read_by):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


def uploaded_file(page: str) -> UploadedFile | None:
    """Return the file uploaded on a page, or None.

    Args:
        page: Prefix of the page's keys in the session, e.g. `augment`.
    """
    uploaded: UploadedFile | None = st.session_state.get(f"{page}:own")
    return uploaded


def image_uploader(page: str, label: str, **options: Any) -> None:  # noqa: ANN401 - passed to `st.file_uploader`
    """Draw a widget that uploads an image."""
    _uploader(f"{page}:image", label, on_change=_keep_image, args=(page,), **options)


def mask_uploader(page: str, label: str, **options: Any) -> None:  # noqa: ANN401 - passed to `st.file_uploader`
    """Draw a widget that uploads the mask of the page's image."""
    _uploader(f"{page}:mask", label, on_change=_keep_mask, args=(page,), **options)


def color_tolerance(page: str) -> None:
    """Draw a number that says how far a colour of the page's uploaded mask may be from that of its class."""
    file = uploaded_file(page)
    if file is not None and file.mask is not None:
        st.number_input(
            "Colour tolerance of the mask",
            0,
            MAX_TOLERANCE,
            file.color_tolerance,
            key=f"{page}:tolerance",
            on_change=_keep_tolerance,
            args=(page,),
            help="How far each channel of an unknown colour may be from a class to be read as it. 0 reads exact "
            "colours alone; smoothed edges need more, and may then become a third class.",
        )


def remove_uploaded_file(page: str) -> None:
    """Remove the file uploaded on a page."""
    st.session_state.pop(f"{page}:own", None)


@st.cache_resource(
    max_entries=8,
    show_spinner="Reading your picture",
    hash_funcs={UploadedFile: lambda file: file.digest, LabelMap: lambda labels: repr(labels.to_dict())},
)
def decode_upload(file: UploadedFile, labels: LabelMap) -> Upload:
    """Decode an uploaded file; raises what `read_upload` raises."""
    return read_upload(file.image, file.name, labels, file.mask, file.mask_name, file.color_tolerance)


def _uploader(key: str, label: str, **options: Any) -> None:  # noqa: ANN401 - passed to `st.file_uploader`
    types = [suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES]
    st.file_uploader(label, types, key=key, max_upload_size=MAX_BYTES // 2**20, **options)


def _keep_image(page: str) -> None:
    image = st.session_state[f"{page}:image"]
    if image is None:
        remove_uploaded_file(page)
        _drop_replaced_files()
    else:
        tolerance = st.session_state.get(f"{page}:tolerance", 0)
        st.session_state[f"{page}:own"] = UploadedFile(image.getvalue(), image.name, color_tolerance=tolerance)
        _keep_mask(page)


def _keep_mask(page: str) -> None:
    file, mask = uploaded_file(page), st.session_state.get(f"{page}:mask")
    if file is not None:
        mask_bytes, mask_name = (mask.getvalue(), mask.name) if mask else (None, "")
        st.session_state[f"{page}:own"] = file._replace(mask=mask_bytes, mask_name=mask_name)
    _drop_replaced_files()


def _keep_tolerance(page: str) -> None:
    file = uploaded_file(page)
    if file is not None:
        st.session_state[f"{page}:own"] = file._replace(color_tolerance=st.session_state[f"{page}:tolerance"])


def _drop_replaced_files() -> None:
    """Drop files that a widget of this session showed and none shows now; Streamlit keeps them until the session ends.

    A file that no widget has shown yet may belong to one that is about to.
    """
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    values = st.session_state.values()
    shown = {value.file_id for value in values if isinstance(value, StreamlitFile)}
    for file_id in st.session_state.get(_SHOWN, frozenset()) - shown:
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)
    st.session_state[_SHOWN] = frozenset(shown)
