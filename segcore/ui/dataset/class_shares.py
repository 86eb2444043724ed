"""The classes of one mask by their share of its pixels."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from segcore.labels import LabelMap, hex_color
from segcore.visual import swatch
from segcore.visual.contact_sheet import share_text

MOST = 40  # classes


def class_shares(labels: LabelMap, pixels: Mapping[int, int]) -> None:
    """Draw each class's share as swatch, bar and percent, largest first and ignored pixels last.

    Args:
        labels: Names and colours.
        pixels: Class id -> pixels of the mask.
    """
    total = max(1, sum(pixels.values()))
    rows = []
    ordered = sorted(pixels.items(), key=lambda item: (item[0] >= labels.classes, -item[1]))
    for index, count in ordered[:MOST]:
        name = labels.names[index] if index < labels.classes else "ignored"
        color = hex_color(labels.palette[index])
        share = count / total
        rows.append(
            f'<span title="{html.escape(name)}"><img src="{swatch(color)}" alt="">{html.escape(name)}</span>'
            f'<span class="t"><b style="width:{100 * share:.1f}%;background:{color}"></b></span>'
            f'<span class="n">{share_text(share)}</span>'
        )
    st.html(f'<div class="sc-shares">{"".join(rows)}</div>')
