"""Finds what Streamlit starts: `app.py`, its pages, and the runs that come with Segcore. Imports no streamlit.

In a checkout they stand at the top, where `streamlit run app.py` finds them. A wheel carries them in `segcore/_app/`
(`force-include` in pyproject.toml), with `.streamlit/config.toml` beside `app.py`, where Streamlit reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import segcore
from segcore.errors import SegcoreError

_PACKAGE = Path(segcore.__file__).parent


def app_folder(candidates: Sequence[Path] = (_PACKAGE / "_app", _PACKAGE.parent)) -> Path:
    """The folder with `app.py`, `pages/` and `checkpoints/`.

    Raises:
        SegcoreError: when this installation has none.
    """
    for folder in candidates:
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder
    raise SegcoreError(
        f"This installation has no app: no app.py in {candidates[0]}. Install the wheel of Segcore again."
    )


def entry_script() -> Path:
    """`app.py`."""
    return app_folder() / "app.py"


def shipped_runs() -> Path | None:
    """The folder of the runs that come with Segcore, or None where they were left out."""
    folder = app_folder() / "checkpoints"
    return folder if folder.is_dir() else None
