"""Build an augmentation pipeline and see what it does to an image and its mask."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui import cache, editor, frame, messages, preview, state
from segcore.ui.widgets import heading, style, viewer

view = frame.enter()
style()
if messages.missing_dataset(view):
    st.stop()
data = view.dataset
heading(
    "Augment", "What training sees instead of the image. Masks move with their image; uncovered pixels are ignored."
)

# choose
ids = data.splits.get("train", data.ids)
settings, pictures = st.columns([2, 5], gap="large")
with settings:
    editor.draw()
    seed = state.get("seed", 0, state.Between(0, 2**31))
pipeline = editor.pipeline()

with pictures:
    with st.container(horizontal=True, vertical_alignment="center"):
        sample_id = st.selectbox(
            "Image", ids, **state.bound("frame", ids[len(ids) // 2], ids), label_visibility="collapsed", width=230
        )
        st.space("stretch")
        st.button(
            "Reshuffle",
            icon=":material/casino:",
            on_click=lambda: state.put("seed", seed + preview.DRAWS),
            help=f"Draws {seed + preview.DRAWS} to {seed + 2 * preview.DRAWS - 1}; the link repeats them.",
        )

    # load
    try:
        with st.spinner("Loading albumentations" if preview.cold(pipeline) else "Drawing", show_time=True):
            draws = preview.draws(view, sample_id, pipeline, seed)
    except SegcoreError as error:
        st.error(str(error))
        st.stop()

    # show
    size = cache.sample(view.key, sample_id).size
    viewer(*preview.before_after(view, sample_id, draws[0]), size, key="after", smallest=340)
    viewer(*preview.rest(draws), size, key="draws", slider=False, smallest=170)
    st.markdown("**What fired**")
    preview.fired_table(pipeline, draws)

# take away
st.subheader("Take it along", anchor=False)
keep, code = st.columns(2, gap="large")
with keep:
    preview.save_row(pipeline)
    st.code(pipeline.to_yaml(), language="yaml", wrap_lines=True)
with code, st.expander("The same in Python, needing albumentations alone"):
    st.code(pipeline.to_python(), language="python", wrap_lines=True)
