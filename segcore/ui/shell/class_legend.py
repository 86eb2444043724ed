"""The sidebar's legend: the classes with their colours, each a switch for overlays."""

from __future__ import annotations

import streamlit as st

from segcore.labels import LabelMap
from segcore.ui.shell import shortcuts, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.visual import swatch


def class_legend(labels: LabelMap) -> frozenset[int]:
    """Draw the legend; return the ids of the classes that are switched off."""
    names = list(labels.names)
    hidden = url_state.get("hide", [], names)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Classes**", width="stretch")
        for text, value in (("all", []), ("none", names)):
            if st.button(text, key=f"legend:{text}", type="tertiary", disabled=hidden == value):
                url_state.put("hide", value)
                st.rerun()
    visible = [name for name in names if name not in hidden]
    colors = dict(zip(labels.names, labels.colors, strict=True))
    # The key depends on the choice, so that the pills follow when a button or a link changes it.
    picked = st.pills(
        "Classes shown in overlays",
        names,
        selection_mode="multi",
        default=visible,
        format_func=lambda name: f"![]({swatch(colors[name])}) {escape_markdown(name)}",
        key=f"legend:{labels.name}:{','.join(hidden)}",
        label_visibility="collapsed",
    )
    if picked != visible:
        url_state.put("hide", [name for name in names if name not in picked])
        st.rerun()
    keys = {str(number): name for number, name in enumerate(names[:9], 1)}

    def toggle(key: str) -> None:
        current = url_state.current("hide", hidden)
        url_state.put("hide", [name for name in names if (name in current) != (name == keys[key])])

    shortcuts.offer(tuple(keys), "show or hide a class, in the order of the sidebar", toggle)
    return frozenset(labels.index(name) for name in hidden)
