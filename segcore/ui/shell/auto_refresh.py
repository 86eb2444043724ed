"""Draw a page again when what it shows has grown: a run that trains, a search that goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from segcore.runs import RunRecord, live
from segcore.runs.run_record import version
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown

INTERVAL = 3.0  # s


def refresh_when(changed: Callable[[], bool], show: Callable[[], object]) -> None:
    """Call `show` and `changed` every `INTERVAL`, and rerun the page once `changed` returns True.

    Args:
        changed: Whether the page has more to show than what `show` draws.
        show: Draws what may be new each time. The rest of the page and its choices stay as they are.
    """

    @st.fragment(run_every=INTERVAL)
    def poll() -> None:
        show()
        if changed():
            st.rerun()

    poll()


def follow_training(context: AppContext) -> None:
    """Show how far the chosen runs in training are; refresh the page when one has an epoch more or has ended."""
    training = [run for run in context.chosen if run.summary.status == "training"]
    if training:
        show = partial(_show_progress, training, context.titles)
        refresh_when(lambda: any(version(run.path) != run.version for run in training), show)


def _show_progress(runs: Sequence[RunRecord], titles: Mapping[str, str]) -> None:
    for run in runs:
        progress, title = live.read_progress(run.path), escape_markdown(titles[run.id])
        if progress is None:
            st.caption(f"{title} is in training: it starts, or its kept epoch is scored. The page follows.")
            continue
        st.caption(f"{title} is in training: {progress.sentence()}. The page follows.")
        st.progress(progress.share)
        if picture := live.read_pictures(run.path):
            with st.expander(f"Last validation of {title}", expanded=len(runs) == 1):
                st.image(picture, "Image, truth and prediction of a few validation images", width=360)
