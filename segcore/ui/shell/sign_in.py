"""Streamlit's own sign-in, where the server's secrets ask for it (docs/serving.md)."""

from __future__ import annotations

from pathlib import Path

import streamlit as st


def require_sign_in() -> None:
    """Let nobody past who has not signed in, where `.streamlit/secrets.toml` has a section `[auth]`.

    Everybody whom the provider signs in may see everything. Secrets that can't be read keep everybody out.
    """
    if not st.secrets.load_if_toml_exists():
        if any(Path(path).exists() for path in st.get_option("secrets.files")):
            st.error("The server's secrets can't be read, so nobody can sign in. The server's log says why.")
            st.stop()
        return
    if "auth" not in st.secrets:
        return
    if not st.user.is_logged_in:
        st.title("Segcore", anchor=False)
        st.markdown("This server asks who you are.")
        st.button("Sign in", type="primary", on_click=st.login)
        st.stop()
    with st.sidebar.container(horizontal=True, vertical_alignment="center"):
        st.text(str(st.user.get("email") or st.user.get("name") or "signed in"))  # as text: Markdown links an address
        st.button("Sign out", type="tertiary", on_click=st.logout)
