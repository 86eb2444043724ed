"""Reading every sample once, to find what would stop a training later."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from segcore.data.class_statistics import THREADS, Progress
from segcore.data.dataset import Dataset
from segcore.errors import DatasetError


def find_problems(
    dataset: Dataset, ids: Sequence[str] | None = None, progress: Progress | None = None
) -> tuple[str, ...]:
    """Decode every image and mask; one message for each sample that can't be used.

    Args:
        dataset: What to check.
        ids: Samples to check; None for all.
        progress: Called with (done, total) after every sample.
    """
    wanted = dataset.ids if ids is None else ids

    def problem(sample_id: str) -> str | None:
        try:
            dataset[sample_id]
        except DatasetError as error:
            return str(error)
        return None

    problems = []
    with ThreadPoolExecutor(THREADS) as pool:
        for done, found in enumerate(pool.map(problem, wanted), 1):
            if found:
                problems.append(found)
            if progress:
                progress(done, len(wanted))
    return tuple(problems)
