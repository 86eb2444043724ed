"""Runs as tables: leaderboard, per-class scores, curves and cost. From stored counts, no model needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from segcore.errors import SegcoreError
from segcore.metrics import scores
from segcore.runs import void_ids
from segcore.ui import cache
from segcore.ui.frame import View
from segcore.visual import swatch

if TYPE_CHECKING:
    from segcore.runs import RunRecord

METRICS = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "mean_dice": "Dice",
    "frequency_weighted_iou": "fwIoU",
}
# Only where void was trained as a class; a summary of scores without its pixels.
WITHOUT_VOID = {"miou_without_void": "mIoU, no void", "pixel_accuracy_without_void": "pixel acc., no void"}
CURVES = {"loss": "Loss", "miou": "mIoU", "pixel_accuracy": "Pixel accuracy"}
AXES = ("epoch", "step", "minutes")


def splits(runs: Sequence[RunRecord]) -> list[str]:
    """Splits that any run was evaluated on, test first; `test` alone when there is none."""
    found = {split for run in runs for split in run.splits}
    return sorted(found, key=lambda split: (split != "test", split)) or ["test"]


def leaderboard(view: View, runs: Sequence[RunRecord], split: str) -> tuple[pd.DataFrame, list[str]]:
    """One row a run, best mIoU first, and why some have no scores.

    Returns:
        Columns `color, run, id, <METRICS>, parameters, minutes, images, dataset, classes, encoder`, and those of
        `WITHOUT_VOID` where any run counts void as a class; and notes.
    """
    rows, notes = [], []
    for run in runs:
        info = run.summary
        row: dict[str, object] = {
            "color": swatch(view.colors[run.id], round_=True, margin=7),
            "run": view.titles[run.id],
            "id": run.id,
            "parameters": info.parameters / 1e6,
            "minutes": info.train_seconds / 60,
            "dataset": info.dataset.name,
            "classes": run.labels.classes,
            "encoder": info.encoder,
        }
        try:
            evaluation = cache.evaluation(run, split)
            if evaluation is None:
                notes.append(f"{view.titles[run.id]}: not evaluated on {split}.")
            else:
                row |= {name: getattr(evaluation.scores, name) for name in METRICS}
                row["images"] = len(evaluation.ids)
                if void := void_ids(run.labels):
                    found = scores(evaluation.total, without=void)
                    row |= {name: getattr(found, name.removesuffix("_without_void")) for name in WITHOUT_VOID}
        except SegcoreError as error:
            notes.append(f"{view.titles[run.id]}: {error}")
        rows.append(row)
    without_void = [name for name in WITHOUT_VOID if any(name in row for row in rows)]
    columns = ["color", "run", "id", *METRICS, *without_void]
    columns += ["parameters", "minutes", "images", "dataset", "classes", "encoder"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("miou", ascending=False, na_position="last", ignore_index=True), notes


def per_class(view: View, runs: Sequence[RunRecord], split: str, metric: str = "iou") -> pd.DataFrame:
    """Columns `class, run, value`, NaN where a class is absent from the ground truth; runs without scores left out."""
    rows = []
    for run in runs:
        try:
            evaluation = cache.evaluation(run, split)
        except SegcoreError:
            continue  # the leaderboard says why
        if evaluation is None:
            continue
        values = getattr(evaluation.scores, metric)
        rows += [
            {"class": name, "run": view.titles[run.id], "value": float(value)}
            for name, value in zip(run.labels.names, values, strict=True)
        ]
    return pd.DataFrame(rows, columns=["class", "run", "value"])


def curves(view: View, runs: Sequence[RunRecord], axis: str) -> tuple[pd.DataFrame, list[str]]:
    """Every epoch of every run.

    Returns:
        Columns `run, epoch, x, phase, <CURVES>, best`, two rows an epoch (train, validation); and notes on what can't
        be read.
    """
    parts, notes = [], []
    for run in runs:
        try:
            history = cache.history(run)
        except SegcoreError as error:
            notes.append(str(error))
            continue
        if history.empty:
            notes.append(f"{view.titles[run.id]}: no epoch finished yet.")
            continue
        # People count epochs from 1; the file counts from 0.
        x = {
            "epoch": history["epoch"] + 1,
            "step": history["step"],
            "minutes": history["seconds"].cumsum() / 60,
        }[axis]
        for phase, prefix in (("train", "train"), ("validation", "val")):
            part = {name: history[f"{prefix}_{name}"] for name in CURVES}
            parts.append(
                pd.DataFrame(
                    {
                        "run": view.titles[run.id],
                        "epoch": history["epoch"] + 1,
                        "x": x,
                        "phase": phase,
                        **part,
                        "best": history["epoch"] == run.summary.best_epoch,
                    }
                )
            )
    columns = ["run", "epoch", "x", "phase", *CURVES, "best"]
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)), notes


def cost(view: View, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Columns `color, run, status, minutes, epochs, best_epoch, seconds, val_miou, parameters, device`.

    And `git_commit, command`, where any run has them.
    """
    rows = []
    for run in runs:
        info = run.summary
        try:
            seconds = cache.history(run)["seconds"].mean()
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
