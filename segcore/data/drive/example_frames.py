"""Example pictures that come with Segcore: frames of drawn streets that no shipped model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# Name of the file -> title. Files, since drawing one takes 2 s: frames of `draw_frame(number, seed)`, crossing of
# (5, 11), cyclist of (30, 13), bus of (95, 14).
EXAMPLES: Final = {"crossing": "A crossing", "cyclist": "A cyclist", "bus": "A bus"}


def example_file(name: str) -> Path:
    """The file of one of `EXAMPLES`, a JPEG of 720x960."""
    return Path(__file__).with_name("example_images") / f"{name}.jpg"
