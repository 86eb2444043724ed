"""The keys of a page, the sheet that lists them, and the buttons that copy."""

from __future__ import annotations

import streamlit as st

from segcore.ui.shell import shortcuts
from segcore.ui.widgets.components import component

_HTML = """<div class="keyboard"><button type="button" class="open" aria-label="Keys of this page" title="Keys: ?">
?</button>
<dialog aria-labelledby="keys"><h2 id="keys">Keys of this page</h2><dl></dl></dialog></div>"""
_SHOWN = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Escape": "Esc"}
_MOST = 4  # caps


def keyboard() -> None:
    """Listen to the keys that the page offered, and list them under `?`."""
    shortcuts.offer("?", "this list")
    keys = shortcuts.offered()
    acts = {name: key.act for key in keys for name in key.keys if key.act is not None}

    def press() -> None:
        name = st.session_state["keyboard"].get("press")
        if name in acts:
            acts[name](name)

    component("keyboard", _HTML, "elements.js", "copying.js", "keyboard.js")(
        key="keyboard",
        data=[
            {
                "keys": [
                    {
                        "shown": _shown(key.keys),
                        "text": key.text,
                        "acts": key.keys if key.act is not None else (),
                    }
                    for key in keys
                ]
            }
        ],
        on_press_change=press,
    )


def _shown(keys: tuple[str, ...]) -> list[str]:
    """The caps of some keys: of many, the first and the last one."""
    caps = [_SHOWN.get(name, name) for name in keys]
    return caps if len(caps) <= _MOST else [caps[0], "…", caps[-1]]
