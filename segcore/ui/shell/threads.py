"""Work of a page in a few threads, for decoders and encoders, which release the interpreter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 2  # more would wait for each other


def parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return `[work(item) for item in items]`, several at a time; `work` may use the app's caches."""
    context = get_script_run_ctx()

    def run_one(item: T) -> R:
        add_script_run_ctx(threading.current_thread(), context)
        return work(item)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(run_one, items))
