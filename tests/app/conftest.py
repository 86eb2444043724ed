import functools
import io
import sys

import pytest
import streamlit as st
from fixtures.app import ROOT, as_read, codes, make_data, make_runs
from PIL import Image
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest


@pytest.fixture(scope="session", autouse=True)
def packages_scanned_once():
    """Streamlit's AppTest reads the metadata of every installed package at every page: four fifths of a test's time."""
    once = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_secrets(tmp_path_factory):
    """The tests are of a server without secrets, whatever its user keeps in `.streamlit/`."""
    st.config.set_option("secrets.files", [str(tmp_path_factory.mktemp("secrets") / "secrets.toml")])


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path / "toy")


@pytest.fixture
def runs(tmp_path, data):
    """`runs(*models)` writes runs and returns their folder."""
    folder = tmp_path / "checkpoints"

    def make(*models):
        make_runs(folder, data, models)
        return folder

    return make


@pytest.fixture
def open_app(monkeypatch):
    """`open_app(data, runs, page, **query)` runs a page of the app as a user would reach it."""

    def start(data, runs, page="home", /, *flags, **query):
        st.cache_data.clear()
        st.cache_resource.clear()
        monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(data), "--runs", str(runs), *flags])
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        if page != "home":
            app.switch_page(f"pages/{page}.py")
        return app.run()

    return start


@pytest.fixture
def picture_file():
    """`picture_file(array)` is the array as the bytes of a PNG."""

    def encode(array):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "PNG")
        return buffer.getvalue()

    return encode


@pytest.fixture
def page_text():
    """Everything a page says in words, as one text."""

    def collect(app):
        kinds = ("markdown", "caption", "info", "warning", "error", "title", "subheader")
        texts = [str(part.value) for kind in kinds for part in app.get(kind)]
        return "\n".join((as_read("\n".join(texts)), *codes(app)))

    return collect
