"""Prints the scores of a stored evaluation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segcore.runs import Evaluation, RunRecord, ScoreInfo


def print_scores(run: RunRecord, what: str, scores: ScoreInfo, evaluation: Evaluation) -> None:
    """Print every known score of an evaluation, the IoU of each class, and the counting policy."""
    from rich.markup import escape
    from rich.table import Table

    from segcore.evaluation.stored_counts import StoredCounts
    from segcore.metrics import POLICY, SCORES
    from segcore.text_console import TextConsole, print_table

    console = TextConsole(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(run.id)}[/bold] ({escape(run.title)}) on {escape(what)}")
    table = Table("score", "value")
    counts = StoredCounts(evaluation)
    for score in SCORES.values():
        value = counts.value(score)
        if not math.isnan(value):
            table.add_row(escape(score.name), f"{value:.4f}")
    calibration = evaluation.calibration
    if calibration is not None and calibration.temperature is not None:
        table.add_row("temperature", f"{calibration.temperature:.2f}")
    table.add_section()
    for name, iou in zip(run.labels.names, scores.iou, strict=True):
        table.add_row(f"IoU {escape(name)}", "absent" if iou is None else f"{iou:.4f}")
    print_table(console, table)
    console.print(POLICY)
