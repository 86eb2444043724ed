"""Reads ahead of a loop, works beside it and writes behind it, in threads; memory holds a few items, however many."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")
Result = TypeVar("Result")
DEPTH = 4  # items that wait
WORKERS = 2  # while one runs a model, which uses all cores, the other does the work around it, which uses one


def read_ahead(items: Iterable[T], depth: int = DEPTH) -> Generator[T, None, None]:
    """Yield the items of an iterable, which runs in a thread up to `depth` items ahead; its errors are raised here.

    >>> list(read_ahead(range(3)))
    [0, 1, 2]
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, end) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]  # `end` is of no T
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def overlapped(
    work: Callable[[T], Result], items: Iterable[T], workers: int = WORKERS
) -> Generator[Result, None, None]:
    """Yield the result of `work` for each item, in their order, while `workers` threads work; errors are raised here.

    >>> list(overlapped(str, range(3)))
    ['0', '1', '2']
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class WriteBehind:
    """Runs calls in a thread, in their order; a call waits while `depth` others do.

    A context manager: the block ends when every call has run. The first error of a call is raised by a later call, or
    at the end of the block.
    """

    def __init__(self, depth: int = DEPTH) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[object]] = deque()
        self._depth = depth

    def __call__(self, work: Callable[[], object]) -> None:
        """Run `work` later."""
        self._waiting.append(self._pool.submit(work))
        if len(self._waiting) > self._depth:
            self._waiting.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            for future in self._waiting:
                future.result()


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
