"""Scripts and styles of the app's own widgets.

Streamlit inlines a script, so one file can't import another; `source` joins them instead.
"""

from functools import cache
from importlib.resources import files


@cache
def source(*names: str) -> str:
    """Join the texts of files in this folder, in order."""
    return "\n".join((files(__name__) / name).read_text(encoding="utf-8") for name in names)
