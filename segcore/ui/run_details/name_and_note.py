"""Changes a run's name and its note, where its folder can be written."""

from __future__ import annotations

import os

import streamlit as st

from segcore.errors import SegcoreError
from segcore.runs import RunRecord, RunWriter
from segcore.runs.rename import rename_run
from segcore.ui.shell import url_state
from segcore.ui.shell.markdown import escape_markdown


def may_write(run: RunRecord) -> bool:
    """Whether the app may write into a run's folder and rename it."""
    return os.access(run.path, os.W_OK) and os.access(run.path.parent, os.W_OK)


def name_and_note(run: RunRecord) -> None:
    """Draw the form for name and note; saving opens the run again under its new name."""
    with st.form("name-and-note", border=False):
        name = st.text_input("Name", run.id, help="Of the run's folder: commands and links take it.")
        note = st.text_area("Note", run.note, placeholder="What it was for, what it showed")
        saved = st.form_submit_button("Save", type="primary")
    st.caption("In a terminal: `segcore runs rename RUN NAME`, `segcore runs note RUN TEXT`.")
    if not saved:
        return
    try:
        RunWriter(run.path).write_note(note)
        renamed = rename_run(run, name) if name.strip() != run.id else run
    except SegcoreError as error:
        st.error(escape_markdown(str(error)))
        return
    if renamed.id != run.id:
        chosen = url_state.current("runs", [])
        url_state.put("runs", [renamed.id if run_id == run.id else run_id for run_id in chosen])
        url_state.put("about", renamed.id)
    st.rerun()
