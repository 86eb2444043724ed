"""The app's own widgets: their scripts and styles, and how Streamlit gets them."""

from functools import cache
from importlib.resources import files

from streamlit.components import v2
from streamlit.components.v2.types import ComponentRenderer


@cache
def source(*names: str) -> str:
    """Join the texts of files in this folder, in order."""
    return "\n".join((files(__name__) / name).read_text(encoding="utf-8") for name in names)


def component(name: str, html: str, *scripts: str) -> ComponentRenderer:
    """Return the widget made from `<name>.css` and some scripts, which Streamlit inlines: one can't import another.

    The last of the scripts defines `draw`, which Streamlit calls with the data of each run.
    """
    css, js = source(f"{name}.css"), source(*scripts, "drawn.js")
    return v2.component(f"segcore.{name}", html=html, css=css, js=js, isolate_styles=True)
