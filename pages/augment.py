"""Build an augmentation pipeline and see what it does to an image, its mask, and the data."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.augment import (
    augmentation_statistics,
    pipeline_editor,
    preview,
    runs_by_pipeline,
    sample_input,
    toolbar,
    transform_menu,
)
from segcore.ui.shell import notices, page, url_state
from segcore.ui.widgets.headings import page_heading

view = page.start()
page_heading(
    "Augment", "What training sees instead of the image. Masks move with their image; uncovered pixels are ignored."
)
if notices.missing_dataset(view):
    page.end()

# choose
pipeline = pipeline_editor.pipeline()
toolbar.draw(pipeline)
settings, pictures = st.columns([2, 5], gap="large")
with settings:
    pipeline_editor.draw(transform_menu.ask)
with pictures:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        picture = sample_input.choose(view)
        shown = preview.options()
    for problem in pipeline_editor.problems():
        st.error(problem, icon=":material/error:")
    if picture is None:
        page.end()
    transform_menu.show(picture)
    seed = url_state.get("seed", preview.SEED, url_state.Between(0, 2**31))
    count = int(url_state.get("draws", str(preview.COUNTS[0]), [str(each) for each in preview.COUNTS]))

    # load
    try:
        with st.spinner("Loading albumentations" if preview.cold(pipeline) else "Drawing", show_time=True):
            draws = preview.draws(picture, pipeline, range(seed, seed + count))
    except SegcoreError as error:
        st.error(str(error), icon=":material/error:")
        preview.unchanged(shown, picture)
        page.end()
    wanted = url_state.get("draw", seed, range(seed, seed + count))
    selected = next((draw for draw in draws if draw.seed == wanted), draws[0])

    # show
    preview.large(shown, picture, pipeline, selected)
    preview.several(shown, picture, draws, selected)
    if pipeline.active:
        st.markdown("**What happened**")
        preview.fired_table(pipeline, draws)
augmentation_statistics.panel(view, pipeline)
runs_by_pipeline.panel(view, pipeline, toolbar.saved_as(pipeline))
