"""What a report is about: a comparison, its colours, and the pictures' dataset where it is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.errors import SegcoreError
from segcore.report.charts import Mark
from segcore.report.stored_evaluations import check_images, dataset_of

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.evaluation.comparison import ComparableSet, Comparison, Row
    from segcore.labels import LabelMap
    from segcore.runs import RunRecord

MOST_DRAWN = 8  # rows in one chart, as many as there are colours
# Those of the app.
COLORS = ("#4c86d9", "#e0863b", "#35a07f", "#c9609c", "#8b74d6", "#b99a22", "#3aa3c2", "#bb5f50")


@dataclass(frozen=True, eq=False)
class Subject:
    """Everything that the parts of a report are made from.

    Args:
        comparison: Its scores, intervals and sentences.
        data: By pool its dataset, or why it has no pictures.
        examples: Images shown of each pool.
        command: The command that makes the report.
        made: When.
    """

    comparison: Comparison
    data: Mapping[int, Dataset | str]
    examples: int
    command: str
    made: datetime

    @classmethod
    def of(cls, comparison: Comparison, *, source: str | None, examples: int, command: str) -> Subject:
        """Open the datasets.

        Args:
            comparison: What to report.
            source: The dataset; None for what the runs were trained on.
            examples: Images shown of each pool; a stored leak check is read even where there are none.
            command: The command that makes the report.

        Raises:
            SegcoreError: when `source` is given and fits no run.
        """
        data: dict[int, Dataset | str] = {}
        problems: list[SegcoreError] = []
        for place, pool in enumerate(comparison.pools):
            run = next(run for run in comparison.runs if run.id == pool.runs[0])
            try:
                data[place] = _checked(comparison, run, source)  # of leak checks too, beside pictures
            except SegcoreError as error:
                problems.append(error)
                data[place] = str(error)
        if source is not None and problems and len(problems) == len(data):
            raise problems[0]
        return cls(comparison, data, examples, command, datetime.now(UTC))

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """All runs, in the order given."""
        return self.comparison.runs

    def runs_of(self, row: Row) -> list[RunRecord]:
        """All runs of a row."""
        return [run for run in self.runs if run.id in row.runs]

    def labels(self, pool: int) -> LabelMap:
        """Classes of a pool."""
        return next(run for run in self.runs if run.id == self.comparison.pools[pool].runs[0]).labels

    def pools(self) -> list[tuple[int, ComparableSet]]:
        """Numbered pools."""
        return list(enumerate(self.comparison.pools))

    def drawn(self, pool: int) -> list[Row]:
        """The rows that charts show: the best ones, or the highest where no value is better."""
        return self.comparison.ranked(pool)[:MOST_DRAWN]

    def color(self, row: Row) -> str:
        """A row's colour, the same in every chart."""
        return COLORS[[each.id for each in self.comparison.rows].index(row.id) % len(COLORS)]

    def legend(self, rows: Sequence[Row]) -> list[tuple[str, str]]:
        """(name, colour) of rows."""
        return [(row.title, self.color(row)) for row in rows]

    def mark(self, row: Row) -> Mark:
        """A row's score with its interval."""
        value, known = row.scores[self.comparison.metric.key], row.interval
        if known is None:
            return Mark(row.title, self.color(row), value)
        return Mark(row.title, self.color(row), value, known.low, known.high)

    def by_validation(self, pool: int) -> list[Row]:
        """Rows of a pool, the best on validation first; those without validation scores last."""
        return sorted(self.comparison.ranked(pool), key=lambda row: -self.validation(row))

    def validation(self, row: Row) -> float:
        """Mean IoU on validation; -1 where it is not known."""
        values = [run.summary.val.miou for run in self.runs_of(row) if run.summary.val is not None]
        return float(np.mean(values)) if values else -1.0

    def total(self, row: Row) -> npt.NDArray[np.int64]:
        """`[C, C]` confusion counts of a row, rows = truth."""
        return np.sum([self.comparison.evaluations[run_id].total for run_id in row.runs], axis=0, dtype=np.int64)

    def left_out(self, pool: int) -> str:
        """What charts leave out, where they leave out anything."""
        count = len(self.comparison.ranked(pool))
        which = "highest" if self.comparison.metric.higher_is_better is None else "best"
        return f"Drawn: the {which} {MOST_DRAWN} of {count}." if count > MOST_DRAWN else ""


def _checked(comparison: Comparison, run: RunRecord, source: str | None) -> Dataset:
    dataset = dataset_of(run, source)
    check_images(dataset, run, comparison.evaluations[run.id])
    return dataset
