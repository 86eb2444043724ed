"""Example images of the try-it page: frames of drawn streets that no shipped model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.image_upload import UploadedFile

# Name in the link, and of the file -> title. Files, since drawing one takes 2 s: frames of
# `segcore.data.drive.draw_frame(number, seed)`, crossing of (5, 11), cyclist of (30, 13), bus of (95, 14).
EXAMPLES: Final = {"crossing": "A crossing", "cyclist": "A cyclist", "bus": "A bus"}
_FOLDER = Path(__file__).with_name("example_images")
_NONE = "none"


def chosen_example() -> UploadedFile | None:
    """Draw the choice of an example; return it, or show all of them and return None where none is chosen."""
    name = choose("Example", "example", {_NONE: "Your own", **EXAMPLES})
    if name != _NONE:
        return UploadedFile(_read(name), f"{name}.jpg")
    with st.container(key="examples"):  # page.css gives the pictures their height before they are loaded
        for column, (example, title) in zip(st.columns(len(EXAMPLES)), EXAMPLES.items(), strict=True):
            column.image(_read(example), caption=title, width="stretch", alt=f"Drawn street: {title}")
    return None


def _read(name: str) -> bytes:
    """An example as JPEG, 720x960."""
    return (_FOLDER / f"{name}.jpg").read_bytes()
