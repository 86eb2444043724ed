"""Opens Optuna's storage of a study: a journal in the search's folder, another file, or a database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from segcore.errors import ConfigError, TrainingError, first_line
from segcore.paths import local_path
from segcore.reading import SHAPE_ERRORS, parse_json
from segcore.runs.search import JOURNAL


def storage_name(storage: str | None) -> str:
    """The name of a storage as it may be shown, without a password.

    >>> storage_name("postgresql://me:secret@host/trials")
    'postgresql://me:***@host/trials'

    Raises:
        ConfigError: when it has `://` but is not a database URL.
    """
    if storage is None or "://" not in storage:
        return storage or JOURNAL
    try:
        return make_url(storage).render_as_string(hide_password=True)
    except SQLAlchemyError as error:
        raise ConfigError(
            f"--storage is no URL of a database ({first_line(error).rstrip('.')}); expected sqlite:///FILE, "
            "postgresql://USER:PASSWORD@HOST/NAME, or a file."
        ) from None


@contextmanager
def storage_errors(name: str) -> Iterator[None]:
    """Raise errors of a database or of Optuna as `TrainingError`."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        reason = first_line(error.__cause__ or error).rstrip(".")
        raise TrainingError(
            f"The storage {name} failed: {reason}. Trials so far are kept; the same command goes on."
        ) from None


def open_storage(storage: str | None, folder: Path) -> BaseStorage:
    """Open a file or the URL of a database as Optuna's storage; None is `study.journal` in the search's folder.

    Raises:
        ConfigError: when it can't be opened, or is not a study.
    """
    if storage is not None and "://" in storage:
        try:
            return RDBStorage(storage)
        # Unknown dialect, missing driver, no server, or a database of another version of Optuna.
        except (SQLAlchemyError, ImportError, optuna.exceptions.OptunaError, RuntimeError) as error:
            reason = first_line(error.__cause__ or error).rstrip(".")
            raise ConfigError(f"Can't open the storage {storage_name(storage)}: {reason}. Check --storage.") from None
    path = local_path(storage, ConfigError) if storage else folder / JOURNAL
    _check_journal(path)
    # Optuna's default lock is a symbolic link, which needs privileges on Windows.
    backend = JournalFileBackend(str(path), JournalFileOpenLock(str(path)) if os.name == "nt" else None)
    try:
        return JournalStorage(backend)
    except (ValueError, KeyError) as error:
        reason = first_line(error).rstrip(".")
        raise ConfigError(
            f"The study in {path} is damaged ({reason}). Put the file back, or choose another --name."
        ) from None


def _check_journal(path: Path) -> None:
    """Check that a file is a study of Optuna or new, before Optuna appends to it."""
    if not path.parent.is_dir():
        raise ConfigError(f"--storage {path}: there is no folder {path.parent}. Make it, or choose another file.")
    try:
        with path.open("rb") as handle:
            line = handle.readline(10_000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"--storage {path}: {error.strerror}. Choose another file.") from None
    if line.startswith(b"SQLite format 3"):
        raise ConfigError(f"--storage {path} is an SQLite database; write --storage sqlite:///{path}")
    try:
        known = not line or "op_code" in parse_json(line)
    except SHAPE_ERRORS:
        known = False
    if not known:
        raise ConfigError(f"--storage {path} is not a study of Optuna; expected a new file, or one of a search.")
