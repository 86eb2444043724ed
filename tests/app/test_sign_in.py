"""Who may see the app where the server's secrets ask for a sign-in."""

import sys

import pytest
import streamlit as st
from fixtures.app import ROOT
from streamlit.testing.v1 import AppTest
from streamlit.user_info import UserInfoProxy

AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32}


@pytest.fixture
def open_page(monkeypatch, data, runs):
    """`open_page(auth={...})` opens the app on a server with these secrets."""
    monkeypatch.setattr(sys, "argv", ["app.py", "--data", str(data), "--runs", str(runs("unet"))])

    def start(script="app.py", /, **secrets):
        app = AppTest.from_file(str(ROOT / script), default_timeout=60)
        app.secrets.update(secrets)
        return app.run()

    return start


@pytest.fixture
def stranger(monkeypatch):
    """Nobody has signed in; tests of pages have no such answer of their own."""
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", False, raising=False)


def drawn(app):
    """What the page draws: texts, and the labels of buttons."""
    return [item.value for item in (*app.markdown, *app.title, *app.error)], [button.label for button in app.button]


def test_without_secrets_and_with_other_secrets_nobody_is_asked(open_page):
    assert len(open_page().sidebar.checkbox) == 1
    assert len(open_page(token="of something else").sidebar.checkbox) == 1


@pytest.mark.parametrize("script", ["app.py", "pages/compare.py"])
def test_nothing_is_seen_before_a_sign_in(open_page, stranger, script):
    app = open_page(script, auth=AUTH)
    assert drawn(app) == (["This server asks who you are.", "Segcore"], ["Sign in"])
    assert not app.sidebar.checkbox and not app.get("bidi_component") and not app.exception


def test_who_has_signed_in_sees_the_page_and_may_sign_out(open_page, monkeypatch):
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", True, raising=False)
    app = open_page(auth=AUTH)
    assert len(app.sidebar.checkbox) == 1 and not app.exception
    assert "test@example.com" in [item.value for item in app.sidebar.text]
    assert "Sign out" in [button.label for button in app.sidebar.button]


def test_settings_of_the_sign_in_that_lack_something_are_said(open_page, stranger, capsys):
    app = open_page(auth=AUTH)
    app.button[0].click().run()
    (said,) = [item.value for item in app.error]
    assert said.startswith("Nobody can sign in yet") and not app.exception
    assert "segcore: nobody can sign in:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"[auth\n", b"\xff\xfe"], ids=["no TOML", "no UTF-8"])
def test_secrets_that_cannot_be_read_keep_everybody_out(open_page, tmp_path, content):
    path, before = tmp_path / "secrets.toml", st.get_option("secrets.files")
    path.write_bytes(content)
    st.config.set_option("secrets.files", [str(path)])
    try:
        (said,), buttons = drawn(open_page())
    finally:
        st.config.set_option("secrets.files", before)
    assert said.startswith("The server's secrets can't be read, so nobody can sign in.") and not buttons
