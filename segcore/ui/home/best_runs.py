"""The best runs, on the home page: from their summaries at once, with intervals a moment later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

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


def best_runs_table(context: AppContext, *, most: int) -> None:
    """Draw the best runs on the active dataset by mIoU on test, marked as on the compare page.

    The first paint needs summaries alone. Intervals need the counts of every image, and pandas to read them, so they
    are computed once the page stands, unless this session has computed them.

    Args:
        context: The chosen runs.
        most: Number of runs shown.
    """
    runs = sorted(context.fitting, key=lambda run: -(run.summary.test.miou if run.summary.test else -1))
    token = tuple((run.id, run.version) for run in context.fitting)
    waiting = any("test" in run.splits for run in runs) and st.session_state.get(_COMPARED) != token

    @st.fragment(run_every=DELAY if waiting else None)
    def draw() -> None:
        if waiting and begun:
            st.session_state[_COMPARED] = token
            _compare(context)
            st.rerun()  # ends the timer
        _draw_table(context, runs[:most], None if waiting else _compare(context))

    begun = False
    draw()
    begun = True  # from here on the fragment runs by itself


def _compare(context: AppContext) -> Comparison:
    return run_cache.comparison(context.fitting, "test", "miou", context.titles)


def _draw_table(context: AppContext, runs: Sequence[RunRecord], comparison: Comparison | None) -> None:
    head = [
        Cell("model"),
        Cell("mIoU", True, title=HELP["miou"]),
        Cell("95 % interval", title="95 % confidence interval of mIoU, from drawing the images again."),
        Cell("pixel accuracy", True, title=HELP["pixel_accuracy"]),
        Cell("parameters", True),
        Cell("minutes", True, title="Training time, without evaluation."),
    ]
    by_id = {} if comparison is None else {run.id: comparison.row(run.id) for run in runs}
    scored = [row for row in by_id.values() if row.pool >= 0]
    tied = _tied_ids(comparison, scored)
    ends = interval_ends(scored, "miou")
    rows = []
    for run in runs:
        test, color = run.summary.test, context.colors[run.id]
        is_tied = run.id in tied
        rows.append(
            [
                Cell(context.titles[run.id], icon=swatch(color, round_=True)),
                Cell(
                    f"{format_number(test.miou if test else None)} {'≈' if is_tied else ' '}",
                    True,
                    title=TIED if is_tied else "",
                ),
                _interval_cell(by_id.get(run.id), ends, color),
                Cell(format_number(test.pixel_accuracy if test else None), True),
                Cell(format_number(run.summary.parameters, 1, 1e6, " M"), True),
                Cell(format_number(run.summary.train_seconds, 1, 60), True),
            ]
        )
    table(head, rows)
    for text in comparison.differences if comparison else ():
        st.caption(f":material/info: {escape_markdown(text)}")
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
