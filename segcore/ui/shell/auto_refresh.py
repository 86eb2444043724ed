"""Draw a page again when what it shows has grown: a run that trains, a search that goes on."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from segcore.runs.run_record import version
from segcore.ui.shell.app_context import AppContext

INTERVAL = 3.0  # s


def refresh_when(changed: Callable[[], bool], text: str) -> None:
    """Show `text`, call `changed` every `INTERVAL`, and rerun the page once it returns True."""

    @st.fragment(run_every=INTERVAL)
    def poll() -> None:
        st.caption(text)
        if changed():
            st.rerun()

    poll()


def follow_training(context: AppContext) -> None:
    """Refresh the page whenever a chosen run that still trains has written something."""
    training = [run for run in context.chosen if run.summary.status == "training"]
    if training:
        names = ", ".join(context.titles[run.id] for run in training)
        text = f"Training: {names}. The page follows."
        refresh_when(lambda: any(version(run.path) != run.version for run in training), text)
