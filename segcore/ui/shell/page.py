"""How a page begins and ends: `app.py` calls `run`, every page calls `start` first and `end` to stop early."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page

from segcore.errors import SegcoreError
from segcore.ui.shell import app_files, shortcuts, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.sidebar import sidebar

WARM_UP_AFTER = 2.0  # s: the first page is painted by then

# Set while `run` runs a page, in that script run's own thread. Unset means that app.py did not start the page.
_context: ContextVar[AppContext | None] = ContextVar("context", default=None)


class _Ended(Exception):
    """Raised by `end`."""


def run(page: Page, dialog: Callable[[AppContext], None], keyboard: Callable[[], None]) -> None:
    """Draw the sidebar, then the page, then the dialog over it. Only `app.py` calls this.

    Args:
        page: The page that the address names.
        dialog: Opens a dialog if the link asks for one.
        keyboard: Listens to the keys that sidebar and page offered.
    """
    url_state.begin_page(page.url_path)
    shortcuts.begin()
    context = sidebar()
    token = _context.set(context)
    above = st.container()  # the page may name more things of its link that don't exist
    try:
        with suppress(_Ended):
            page.run()
        keyboard()
        dialog(context)
    except SegcoreError as error:  # its text is meant for people; any other exception is a bug, shown as one
        st.error(escape_markdown(str(error)), icon=":material/error:")
    finally:
        _context.reset(token)
    # Not after a run that Streamlit broke off: it had not reached all of its choices.
    url_state.write_link()
    _link_problems(above)
    _warm_up()


def start() -> AppContext:
    """Return the choices of the sidebar. The first line of every page.

    On a fresh server a first request to `/compare` runs that page without `app.py`: Streamlit takes the folder `pages/`
    for its older kind of app until `st.navigation` has run once. Then this runs `app.py`, which finds the requested
    page and its query parameters itself, and stops the page that was started without it.
    """
    context = _context.get()
    if context is None:
        runpy.run_path(str(app_files.entry_script()), run_name="__main__")
        st.stop()
    return context


def end() -> NoReturn:
    """End the page here. After `st.stop`, Streamlit would ignore the rest of the run, the link included."""
    raise _Ended


def _link_problems(place: DeltaGenerator) -> None:
    """Say above the page, until it is closed, what the link names that doesn't exist."""
    problems = url_state.problems()
    if problems:
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/link_off: {escape_markdown(' '.join(problems))}")
            icon_button("close", "Close", "link:heed", url_state.dismiss_problems)


@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Import what the other pages need while the first one is being looked at. Nothing here imports torch."""

    def warm() -> None:
        for name in ("pandas", "pyarrow.parquet", "altair"):
            import_module(name)

    timer = threading.Timer(WARM_UP_AFTER, warm)
    timer.daemon = True
    timer.start()
