"""The app: what is served, page configuration and navigation.

Start it with `streamlit run app.py [-- --data PATH --runs DIR]`. The server imports this file once, for `app`; each
visit of a page runs it as a script.
"""

from pathlib import Path

import streamlit as st

PAGES = Path(__file__).parent / "pages"

if __name__ != "__main__":
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware

    from segcore.ui.shell.page_style import add_page_style
    from segcore.ui.shell.server_memory import give_freed_memory_back

    give_freed_memory_back()
    app = st.App(__file__, middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_page_style)])
else:
    st.set_page_config(layout="wide", initial_sidebar_state="auto")
    st.sidebar.empty()  # stands from the start; the imports below take a second on a fresh server

    from segcore.ui.shell.sign_in import require_sign_in

    require_sign_in()

    from segcore.ui.run_details.dialog import run_dialog
    from segcore.ui.shell import page
    from segcore.ui.shell.app_icon import ICON
    from segcore.ui.widgets.keyboard import keyboard

    chosen = st.navigation(
        [
            st.Page(PAGES / "home.py", title="Segcore", default=True),
            st.Page(PAGES / "dataset.py", title="Dataset"),
            st.Page(PAGES / "augment.py", title="Augment"),
            st.Page(PAGES / "curves.py", title="Curves"),
            st.Page(PAGES / "search.py", title="Search"),
            st.Page(PAGES / "compare.py", title="Compare"),
            st.Page(PAGES / "errors.py", title="Errors"),
            st.Page(PAGES / "predictions.py", title="Predictions"),
            st.Page(PAGES / "try_it.py", title="Try it"),
        ],
        position="top",
    )
    title = chosen.title if chosen.title == "Segcore" else f"{chosen.title} · Segcore"
    st.set_page_config(title, ICON)
    page.run(chosen, run_dialog, keyboard)
