"""Builds an augmentation pipeline and shows what it does to an image, its mask, and the data."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.augment import (
    pipeline_editor,
    preview,
    preview_images,
    runs_by_pipeline,
    sample_input,
    statistics_panel,
    toolbar,
    transform_menu,
)
from segcore.ui.shell import file_changes, notices, page, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.headings import page_heading

context = page.start()
page_heading(
    "Augment",
    "What training sees in place of the image. Masks move with their image; uncovered pixels are ignored.",
)
if notices.missing_dataset(context):
    page.end()
file_changes.look(context.key)

# choose
pipeline_editor.follow_link()
pipeline = pipeline_editor.pipeline()
toolbar.draw(pipeline)
settings, pictures = st.columns([2, 5], gap="large")
with settings:
    pipeline_editor.draw(transform_menu.request)
with pictures:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        source = sample_input.choose_input(context)
        layers, comparison = preview.choose_view()
    for problem in pipeline_editor.problems():
        st.error(escape_markdown(problem), icon=":material/error:")
    if source is None:
        page.end()
    transform_menu.open_if_requested(source)
    seed = url_state.get("seed", preview.SEED, url_state.Between(0, 2**31))
    count = int(url_state.get("draws", str(preview.COUNTS[0]), [str(number) for number in preview.COUNTS]))
    seeds = range(seed, seed + count)

    # load
    try:
        loading = "Loading albumentations" if preview_images.needs_albumentations(pipeline) else "Making examples"
        with st.spinner(loading, show_time=True):
            made = preview_images.make_examples(source, pipeline, seeds)
    except SegcoreError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        preview.unchanged_preview(layers, source)
        page.end()
    selected_seed = url_state.get("draw", seed, seeds)
    selected = next((example for example in made if example.seed == selected_seed), made[0])

    # show
    preview.large_preview(layers, comparison, source, pipeline, selected)
    preview.example_gallery(layers, source, made, selected)
    if pipeline.active:
        st.markdown("**What happened**")
        preview.applied_table(pipeline, made)
statistics_panel.statistics_panel(context, pipeline)
runs_by_pipeline.runs_panel(context, pipeline, toolbar.saved_path(pipeline))
