"""Training curves and training cost of runs, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from segcore.errors import SegcoreError
from segcore.runs import curves as stored_curves
from segcore.runs.summary import over
from segcore.ui.shell import run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.visual import charts, swatch

if TYPE_CHECKING:
    from segcore.runs import RunRecord


def curves(context: AppContext, runs: Sequence[RunRecord], axis: str) -> tuple[pd.DataFrame, list[str]]:
    """Return `segcore.runs.curves` of some runs, with their histories from the app's cache."""
    return stored_curves.curves(runs, context.titles, axis, read=run_cache.history)


def smoothed_curves(
    context: AppContext, runs: Sequence[RunRecord], axis: str, smoothing: float
) -> tuple[pd.DataFrame, list[str]]:
    """Return `curves` with a column `<name>_shown` for each score, smoothed; 0 leaves it as it is."""
    table, notes = curves(context, runs, axis)
    for name in stored_curves.CURVES:
        groups = table.groupby(["run", "phase"])[name]
        table[f"{name}_shown"] = groups.transform(lambda values: charts.smoothed(values, smoothing))
    return table, notes


def cost(context: AppContext, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """What each training cost; imported predictions, whose training is unknown, are left out.

    Returns:
        Columns `color, run, status, minutes, epochs, best_epoch, seconds, val_miou, parameters, device`, a row for each
        run; also `git_commit` and `command`, unless no run has them.
    """
    rows = []
    for run in (run for run in runs if run.summary.imported is None):
        info = run.summary
        try:
            seconds = run_cache.history(run)["seconds"].mean()
        except SegcoreError:
            seconds = float("nan")
        rows.append(
            {
                "color": swatch(context.colors[run.id], round_=True, margin=7),
                "run": context.titles[run.id],
                "status": info.status,
                "minutes": over(info.train_seconds or None, 60),  # 0 before the first epoch ends
                "epochs": info.epochs,
                "best_epoch": None if info.best_epoch is None else info.best_epoch + 1,
                "seconds": seconds,
                "val_miou": info.val.miou if info.val else None,
                "parameters": over(info.parameters, 1e6),
                "device": info.device,
                "git_commit": info.git_commit,
                "command": info.command,
            }
        )
    unknown = [name for name in ("git_commit", "command") if not any(row[name] for row in rows)]
    return (
        pd.DataFrame(rows).fillna(dict.fromkeys(("git_commit", "command"), "–")).drop(columns=unknown, errors="ignore")
    )
