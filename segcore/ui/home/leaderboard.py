"""Who leads, on the home page: the best runs from their summaries at once, their intervals a moment later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from segcore.metrics import HELP, POLICY
from segcore.ui.compare import leaderboard as board
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.table import Cell, format_number, table
from segcore.visual import swatch
from segcore.visual.whisker import Whisker

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, Row
    from segcore.runs import RunRecord

SOON = 0.5  # s: by then the page is painted, and half a second of counting keeps nobody waiting
_COUNTED = "segcore:leaders"  # the runs whose intervals this session has asked for


def leaderboard(view: AppContext, *, most: int) -> None:
    """The best runs on the active dataset by mIoU on test, marked as on the compare page.

    The first paint needs no more than summaries. Intervals need the counts of every image, and pandas to read them:
    they are counted once the page stands, unless they are known.
    """
    runs = sorted(view.fitting, key=lambda run: -(run.summary.test.miou if run.summary.test else -1))
    token = tuple((run.id, run.version) for run in view.fitting)
    waiting = any("test" in run.splits for run in runs) and st.session_state.get(_COUNTED) != token

    @st.fragment(run_every=SOON if waiting else None)
    def draw() -> None:
        if waiting and begun:
            st.session_state[_COUNTED] = token
            _compared(view)
            st.rerun()  # ends the clock
        _draw(view, runs[:most], None if waiting else _compared(view))

    begun = False
    draw()
    begun = True  # from here on the fragment runs by itself


def _compared(view: AppContext) -> Comparison:
    return run_cache.comparison(view.fitting, "test", "miou", view.titles)


def _draw(view: AppContext, runs: Sequence[RunRecord], comparison: Comparison | None) -> None:
    head = [
        Cell("model"),
        Cell("mIoU", True, title=HELP["miou"]),
        Cell("95 % interval", title="In 95 of 100 draws of the images mIoU lies in the bar."),
        Cell("pixel accuracy", True, title=HELP["pixel_accuracy"]),
        Cell("parameters", True),
        Cell("minutes", True, title="Training time, without evaluation."),
    ]
    known = {} if comparison is None else {run.id: comparison.row(run.id) for run in runs}
    scored = [row for row in known.values() if row.pool >= 0]
    level = _level(comparison, scored)
    ends = board.domain(scored, "miou")
    rows = []
    for run in runs:
        test, color = run.summary.test, view.colors[run.id]
        row = known.get(run.id)
        rows.append(
            [
                Cell(view.titles[run.id], icon=swatch(color, round_=True)),
                Cell(
                    f"{format_number(test.miou if test else None)} {'≈' if run.id in level else ' '}",
                    True,
                    title=board.LEVEL if run.id in level else "",
                ),
                _interval(row, ends, color),
                Cell(format_number(test.pixel_accuracy if test else None), True),
                Cell(f"{run.summary.parameters / 1e6:.1f} M", True),
                Cell(f"{run.summary.train_seconds / 60:.1f}", True),
            ]
        )
    table(head, rows)
    for text in comparison.differences if comparison else ():
        st.caption(f":material/info: {escape_markdown(text)}")
    st.caption(f"{'≈ ' + board.LEVEL + ' ' if level else ''}{POLICY}")


def _level(comparison: Comparison | None, scored: Sequence[Row]) -> set[str]:
    """Ids of the runs marked as level with the best of those that rank each other."""
    if comparison is None:
        return set()
    found = [comparison.level(pool) for pool in {row.pool for row in scored}]
    return {run_id for level in found if len(level) > 1 for run_id in level}


def _interval(row: Row | None, ends: tuple[float, float], color: str) -> Cell:
    if row is None or row.interval is None or row.interval.low != row.interval.low:
        return Cell("", whisker=Whisker(color))
    low, high = row.interval.low, row.interval.high
    return Cell(
        "", whisker=Whisker.between(ends, color, row.scores["miou"], low, high), title=board.interval_note(low, high)
    )
