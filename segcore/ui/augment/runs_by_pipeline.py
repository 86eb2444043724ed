"""The panel "Does it help?": runs by the pipeline they were trained with, and a command that compares pipelines."""

from __future__ import annotations

import streamlit as st

from segcore.augment import Pipeline
from segcore.ui.augment import pipeline_files
from segcore.ui.shell import run_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.widgets.table import Cell, format_number, table
from segcore.visual import swatch


def runs_panel(context: AppContext, current: Pipeline, path: str) -> None:
    """Draw the runs on this dataset by pipeline, and the command that compares pipelines.

    Args:
        context: The dataset and the runs.
        current: The editor's pipeline.
        path: The file it is saved as, or an empty string.
    """
    st.subheader("Does it help?", anchor=False)
    trained = [(run, run_cache.pipeline(run)) for run in context.runs if context.fits(run)]
    groups = pipeline_files.group_by_pipeline(trained, current)
    if not any(group.is_current for group in groups):
        st.caption("No run on this dataset was trained with this pipeline yet.")
    cells = [
        [
            Cell(f"{group.title} (this one)" if group.is_current else group.title),
            Cell(context.titles[run.id], icon=swatch(context.colors[run.id], round_=True)),
            Cell(format_number(run.summary.val.miou if run.summary.val else None), True),
            Cell(str(run.summary.epochs), True),
        ]
        for group in groups
        for run in group.runs
    ]
    if cells:
        head = [Cell("pipeline"), Cell("run"), Cell("mIoU, validation", True)]
        table([*head, Cell("epochs", True)], cells)
    run_ids = [run.id for group in groups if group.is_current for run in group.runs]
    if run_ids:
        link = {"runs": url_state.joined(run_ids)}
        if data := st.query_params.get("data"):
            link["data"] = data
        with st.container(horizontal=True):
            for page, label in (("curves", "Its curves"), ("compare", "Compare"), ("predictions", "Predictions")):
                st.page_link(f"pages/{page}.py", label=label, icon=":material/arrow_forward:", query_params=link)
    file = path or "my-pipeline.yaml"
    st.caption(
        "One run tells little, because seeds make a difference too. A search scores pipelines on the same folds of the "
        "training set:"
    )
    space = f"# compare.yaml, with the pipelines beside it\nspace:\n  augment: [none, light, {file}]\n"
    code_block(
        f"{space}\n# segcore search --space compare.yaml --sampler grid --trials 3 --folds 4 -- --models unet",
    )
