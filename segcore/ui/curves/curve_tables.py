"""Runs as tables: leaderboard, per-class scores, curves and cost. From stored counts, no model needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segcore.errors import SegcoreError
from segcore.ui.shell import caches
from segcore.ui.shell.entry import AppContext
from segcore.visual import swatch

if TYPE_CHECKING:
    from segcore.runs import RunRecord

CURVES = {"loss": "Loss", "miou": "mIoU", "pixel_accuracy": "Pixel accuracy"}
AXES = ("epoch", "step", "minutes")


def splits(runs: Sequence[RunRecord]) -> list[str]:
    """Splits that any run was evaluated on, test first; `test` alone when there is none."""
    found = {split for run in runs for split in run.splits}
    return sorted(found, key=lambda split: (split != "test", split)) or ["test"]


def curves(view: AppContext, runs: Sequence[RunRecord], axis: str) -> tuple[pd.DataFrame, list[str]]:
    """Every epoch of every run.

    Returns:
        Columns `run, epoch, x, phase, <CURVES>, best`, two rows an epoch (train, validation); and notes on what can't
        be read.
    """
    parts, notes = [], []
    for run in runs:
        try:
            history = caches.history(run)
        except SegcoreError as error:
            notes.append(str(error))
            continue
        if history.empty:
            why = "has no curves; its members have theirs" if run.summary.members else "no epoch finished yet"
            notes.append(f"{view.titles[run.id]}: {why}.")
            continue
        # People count epochs from 1; the file counts from 0.
        epoch = history["epoch"].to_numpy()
        x = {
            "epoch": epoch + 1,
            "step": history["step"].to_numpy(),
            "minutes": history["seconds"].cumsum().to_numpy() / 60,
        }[axis]
        for phase, prefix in (("train", "train"), ("validation", "val")):
            parts.append(
                {
                    "run": np.full(len(epoch), view.titles[run.id], object),
                    "epoch": epoch + 1,
                    "x": x,
                    "phase": np.full(len(epoch), phase, object),
                    **{name: history[f"{prefix}_{name}"].to_numpy() for name in CURVES},
                    "best": epoch == run.summary.best_epoch,
                }
            )
    columns = ["run", "epoch", "x", "phase", *CURVES, "best"]
    # Columns are joined, not tables: with eight runs that takes a sixth of the time.
    table: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) if parts else [] for name in columns}
    return pd.DataFrame(table), notes


def cost(view: AppContext, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Columns `color, run, status, minutes, epochs, best_epoch, seconds, val_miou, parameters, device`.

    And `git_commit, command`, where any run has them.
    """
    rows = []
    for run in runs:
        info = run.summary
        try:
            seconds = caches.history(run)["seconds"].mean()
        except SegcoreError:
            seconds = float("nan")
        rows.append(
            {
                "color": swatch(view.colors[run.id], round_=True, margin=7),
                "run": view.titles[run.id],
                "status": info.status,
                "minutes": info.train_seconds / 60,
                "epochs": info.epochs,
                "best_epoch": None if info.best_epoch is None else info.best_epoch + 1,
                "seconds": seconds,
                "val_miou": info.val.miou if info.val else None,
                "parameters": info.parameters / 1e6,
                "device": info.device,
                "git_commit": info.git_commit,
                "command": info.command,
            }
        )
    unknown = [name for name in ("git_commit", "command") if not any(row[name] for row in rows)]
    return pd.DataFrame(rows).drop(columns=unknown, errors="ignore")
