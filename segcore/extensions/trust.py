"""Which files of code may be run on this machine without asking: those whose content somebody has agreed to.

Agreements are SHA-256 digests, one a line, in the user's configuration folder, and in `SEGCORE_TRUST` (several are
separated by commas) for containers and CI. Naming a file (`--models my_net.py:MyNet`) is one; `segcore trust RUN`
makes one for the copies in a run.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from shlex import quote

import platformdirs

from segcore.errors import UntrustedCode

VARIABLE = "SEGCORE_TRUST"
_this_process: set[str] = set()


def store() -> Path:
    """The file of agreements."""
    return Path(platformdirs.user_config_dir("segcore")) / "trusted-code.txt"


def trusted(digest: str) -> bool:
    """Whether somebody has agreed to run the content with this SHA-256."""
    return digest in _this_process or digest in _agreed()


def add(digest: str, name: str) -> None:
    """Agree to run a content; where the store can't be written, for this process alone."""
    if not trusted(digest):
        with suppress(OSError):
            store().parent.mkdir(parents=True, exist_ok=True)
            with store().open("a", encoding="utf-8") as handle:
                handle.write(f"{digest}  {name}\n")
    _this_process.add(digest)


def require(digest: str, path: Path) -> None:
    """Check that a run's copy of a file may be run.

    Raises:
        UntrustedCode: when nobody has agreed to it; names the file and the command.
    """
    if not trusted(digest):
        run = path.absolute().parent.parent
        raise UntrustedCode(
            f"{path} is code that came with run {run.name!r}, and nobody on this machine has agreed to run it (SHA-256 "
            f"{digest[:12]}...). Read it; if it does nothing bad: segcore trust {quote(str(run))}",
            path,
            run,
        )


def _agreed() -> set[str]:
    lines = os.environ.get(VARIABLE, "").replace(",", "\n").splitlines()
    with suppress(OSError):
        lines += store().read_text("utf-8", errors="replace").splitlines()
    return {words[0].lower() for line in lines if (words := line.split())}
