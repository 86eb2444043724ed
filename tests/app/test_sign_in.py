"""Who may see the app where the server's secrets ask for a sign-in."""

import pytest
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest
from streamlit.user_info import UserInfoProxy

AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32}


def page() -> None:
    """What app.py does first."""
    import streamlit as st

    from segcore.ui.shell.sign_in import require_sign_in

    require_sign_in()
    st.markdown("the page")


@pytest.fixture
def app(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where Streamlit looks for secrets
    secrets_singleton._reset()
    yield AppTest.from_function(page)
    secrets_singleton._reset()


def texts(app):
    return [item.value for item in (*app.markdown, *app.text, *app.error)]


def test_without_secrets_and_with_other_secrets_nobody_is_asked(app):
    assert texts(app.run()) == ["the page"]
    app.secrets["token"] = "of something else"
    assert texts(app.run()) == ["the page"]


def test_nothing_is_seen_before_a_sign_in(app, monkeypatch):
    app.secrets["auth"] = AUTH
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", False, raising=False)  # as a server has it
    app.run()
    assert texts(app) == ["This server asks who you are."]
    assert [button.label for button in app.button] == ["Sign in"] and not app.exception


def test_who_has_signed_in_sees_the_page_and_may_sign_out(app, monkeypatch):
    app.secrets["auth"] = AUTH
    monkeypatch.setattr(UserInfoProxy, "is_logged_in", True, raising=False)
    app.run()
    assert texts(app) == ["the page", "test@example.com"] and not app.exception
    assert [button.label for button in app.sidebar.button] == ["Sign out"]


def test_secrets_that_cannot_be_read_keep_everybody_out(app, tmp_path):
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("[auth\n")
    (said,) = texts(app.run())
    assert said.startswith("The server's secrets can't be read, so nobody can sign in.") and not app.exception
