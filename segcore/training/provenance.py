"""What made a run: versions, the code's commit, the command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import segcore

_PACKAGES = (
    "torch",
    "lightning",
    "segmentation-models-pytorch",
    "timm",
    "albumentations",
    "opencv-python-headless",
    "numpy",
)
_GIT_SECONDS = 10.0  # a repository on a slow network drive must not hold a training up


def provenance(made_by: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """The fields of `Summary` that say what made a run: `versions`, `git_commit` and `command`.

    Args:
        made_by: Of `origin`, where another process got the user's command; None is this one.
    """
    return {"versions": versions(), **(origin() if made_by is None else made_by)}


def origin() -> dict[str, str | None]:
    """`git_commit` and `command` of this process: ask where the user's command runs, not in a worker it starts."""
    return {"git_commit": git_commit(Path(segcore.__file__)), "command": command_line()}


def now() -> str:
    """The time as a run and a search keep it: ISO 8601, in seconds, with zone."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {"python": python_version(), "segcore": segcore.__version__, **{name: version(name) for name in _PACKAGES}}


def git_commit(module: Path) -> str | None:
    """Commit of the checkout that a package is imported from.

    The code decides a result, so it is the code's repository that is asked, not the one of the working folder (all
    settings of a run are in its `config.yaml`). A package that pip put inside a repository, as in `.venv`, is not
    tracked there and has none: its version says what it is.

    Args:
        module: The package's `__init__.py`.

    Returns:
        Short hash, with `+` when a file of the package differs from it; None without git or a repository.
    """
    package = module.resolve().parent
    tracked = _git(package, "ls-files", "--", module.name)
    commit = _git(package, "rev-parse", "--short", "HEAD") if tracked else None
    if not commit:
        return None
    return commit + ("+" if _git(package, "status", "--porcelain", "--", ".") else "")


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None when it can't be asked, or refuses."""
    # A hook of git's sets GIT_DIR and friends, which would point it at another repository.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    surroundings["GIT_OPTIONAL_LOCKS"] = "0"  # looking at the status must not get in the way of a commit
    try:
        said = subprocess.run(
            ["git", *words], cwd=folder, env=surroundings, capture_output=True, text=True, timeout=_GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() if said.returncode == 0 else None


def command_line(words: Sequence[str] | None = None) -> str:
    """The command as typed, quoted for a shell: `python train.py --models unet`.

    Args:
        words: Program and arguments as the system got them; None for those of the process.

    Returns:
        The command, the interpreter without its folder; installed commands (`segcore train`) without the interpreter
        that their first line names.
    """
    program, *rest = sys.orig_argv if words is None else words
    interpreter = Path(program)
    if rest and interpreter.is_absolute() and Path(rest[0]).absolute().parent == interpreter.parent:
        return shlex.join([Path(rest[0]).name, *rest[1:]])
    return shlex.join([interpreter.name, *rest])
