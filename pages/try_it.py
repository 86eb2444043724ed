"""Your own image through every chosen model."""

import streamlit as st

from segcore.ui import frame, messages, state, trying
from segcore.ui.panels import smallest
from segcore.ui.viewer import viewer
from segcore.ui.widgets import heading, style
from segcore.visual import encode_jpeg

view = frame.enter()
style()
heading("Try it", "Your own image through every chosen model. It stays on the machine that serves this page.")
if messages.missing_runs(view, "what they make of your image"):
    frame.end()

# choose
own = trying.drop()
if own is None:
    st.caption("A photo, a frame of a video, a screenshot: any size; the models see it as they saw those of training.")
    frame.end()
sample = trying.read(own, view.chosen[0].labels)
if sample is None:
    frame.end()
with st.container(horizontal=True, vertical_alignment="center"):
    mode = st.segmented_control(
        "View",
        trying.VIEWS,
        required=True,
        **state.bound("look", "overlay", trying.VIEWS),
        label_visibility="collapsed",
    )
    st.space("stretch")
    download = st.container(width="content")

# load
tried = trying.answers(view.chosen, own, sample)
shown = trying.panels(view, tried, mode)
readings, labels = trying.readings(view, tried)
found = trying.told(tried)

# show
trying.warn(view, found)
viewer(
    shown,
    {"image": encode_jpeg(sample.image)},
    sample.size,
    key="tried",
    slider=mode == "overlay",
    smallest=min(250, smallest(len(shown))) if len(tried) > 3 else smallest(len(shown)),
    lead=len(shown) - len(tried),
    readings=readings,
    labels=labels,
)
trying.explain(view, found)
if readings:
    name = f"{sample.id}-masks.zip"
    download.download_button(
        "Masks", trying.masks_zip(own, tried), name, "application/zip", icon=":material/download:", on_click="ignore"
    )
