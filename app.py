"""The app: page configuration and navigation. Start it with `streamlit run app.py [-- --data PATH --runs DIR]`."""

from pathlib import Path

import streamlit as st

from segcore.ui.run_details.dialog import run_dialog
from segcore.ui.shell import page
from segcore.ui.shell.app_icon import ICON

PAGES = Path(__file__).parent / "pages"

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
st.set_page_config(title, ICON, layout="wide", initial_sidebar_state="auto")
page.run(chosen, run_dialog)
