"""The few rules that Streamlit's theme has no setting for, and which theme is on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response

# Headers of a request that are about the page as Streamlit has it: how it may be packed, and which one is known.
_ABOUT_THE_FILE = (b"accept-encoding", b"if-none-match", b"if-modified-since")


async def add_page_style(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Put `page.css` into every page that is served, so that it is known before anything is painted.

    A style that Streamlit sends as an element arrives after the first elements have been painted, and moves them. It
    stands in the body: of two rules of the same weight the later one wins, and Streamlit adds its own to the head.
    """
    from starlette.responses import HTMLResponse

    is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if is_page:
        request.scope["headers"] = [header for header in request.scope["headers"] if header[0] not in _ABOUT_THE_FILE]
    response = await answer(request)
    if not (is_page and response.headers.get("content-type", "").startswith("text/html")):
        return response
    parts: AsyncIterator[bytes] = response.body_iterator  # type: ignore[attr-defined]  # Starlette gives it to middleware
    page = b"".join([part async for part in parts])
    style = Path(__file__).with_name("page.css").read_bytes()
    styled = page.replace(b"<body>", b"<body><style>\n" + style + b"</style>", 1)
    return HTMLResponse(styled, headers={"Cache-Control": "no-cache"})


def is_dark() -> bool:
    """Whether the page is dark, for charts that choose colours by it; read again whenever the page runs."""
    return bool(st.context.theme.type == "dark")
