"""Scripts and styles of the app's own elements.

Streamlit takes a script as one text and inlines it, so that one file can't import another: they are joined here.
"""

from functools import cache
from importlib.resources import files


@cache
def source(*names: str) -> str:
    """The texts of files in this folder, in order, as one."""
    return "\n".join((files(__name__) / name).read_text(encoding="utf-8") for name in names)
