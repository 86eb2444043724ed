"""Records how a run was made: package versions, the code's commit, the command."""

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
_GIT_SECONDS = 10.0  # a repository on a slow network drive must not delay a training


def provenance(made_by: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """The fields of `Summary` that record how a run was made: `versions`, `git_commit` and `command`.

    Args:
        made_by: Result of `origin` in the process that received the user's command; None uses this process.
    """
    return {"versions": versions(), **(origin() if made_by is None else made_by)}


def origin() -> dict[str, str | None]:
    """`git_commit` and `command` of this process; call it in the user's command, not in a worker."""
    return {"git_commit": git_commit(Path(segcore.__file__)), "command": command_line()}


def now() -> str:
    """The current time as runs and searches store it: ISO 8601, in seconds, with time zone."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python, Segcore and the packages that influence a result."""
    return {"python": python_version(), "segcore": segcore.__version__, **{name: version(name) for name in _PACKAGES}}


def git_commit(module: Path) -> str | None:
    """Commit of the checkout that a package is imported from.

    It is the commit of the code's repository, not of the working folder, because the code decides a result. A package
    that pip installed inside a repository, as in `.venv`, is not tracked there and has no commit, only a version.

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
    """Output of a git command; None when git is missing or fails."""
    # Inside a git hook, GIT_DIR and similar variables are set and may point to another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"  # reading the status must not lock out a commit
    try:
        result = subprocess.run(
            ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=_GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def command_line(words: Sequence[str] | None = None) -> str:
    """The command as typed, quoted for a shell: `python train.py --models unet`.

    Args:
        words: Program and arguments; None uses those of this process.

    Returns:
        The command, with the interpreter without its folder. Installed commands (`segcore train`) are given without
        the interpreter.

    >>> command_line(["/usr/bin/python", "train.py", "--models", "unet"])
    'python train.py --models unet'
    """
    program, *rest = sys.orig_argv if words is None else words
    interpreter = Path(program)
    if rest and interpreter.is_absolute() and Path(rest[0]).absolute().parent == interpreter.parent:
        return shlex.join([Path(rest[0]).name, *rest[1:]])
    return shlex.join([interpreter.name, *rest])
