"""To add a page, one file in `pages/` and one line in `app.py` suffice: a page that only this test knows."""

import shutil
import sys

import pytest
from fixtures.app import ROOT
from streamlit.testing.v1 import AppTest

from segcore.ui.shell import app_files

PAGE = '''"""Names of the chosen runs, long or short."""

import streamlit as st

from segcore.ui.shell import page, url_state
from segcore.ui.widgets.headings import page_heading

view = page.start()
page_heading("Names")

# choose
forms = ["long", "short"]
form = st.segmented_control("Form", forms, required=True, **url_state.bound("form", "long", forms))

# show
st.write(", ".join(view.titles[run.id] if form == "long" else run.id for run in view.chosen))
'''
HOME = 'st.Page(PAGES / "home.py", title="Segcore", default=True),'


@pytest.fixture
def open_names(tmp_path, data, runs, monkeypatch):
    app = (ROOT / "app.py").read_text()
    assert HOME in app
    (tmp_path / "app.py").write_text(app.replace(HOME, HOME + ' st.Page(PAGES / "names.py", title="Names"),'))
    shutil.copytree(ROOT / "pages", tmp_path / "pages")
    (tmp_path / "pages" / "names.py").write_text(PAGE)
    monkeypatch.setattr(app_files, "entry_script", lambda: tmp_path / "app.py")
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(data), "--runs", str(runs("fcn8s", "unet"))])

    def start(**query):
        opened = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60)
        for name, value in query.items():
            opened.query_params[name] = value
        return opened.switch_page("pages/names.py").run()

    return start


def test_it_has_the_sidebar_and_its_choice_stands_in_the_link(open_names, page_text):
    opened = open_names()
    assert not opened.exception
    assert "FCN-8s, U-Net" in page_text(opened)
    assert len(opened.sidebar.checkbox) == 2
    opened = open_names(form="short", runs="unet")
    assert "unet" in page_text(opened) and "U-Net" not in [part.value for part in opened.markdown[-1:]]
    assert opened.query_params["form"] == "short"
    assert not [part for part in opened.caption if "link_off" in part.value]
