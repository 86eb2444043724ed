"""The best runs, on the home page: from their summaries at once, with intervals a moment later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import streamlit as st

from segcore.evaluation.comparison.recipes import groups_of
from segcore.metrics import HELP, POLICY
from segcore.ui.compare.leaderboard import TIED, interval_ends, interval_note
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.table import Cell, format_number, table
from segcore.visual import swatch
from segcore.visual.whisker import Whisker

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, Row
    from segcore.runs import RunRecord

DELAY = 0.5  # s until intervals are computed: by then the page is painted
_COMPARED = "segcore:leaders"  # the runs whose intervals this session has computed


def best_runs_table(context: AppContext, split: str) -> None:
    """Draw the chosen runs on the active dataset by mIoU, marked as on the compare page; folds are one line.

    The first paint needs summaries and settings alone. Intervals need the counts of every image, and pandas to read
    them, so they are computed once the page stands, unless this session has computed them.

    Args:
        context: The chosen runs.
        split: The split whose scores are shown.
    """
    token = (split, *((run.id, run.version) for run in context.fitting))
    waiting = any(split in run.splits for run in context.fitting) and st.session_state.get(_COMPARED) != token

    @st.fragment(run_every=DELAY if waiting else None)
    def draw() -> None:
        if waiting and begun:
            st.session_state[_COMPARED] = token
            _compare(context, split)
            st.rerun()  # ends the timer
        _draw_table(context, split, None if waiting else _compare(context, split))

    begun = False
    draw()
    begun = True  # from here on the fragment runs by itself


def _compare(context: AppContext, split: str) -> Comparison:
    return run_cache.comparison(context.fitting, split, "miou", context.titles)


@dataclass(frozen=True)
class _Line:
    """What summaries tell of a run, or of the folds of a cross-validation together.

    Args:
        title: The name shown to people.
        runs: The runs.
        split: The split whose scores are shown.
    """

    title: str
    runs: Sequence[RunRecord]
    split: str

    def score(self, name: str) -> float | None:
        """The mean of a score over the runs that have it; None where none has."""
        scores = [getattr(run.summary, self.split, None) for run in self.runs]
        values = [getattr(score, name) for score in scores if score is not None]
        return fmean(values) if values else None


def _lines(context: AppContext, split: str) -> list[_Line]:
    """A line for each run or cross-validation, the best first."""
    by_id = {run.id: run for run in context.fitting}
    lines = [
        _Line(
            group.title if len(group.runs) > 1 else context.titles[group.runs[0]], [by_id[i] for i in group.runs], split
        )
        for group in groups_of(context.fitting)[0]
    ]
    return sorted(lines, key=lambda line: -(line.score("miou") or -1))


def _draw_table(context: AppContext, split: str, comparison: Comparison | None) -> None:
    head = [
        Cell("model"),
        Cell("mIoU", True, title=HELP["miou"]),
        Cell("95 % interval", title="95 % confidence interval of mIoU, from drawing the images again."),
        Cell("pixel accuracy", True, title=HELP["pixel_accuracy"]),
        Cell("parameters", True),
        Cell(
            "minutes",
            True,
            title="Training time, without evaluation; of all folds together. Unknown where it went on from a model.",
        ),
    ]
    lines = _lines(context, split)
    by_id = {} if comparison is None else {line.runs[0].id: comparison.row(line.runs[0].id) for line in lines}
    scored = [row for row in by_id.values() if row.pool >= 0]
    tied = _tied_ids(comparison, scored)
    ends = interval_ends(scored, "miou")
    rows = []
    for line in lines:
        run = line.runs[0]
        row, color, is_tied = by_id.get(run.id), context.colors[run.id], run.id in tied
        known = row.scores if row is not None and row.pool >= 0 else {}
        times = [run.summary.whole_train_seconds for run in line.runs]
        seconds = [time for time in times if time is not None]
        rows.append(
            [
                Cell(line.title, icon=swatch(color, round_=True)),
                Cell(
                    f"{format_number(known.get('miou', line.score('miou')))} {'≈' if is_tied else ' '}",
                    True,
                    title=TIED if is_tied else "",
                ),
                _interval_cell(row, ends, color),
                Cell(format_number(known.get("pixel_accuracy", line.score("pixel_accuracy"))), True),
                Cell(format_number(run.summary.parameters, 2, 1e6, " M"), True),
                Cell(format_number(sum(seconds) if seconds else None, 1, 60), True),
            ]
        )
    table(head, rows)
    notes = [f":material/info: {escape_markdown(text)}" for text in comparison.differences] if comparison else []
    notes += [comparison.validation_note(pool) for pool in range(len(comparison.pools))] if comparison else []
    for text in dict.fromkeys(filter(None, notes)):
        st.caption(text)
    st.caption(f"{f'≈ {TIED} ' if tied else ''}{POLICY}")


def _tied_ids(comparison: Comparison | None, scored: Sequence[Row]) -> set[str]:
    """Ids of the runs that can't be told from the best of those they are ranked with."""
    if comparison is None:
        return set()
    by_pool = [comparison.tied_with_best(pool) for pool in {row.pool for row in scored}]
    return {run_id for ids in by_pool if len(ids) > 1 for run_id in ids}


def _interval_cell(row: Row | None, ends: tuple[float, float], color: str) -> Cell:
    if row is None or row.interval is None or row.interval.low != row.interval.low:
        return Cell("", whisker=Whisker(color))
    low, high = row.interval.low, row.interval.high
    return Cell("", whisker=Whisker.between(ends, color, row.scores["miou"], low, high), title=interval_note(low, high))
