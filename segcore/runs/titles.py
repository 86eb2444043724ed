"""What runs are called where people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from segcore.runs.record import RunRecord


def run_titles(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Run id -> model's name, with the run's id where two runs share a model."""
    counts = Counter(run.title for run in runs)
    return {run.id: run.title if counts[run.title] == 1 else f"{run.title} ({run.id})" for run in runs}
