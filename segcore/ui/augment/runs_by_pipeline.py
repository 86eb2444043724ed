"""Does it help? The runs that were trained with a pipeline, and how to find out."""

from __future__ import annotations

import streamlit as st

from segcore.augment import Pipeline
from segcore.ui.augment import pipeline_files
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.table import Cell, format_number, table
from segcore.visual import swatch


def panel(view: AppContext, own: Pipeline, path: str) -> None:
    """Runs on this dataset by the pipeline they were trained with, and the command that compares pipelines.

    Args:
        view: The runs.
        own: The editor's pipeline.
        path: The file it is saved as, or an empty string.
    """
    st.subheader("Does it help?", anchor=False)
    rows = pipeline_files.trained([(run, run_cache.pipeline(run)) for run in view.runs if view.fits(run)], own)
    if not any(row.mine for row in rows):
        st.caption("No run on this dataset was trained with this pipeline yet.")
    cells = [
        [
            Cell(f"{row.title} (this one)" if row.mine else row.title),
            Cell(view.titles[run.id], icon=swatch(view.colors[run.id], round_=True)),
            Cell(format_number(run.summary.val.miou if run.summary.val else None), True),
            Cell(str(run.summary.epochs), True),
        ]
        for row in rows
        for run in row.runs
    ]
    if cells:
        head = [Cell("pipeline"), Cell("run"), Cell("mIoU, validation", True)]
        table([*head, Cell("epochs", True)], cells)
    mine = [run.id for row in rows if row.mine for run in row.runs]
    if mine:
        shown = {"runs": ",".join(mine), "data": st.query_params.get("data", "")}
        wanted = {name: value for name, value in shown.items() if value}
        with st.container(horizontal=True):
            for page, label in (("curves", "Its curves"), ("compare", "Compare"), ("predictions", "Predictions")):
                st.page_link(f"pages/{page}.py", label=label, icon=":material/arrow_forward:", query_params=wanted)
    named = path or "my-pipeline.yaml"
    st.caption(
        "One run says little: other seeds differ too. A search scores pipelines on the same folds of the training set:"
    )
    space = f"# compare.yaml, with the pipelines beside it\nspace:\n  augment: [none, light, {named}]\n"
    st.code(
        f"{space}\n# segcore search --space compare.yaml --sampler grid --trials 3 --folds 4 -- --models unet",
        language="yaml",
    )
