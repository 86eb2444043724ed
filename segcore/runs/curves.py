"""The curves of several trainings as one table, a row a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.errors import SegcoreError, listed
from segcore.runs.run_files import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from segcore.runs.run_record import RunRecord

CURVES = {"loss": "Loss", "miou": "mIoU", "pixel_accuracy": "Pixel accuracy"}
AXES = ("epoch", "step", "minutes")


def curves(
    runs: Sequence[RunRecord],
    titles: Mapping[str, str],
    axis: str = "epoch",
    *,
    read: Callable[[RunRecord], pd.DataFrame] = lambda run: run.history,
) -> tuple[pd.DataFrame, list[str]]:
    """Every epoch of every run.

    Args:
        runs: In this order.
        titles: Id of a run -> what it is called.
        axis: One of `AXES`, the column `x`.
        read: How to get the history of a run, e.g. from a cache.

    Returns:
        Columns `run, epoch, x, phase, <CURVES>, best`, two rows an epoch (train, validation); and notes on what can't
        be read.
    """
    import pandas as pd

    parts, notes = [], []
    for run in runs:
        if run.stopped:
            notes.append(f"{titles[run.id]}: {run.stopped}")
        try:
            history = read(run)
        except SegcoreError as error:
            notes.append(str(error))
            continue
        if history.empty:
            if not run.stopped:
                notes.append(f"{titles[run.id]}: {_why_empty(run)}.")
            continue
        if history.attrs.get("cut_off"):
            notes.append(f"{titles[run.id]}: the last line of {METRICS} is cut off and left out.")
        # People count epochs from 1; the file counts from 0.
        epoch = history["epoch"].to_numpy()
        x = {
            "epoch": epoch + 1,
            "step": history["step"].to_numpy(),
            "minutes": history["seconds"].cumsum().to_numpy() / 60,
        }[axis]
        marked = "validation" if history["val_loss"].notna().any() else "train"
        for phase, prefix in (("train", "train"), ("validation", "val")):
            parts.append(
                {
                    "run": np.full(len(epoch), titles[run.id], object),
                    "epoch": epoch + 1,
                    "x": x,
                    "phase": np.full(len(epoch), phase, object),
                    **{name: history[f"{prefix}_{name}"].to_numpy() for name in CURVES},
                    "kept": (epoch == run.summary.best_epoch) & (phase == marked),
                }
            )
    notes += different_losses(runs, titles)
    columns = ["run", "epoch", "x", "phase", *CURVES, "kept"]
    # Columns are joined, not tables: with eight runs that takes a sixth of the time.
    table: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) if parts else [] for name in columns}
    return pd.DataFrame(table), notes


def different_losses(runs: Sequence[RunRecord], titles: Mapping[str, str]) -> list[str]:
    """A note where runs were trained with different losses, whose values mean different things."""
    users: dict[str, list[str]] = {}
    for run in runs:
        try:
            loss = run.config.get("loss")
        except SegcoreError:  # imported, an ensemble, or unreadable, which is said elsewhere
            continue
        if loss is not None:
            users.setdefault(str(loss), []).append(titles[run.id])
    if len(users) < 2:
        return []
    kinds = "; ".join(f"{loss} of {listed(names, 4)}" for loss, names in users.items())
    return [f"Losses of different kinds can't be compared: {kinds}."]


def _why_empty(run: RunRecord) -> str:
    if run.summary.imported is not None:
        return "has no curves and no costs of training; it was imported"
    return "has no curves; its members have theirs" if run.summary.members else "no epoch finished yet"
