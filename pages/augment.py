"""Build an augmentation pipeline and see what it does to an image, its mask, and the data."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui import editor, effect, frame, helps, messages, picker, preview, source, state, toolbar
from segcore.ui.widgets import heading, style

view = frame.enter()
style()
heading(
    "Augment", "What training sees instead of the image. Masks move with their image; uncovered pixels are ignored."
)
if messages.missing_dataset(view):
    frame.end()

# choose
pipeline = editor.pipeline()
toolbar.draw(pipeline)
settings, pictures = st.columns([2, 5], gap="large")
with settings:
    editor.draw(picker.ask)
with pictures:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        picture = source.choose(view)
        shown = preview.options()
    for problem in editor.problems():
        st.error(problem, icon=":material/error:")
    if picture is None:
        frame.end()
    picker.show(picture)
    seed = state.get("seed", preview.SEED, state.Between(0, 2**31))
    count = int(state.get("draws", str(preview.COUNTS[0]), [str(each) for each in preview.COUNTS]))

    # load
    try:
        with st.spinner("Loading albumentations" if preview.cold(pipeline) else "Drawing", show_time=True):
            draws = preview.draws(picture, pipeline, range(seed, seed + count))
    except SegcoreError as error:
        st.error(str(error), icon=":material/error:")
        preview.unchanged(shown, picture)
        frame.end()
    wanted = state.get("draw", seed, range(seed, seed + count))
    selected = next((draw for draw in draws if draw.seed == wanted), draws[0])

    # show
    preview.large(shown, picture, pipeline, selected)
    preview.several(shown, picture, draws, selected)
    if pipeline.active:
        st.markdown("**What happened**")
        preview.fired_table(pipeline, draws)
effect.panel(view, pipeline)
helps.panel(view, pipeline, toolbar.saved_as(pipeline))
