"""What a page works with: the active dataset and the chosen runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segcore.data import Dataset
from segcore.runs import RunProblem, RunRecord
from segcore.runs.scored_splits import default_split
from segcore.ui.shell.dataset_cache import DataKey

MAX_CHOSEN = 8  # runs
MOST_FINGERPRINTED = 5000  # samples; a fingerprint of more would keep the page waiting


@dataclass(frozen=True, eq=False)
class AppContext:
    """The choices of the sidebar, which every page starts from.

    Args:
        key: The active dataset's key in the caches.
        dataset: The active dataset, or None when it can't be opened.
        problem: Why the dataset can't be opened.
        runs: Every readable run.
        chosen: The runs ticked in the sidebar, at most `MAX_CHOSEN`.
        problems: Folders that look like runs but can't be read.
        colors: Run id -> hex colour, the same on every page.
        titles: Run id -> name shown to people.
        hidden: Class ids that overlays leave out.
        folder: The folder that holds the runs.
    """

    key: DataKey
    dataset: Dataset | None
    problem: str | None
    runs: tuple[RunRecord, ...]
    chosen: tuple[RunRecord, ...]
    problems: tuple[RunProblem, ...]
    colors: dict[str, str]
    titles: dict[str, str]
    hidden: frozenset[int]
    folder: Path

    def fits(self, run: RunRecord) -> bool:
        """Whether a run was trained on the active dataset, with the same classes."""
        return self.dataset is not None and fits(run, self.dataset)

    @property
    def fitting(self) -> tuple[RunRecord, ...]:
        """The chosen runs that were trained on the active dataset."""
        return tuple(run for run in self.chosen if self.fits(run))

    @property
    def default_split(self) -> str:
        """The split shown first: `val` where there are no test images, else `test`."""
        if self.fitting or self.dataset is None:
            return default_split(self.fitting or self.chosen)
        return "test" if "test" in self.dataset.splits else "val"


def fits(run: RunRecord, dataset: Dataset) -> bool:
    """Whether a run was trained on a dataset of this name, or on the same one under another name; classes included."""
    info = run.summary.dataset
    if run.labels.names != dataset.labels.names:
        return False
    return info.name == dataset.name or (len(dataset) <= MOST_FINGERPRINTED and info.fingerprint == dataset.fingerprint)
