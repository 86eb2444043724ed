"""Reads every sample once, to find problems before a training does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from segcore.data.dataset import Dataset
from segcore.data.index.known_facts import THREADS, Progress
from segcore.errors import DatasetError


def find_problems(
    dataset: Dataset, ids: Sequence[str] | None = None, progress: Progress | None = None
) -> tuple[str, ...]:
    """Decode every image and mask, and return a message for each sample that can't be used.

    Args:
        dataset: The dataset to check.
        ids: Samples to check; None for all.
        progress: Called with (done, total) after every sample.
    """
    chosen = dataset.ids if ids is None else ids

    def problem(sample_id: str) -> str | None:
        try:
            dataset[sample_id]
        except DatasetError as error:
            return str(error)
        return None

    problems = []
    with ThreadPoolExecutor(THREADS) as pool:
        for done, message in enumerate(pool.map(problem, chosen), 1):
            if message:
                problems.append(message)
            if progress:
                progress(done, len(chosen))
    return tuple(problems)
