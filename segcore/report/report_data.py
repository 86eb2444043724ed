"""What a report is made from: a comparison, the colour of each row, and the dataset for its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from segcore.errors import SegcoreError
from segcore.report.stored_evaluations import check_images, dataset_of
from segcore.visual.run_colors import RUN_COLORS, run_colors

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.evaluation.comparison import ComparableSet, Comparison, Row
    from segcore.labels import LabelMap
    from segcore.runs import RunRecord

MOST_DRAWN = len(RUN_COLORS)  # rows in one chart


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that the sections of a report are made from.

    Args:
        comparison: Scores, intervals and sentences.
        datasets: The dataset of each pool, or why it can't be used.
        examples: Number of images to show for each pool.
        command: The command that makes the report.
        made: When it is made.
        colors: Id of a row -> hex, as in the app.
    """

    comparison: Comparison
    datasets: Mapping[int, Dataset | str]
    examples: int
    command: str
    made: datetime
    colors: Mapping[str, str]

    @classmethod
    def of(
        cls, comparison: Comparison, *, source: str | None, examples: int, command: str, siblings: Sequence[str] = ()
    ) -> ReportData:
        """Open the datasets and give each row its colour.

        Args:
            comparison: What to report.
            source: The dataset; None for the one that the runs were trained on.
            examples: Number of images to show for each pool. With 0 the dataset is still opened, for its leak check.
            command: The command that makes the report.
            siblings: Ids of all runs in the folder of runs, which decide the colours; none for those of the report.

        Raises:
            SegcoreError: when `source` is given and fits no run.
        """
        datasets: dict[int, Dataset | str] = {}
        problems: list[SegcoreError] = []
        for place, pool in enumerate(comparison.pools):
            run = next(run for run in comparison.runs if run.id == pool.runs[0])
            try:
                datasets[place] = _opened(comparison, run, source)
            except SegcoreError as error:
                problems.append(error)
                datasets[place] = str(error)
        if source is not None and problems and len(problems) == len(datasets):
            raise problems[0]
        colors = _colors(comparison, siblings)
        return cls(comparison, datasets, examples, command, datetime.now(UTC), colors)

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, in the order given."""
        return self.comparison.runs

    def runs_of(self, row: Row) -> list[RunRecord]:
        """All runs of a row."""
        return [run for run in self.runs if run.id in row.runs]

    def first_run(self, pool: int) -> RunRecord:
        """A run of a pool, for what all its runs share."""
        return next(run for run in self.runs if run.id == self.comparison.pools[pool].runs[0])

    def labels(self, pool: int) -> LabelMap:
        """Classes of a pool."""
        return self.first_run(pool).labels

    def pools(self) -> list[tuple[int, ComparableSet]]:
        """Numbered pools."""
        return list(enumerate(self.comparison.pools))

    def drawn(self, pool: int) -> list[Row]:
        """The rows that charts show: the best ones, or the highest where no value is better."""
        return self.comparison.ranked(pool)[:MOST_DRAWN]

    def not_drawn(self, pool: int) -> str:
        """A sentence on what charts leave out; empty where they leave out nothing."""
        count = len(self.comparison.ranked(pool))
        which = "highest" if self.comparison.metric.higher_is_better is None else "best"
        return f"Drawn: the {which} {MOST_DRAWN} of {count}." if count > MOST_DRAWN else ""

    def palette(self, rows: Sequence[Row]) -> dict[str, str]:
        """Title of each row -> hex, as charts want it."""
        return {row.title: self.colors[row.id] for row in rows}

    def by_validation(self, pool: int) -> list[Row]:
        """Rows of a pool, the best on validation first; those without validation scores last."""
        return sorted(self.comparison.ranked(pool), key=lambda row: -self.validation(row))

    def validation(self, row: Row) -> float:
        """Mean IoU on validation; -1 where it is not known."""
        values = [run.summary.val.miou for run in self.runs_of(row) if run.summary.val is not None]
        return float(np.mean(values)) if values else -1.0


def _opened(comparison: Comparison, run: RunRecord, source: str | None) -> Dataset:
    dataset = dataset_of(run, source)
    for run_id in comparison.row(run.id).runs:
        check_images(dataset, run, comparison.evaluations[run_id])
    return dataset


def _colors(comparison: Comparison, siblings: Sequence[str]) -> dict[str, str]:
    """Colours by row: where runs are more than colours, the best of each pool have them."""
    ids = list(dict.fromkeys([*siblings, *(run.id for run in comparison.runs)]))
    colors: dict[str, str] = {}
    for pool in range(-1, len(comparison.pools)):
        rows = [row for row in comparison.rows if row.pool == pool]
        by_run = run_colors(ids, {row.id for row in rows[:MOST_DRAWN]})
        colors |= {row.id: by_run[row.id] for row in rows}
    return colors
