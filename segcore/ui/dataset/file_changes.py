"""Notices files that changed since they were read, in the background of the dataset page, and says so."""

from __future__ import annotations

import threading
import time

import streamlit as st

from segcore.data.index.known_facts import KnownFacts
from segcore.errors import listed, number
from segcore.ui.shell import dataset_cache, image_cache
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown

AGAIN = 60.0  # s after which files are looked at again
PATIENCE = 0.1  # s that the page waits for it: the files of a small dataset are looked at meanwhile
MOST_NAMED = 3  # images
INTERVAL = 0.5  # s between two looks at whether that is done


class FileCheck:
    """Looks at all files of a dataset in a thread, for all sessions at once.

    Args:
        known: What is known of the images; those whose files changed are forgotten.
    """

    def __init__(self, known: KnownFacts) -> None:
        self.known = known
        self.changed: set[str] = set()
        self._checked = float("-inf")
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether files are being looked at."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Look at the files, unless somebody did so shortly ago."""
        with self._starting:
            if not self.running and time.monotonic() - self._checked > AGAIN:
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()
                self._thread.join(PATIENCE)

    def _look(self) -> None:
        changed = self.known.check_files()
        if changed:
            self.changed.update(changed)
            for cached in (dataset_cache.sample, image_cache.photo, image_cache.truth_layer, image_cache.thumbnail):
                cached.clear()
        self._checked = time.monotonic()


@st.cache_resource(max_entries=8, show_spinner=False)
def _file_check(key: DataKey) -> FileCheck:
    return FileCheck(dataset_cache.known_facts(key))


def show_changes(key: DataKey) -> None:
    """Look for changed files beside the page, which runs again once some are found; say which images they are of."""
    check = _file_check(key)
    check.start()
    if check.changed:
        names = listed(sorted(check.changed), MOST_NAMED)
        st.caption(
            f":material/sync_problem: Files of {number(len(check.changed), 'image')} changed since they were read, "
            f"which are counted anew: {escape_markdown(names)}."
        )

    @st.fragment(run_every=INTERVAL)
    def wait() -> None:
        if not check.running:
            st.rerun()  # ends the timer, and reads again what was forgotten

    if check.running:
        wait()
