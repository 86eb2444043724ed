"""The choice of an example picture on the try-it page."""

from __future__ import annotations

from typing import Final

import streamlit as st

from segcore.data.drive.example_frames import EXAMPLES, example_file
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.image_upload import UploadedFile

_NONE: Final = "none"


def chosen_example() -> UploadedFile | None:
    """Draw the choice of an example; return it, or show all of them and return None where none is chosen."""
    name = choose("Example", "example", {_NONE: "Your own", **EXAMPLES})
    if name != _NONE:
        return UploadedFile(example_file(name).read_bytes(), f"{name}.jpg")
    with st.container(key="examples"):  # page.css gives the pictures their height before they are loaded
        for column, (example, title) in zip(st.columns(len(EXAMPLES)), EXAMPLES.items(), strict=True):
            column.image(
                example_file(example).read_bytes(), caption=title, width="stretch", alt=f"Drawn street: {title}"
            )
    return None
