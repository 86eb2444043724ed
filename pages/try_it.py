"""Your own image through every chosen model."""

import streamlit as st

from segcore.ui.predictions.panel_data import smallest
from segcore.ui.shell import notices, page, url_state
from segcore.ui.try_it import model_answers
from segcore.ui.widgets.headings import page_heading
from segcore.ui.widgets.viewer import viewer
from segcore.visual import encode_jpeg

view = page.start()
page_heading("Try it", "Your own image through every chosen model. It stays on the machine that serves this page.")
if notices.missing_runs(view, "what they make of your image"):
    page.end()

# choose
own = model_answers.drop()
if own is None:
    st.caption("A photo, a frame of a video, a screenshot: any size; the models see it as they saw those of training.")
    page.end()
sample = model_answers.read(own, view.chosen[0].labels)
if sample is None:
    page.end()
with st.container(horizontal=True, vertical_alignment="center"):
    mode = st.segmented_control(
        "View",
        model_answers.VIEWS,
        required=True,
        **url_state.bound("look", "overlay", model_answers.VIEWS),
        label_visibility="collapsed",
    )
    st.space("stretch")
    download = st.container(width="content")

# load
tried = model_answers.answers(view.chosen, own, sample)
shown = model_answers.panels(view, tried, mode)
readings, labels = model_answers.readings(view, tried)
found = model_answers.told(tried)

# show
model_answers.warn(view, found)
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
model_answers.explain(view, found)
if readings:
    name = f"{sample.id}-masks.zip"
    download.download_button(
        "Masks",
        model_answers.masks_zip(own, tried),
        name,
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
