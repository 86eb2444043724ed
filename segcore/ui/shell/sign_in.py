"""Streamlit's own sign-in, where the server's secrets ask for it (docs/serving.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from segcore.terminal import print_text


def require_sign_in() -> None:
    """Let nobody past who has not signed in, where `.streamlit/secrets.toml` has a section `[auth]`.

    Everybody whom the provider signs in may see everything. Secrets that can't be read keep everybody out.
    """
    try:
        loaded = st.secrets.load_if_toml_exists()
        required = loaded and "auth" in st.secrets
        unread = not loaded and any(Path(path).exists() for path in st.get_option("secrets.files"))
    except (OSError, ValueError):  # unreadable, or no UTF-8
        unread = True
    if unread:
        _refuse("The server's secrets can't be read, so nobody can sign in. Its log says why.")
        st.stop()
    if not required:
        return
    if not st.user.is_logged_in:
        st.title("Segcore", anchor=False)
        st.markdown("This server asks who you are.")
        if st.button("Sign in", type="primary"):
            _sign_in()
        st.stop()
    with st.sidebar.container(horizontal=True, vertical_alignment="center"):
        st.text(str(st.user.get("email") or st.user.get("name") or "signed in"))  # as text: Markdown links an address
        st.button("Sign out", type="tertiary", on_click=st.logout)


def _sign_in() -> None:
    """Lead to the provider, or say that whoever runs the server has to complete its settings."""
    try:
        st.login()
    except (StreamlitAuthError, StreamlitMissingAuthlibError) as error:
        print_text(f"segcore: nobody can sign in: {error}", file=sys.stderr)
        _refuse("Nobody can sign in yet: settings of the sign-in are missing. The server's log says which.")


def _refuse(why: str) -> None:
    st.error(why, icon=":material/error:")
