"""Notices image and mask files that changed, came or went, beside the pages that show them."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from segcore.data import OpenOptions
from segcore.errors import SegcoreError, listed, number
from segcore.paths import local_path
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown

AGAIN = 60.0  # s after which files are looked at again
PATIENCE = 0.1  # s that the dataset page waits for it: the files of a small dataset are looked at meanwhile
MOST_NAMED = 3  # images
INTERVAL = 0.5  # s between two looks at whether that is done


class FileCheck:
    """Looks at all files of a dataset in a thread, for all sessions at once; what changed is opened anew."""

    def __init__(self) -> None:
        self.changed: set[str] = set()  # ids
        self.problem = ""  # why the dataset can't be opened as it is now
        self._folders: dict[str, int] | None = None
        self._checked = float("-inf")
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether files are being looked at."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, key: DataKey, patience: float = 0.0) -> None:
        """Look at the files, unless somebody did so shortly ago, and wait some seconds for it."""
        with self._starting:
            if not self.running and time.monotonic() - self._checked > AGAIN:
                self._thread = threading.Thread(target=self._look, args=(key,), daemon=True)
                self._thread.start()
                self._thread.join(patience)

    def _look(self, key: DataKey) -> None:
        known, folders = dataset_cache.known_facts(key), _folder_times(key.source)
        changed = known.check_files()
        self.changed.update(changed)
        if changed or (self._folders is not None and folders != self._folders):
            try:
                dataset_cache.reopen(key, known)
                self.problem = ""
            except SegcoreError as error:  # some may still be on their way
                self.problem = str(error)
                folders = {}  # so that it is tried again
        self._folders = folders
        self._checked = time.monotonic()


def _folder_times(source: str) -> dict[str, int]:
    """When something was last added to the folders of a dataset, or removed; nothing for a file."""
    times = {}
    for folder, inner, _ in os.walk(local_path(source)):
        inner[:] = [name for name in inner if not name.startswith(".")]
        with suppress(OSError):
            times[folder] = Path(folder).stat().st_mtime_ns
    return times


@st.cache_resource(max_entries=8, show_spinner=False)
def _file_check(source: str, options: OpenOptions) -> FileCheck:
    return FileCheck()


def look(key: DataKey) -> None:
    """Look for changed files beside a page whose dataset is open; it shows them from its next run on."""
    _file_check(key.source, key.options).start(key)


def show_changes(key: DataKey) -> None:
    """Look for changed files beside the page, which runs again once some are found; say which images they are of."""
    check = _file_check(key.source, key.options)
    check.start(key, PATIENCE)
    if check.changed:
        names = listed(sorted(check.changed), MOST_NAMED)
        st.caption(
            f":material/sync_problem: Files of {number(len(check.changed), 'image')} changed since they were read, "
            f"which are counted anew: {escape_markdown(names)}."
        )
    if check.problem:
        st.caption(
            ":material/sync_problem: Files came or went; until it can be opened again, this is the dataset as it was. "
            f"{escape_markdown(check.problem)}"
        )

    @st.fragment(run_every=INTERVAL)
    def wait() -> None:
        if not check.running:
            st.rerun()  # ends the timer, and reads again what was forgotten

    if check.running:
        wait()
