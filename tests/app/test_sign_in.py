"""Who may see the app where the server's secrets ask for a sign-in."""

import pytest
import streamlit as st
from fixtures.app import ROOT
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest
from streamlit.user_info import UserInfoProxy

AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32}


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """The file of the server's secrets, which is not there yet."""
    path = tmp_path / "secrets.toml"
    monkeypatch.setattr(st, "secrets", Secrets())
    before = st.get_option("secrets.files")
    st.config.set_option("secrets.files", [str(path)])
    yield path
    st.config.set_option("secrets.files", before)


@pytest.fixture
def open_page(secrets, open_app, data, runs):
    folder = runs("unet")
    return lambda: open_app(data, folder, "compare")


def drawn(app):
    """What the page draws: texts, and the labels of buttons."""
    return [item.value for item in (*app.markdown, *app.title, *app.error)], [button.label for button in app.button]


def test_without_secrets_and_with_other_secrets_nobody_is_asked(open_page, secrets):
    assert len(open_page().sidebar.checkbox) == 1
    secrets.write_text('token = "of something else"\n')
    assert len(open_page().sidebar.checkbox) == 1


@pytest.mark.parametrize("script", ["app.py", "pages/compare.py"])
def test_nothing_is_seen_before_a_sign_in(secrets, monkeypatch, script):
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", False, raising=False)  # as a server has it
    app = AppTest.from_file(str(ROOT / script), default_timeout=60)
    app.secrets["auth"] = AUTH
    app.run()
    assert drawn(app) == (["This server asks who you are.", "Segcore"], ["Sign in"])
    assert not app.sidebar.checkbox and not app.get("bidi_component") and not app.exception


def test_who_has_signed_in_sees_the_page_and_may_sign_out(open_page, secrets, monkeypatch):
    secrets.write_text("[auth]\n" + "\n".join(f'{name} = "{value}"' for name, value in AUTH.items()))
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", True, raising=False)
    app = open_page()
    assert len(app.sidebar.checkbox) == 1 and not app.exception
    assert "test@example.com" in [item.value for item in app.sidebar.text]
    assert "Sign out" in [button.label for button in app.sidebar.button]


def test_settings_of_the_sign_in_that_lack_something_are_said(secrets, monkeypatch, capsys):
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", False, raising=False)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.secrets["auth"] = AUTH
    app.run().button[0].click().run()
    (said,) = [item.value for item in app.error]
    assert said.startswith("Nobody can sign in yet") and not app.exception
    assert "segcore: nobody can sign in:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"[auth\n", b"\xff\xfe"], ids=["no TOML", "no UTF-8"])
def test_secrets_that_cannot_be_read_keep_everybody_out(secrets, open_page, content):
    secrets.write_bytes(content)
    (said,), buttons = drawn(open_page())
    assert said.startswith("The server's secrets can't be read, so nobody can sign in.") and not buttons
