"""Changes a run's name and its note, and archives it, where its folder can be written."""

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
    """Draw the form for name and note, and a button that archives; saving opens the run again under its new name."""
    with st.form("name-and-note", border=False):
        name = st.text_input("Name", run.id, help="Of the run's folder: commands and links take it.")
        note = st.text_area("Note", run.note, placeholder="What it was for, what it showed")
        saved = st.form_submit_button("Save", type="primary")
    if st.button("Archive", icon=":material/archive:", help="Takes it out of every list; its files stay."):
        _archive(run)
    st.caption(
        "In a terminal: `segcore runs rename RUN NAME`, `segcore runs note RUN TEXT`, `segcore runs archive RUN`."
    )
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


def _archive(run: RunRecord) -> None:
    """Archive a run and close the dialog on it."""
    try:
        RunWriter(run.path).archive()
    except SegcoreError as error:
        st.error(escape_markdown(str(error)))
        return
    url_state.put("runs", [run_id for run_id in url_state.current("runs", []) if run_id != run.id])
    url_state.put("about", "")
    st.rerun()
