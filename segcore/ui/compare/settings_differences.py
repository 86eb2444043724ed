"""What differs between the settings of the chosen runs."""

from __future__ import annotations

import streamlit as st

from segcore.errors import SegcoreError, number
from segcore.runs import RunRecord
from segcore.runs.settings import differences, flat_settings
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.run_cache import HASH_FUNCS
from segcore.ui.widgets.table import Cell, table
from segcore.visual import swatch


def settings_differences(context: AppContext) -> None:
    """Draw a table of the settings in which the chosen runs differ; nothing for fewer than two runs."""
    if len(context.chosen) < 2:
        return
    st.subheader(
        "What differs",
        anchor=False,
        help="Settings of which the chosen runs recorded different values, the code and the data among them. Where "
        "files were and how fast they were read changes no result, and is left out.",
    )
    recorded = [(run, values) for run in context.chosen if (values := _settings(run)) is not None]
    left_out = [context.titles[run.id] for run in context.chosen if _settings(run) is None]
    if left_out:
        st.caption(f"No settings of a training: {escape_markdown(', '.join(left_out))}.")
    rows = differences([values for _, values in recorded], [run_cache.pipeline(run) for run, _ in recorded])
    if not rows:
        if len(recorded) > 1:
            st.markdown(f"Nothing: {number(len(recorded), 'run')} of the same settings.")
        return
    head = [Cell("setting")]
    head += [Cell(context.titles[run.id], icon=swatch(context.colors[run.id], round_=True)) for run, _ in recorded]
    table(
        head,
        [
            [
                Cell(row.name),
                *(Cell("–", title="Not recorded") if value is None else Cell(value) for value in row.values),
            ]
            for row in rows
        ],
    )


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=HASH_FUNCS)
def _settings(run: RunRecord) -> dict[str, str] | None:
    """A run's settings; None where it has none of a training."""
    if not run.was_trained:
        return None
    try:
        return flat_settings(run)
    except SegcoreError:
        return None
