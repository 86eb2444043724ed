"""A page's work in a few threads: decoders and encoders of pictures leave the interpreter to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 2  # at a time; more would wait for each other


def parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, several at a time; the app's caches may be used within."""
    context = get_script_run_ctx()

    def one(item: T) -> R:
        add_script_run_ctx(threading.current_thread(), context)
        return work(item)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(one, items))
