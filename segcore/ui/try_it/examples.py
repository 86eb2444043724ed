"""Example images of the try-it page: frames of drawn streets that no shipped model was trained on."""

from __future__ import annotations

from typing import Final

import streamlit as st

from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.image_upload import UploadedFile
from segcore.visual import encode_jpeg

# Name in the link -> title, seed of the street, number of the frame. The embedded drive has seed 0.
EXAMPLES: Final = {
    "crossing": ("A crossing", 11, 5),
    "cyclist": ("A cyclist", 13, 30),
    "bus": ("A bus", 14, 95),
}
_NONE = "none"


def chosen_example() -> UploadedFile | None:
    """Draw the choice of an example; return it, or show all of them and return None where none is chosen."""
    titles = {name: title for name, (title, _, _) in EXAMPLES.items()}
    name = choose("Example", "example", {_NONE: "Your own", **titles})
    if name != _NONE:
        return UploadedFile(_drawn(name), f"{name}.jpg")
    for column, example in zip(st.columns(len(EXAMPLES)), EXAMPLES, strict=True):
        column.image(_drawn(example), caption=titles[example], width="stretch", alt=f"Drawn street: {titles[example]}")
    return None


@st.cache_data(max_entries=len(EXAMPLES), show_spinner=False)
def _drawn(name: str) -> bytes:
    """An example as JPEG, 720x960."""
    from segcore.data.drive.frame import draw_frame

    _, seed, number = EXAMPLES[name]
    return encode_jpeg(draw_frame(number, seed)[0])
