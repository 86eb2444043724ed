"""`segcore runs`: list the runs with their scores."""

from __future__ import annotations

import argparse

from segcore.cli.arguments import Commands, store_from
from segcore.paths import path_text


def add_runs(commands: Commands) -> None:
    """Add the command `segcore runs`."""
    parser = commands.add_parser("runs", help="list the runs with their scores")
    parser.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.set_defaults(run=list_runs)


def list_runs(arguments: argparse.Namespace) -> int:
    """Print a table of all runs, and the folders that can't be read."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from segcore.metrics import POLICY
    from segcore.runs.summary import over

    store = store_from(arguments)
    console = Console(highlight=False, soft_wrap=True)
    runs, problems = store.read()
    if not runs:
        console.print(f"No runs in {escape(str(store.root))}. Train some: python train.py")
    else:
        table = Table(padding=(0, 0, 0, 1), box=None)  # names are never cut, since other commands take them
        table.add_column("run", no_wrap=True)
        table.add_column("model", overflow="fold", min_width=10)
        table.add_column("data", overflow="fold", min_width=6)
        for name in ("classes", "test mIoU", "pixel acc.", "params", "min."):
            table.add_column(name, justify="right", min_width=max(map(len, name.split())))
        table.add_column("status", no_wrap=True)
        for run in runs:
            summary, test = run.summary, run.summary.test
            table.add_row(
                escape(run.id),
                escape(run.title),
                escape(summary.dataset.name),
                f"{run.labels.classes}",
                f"{test.miou:.3f}{' !' if run.leak('test') else ''}" if test else "–",
                f"{test.pixel_accuracy:.3f}" if test else "–",
                _number(over(summary.parameters, 1e6), " M"),
                _number(over(summary.train_seconds, 60)),
                summary.status,
            )
        console.print(table)
        console.print(POLICY)
        if any(run.summary.test and run.leak("test") for run in runs):
            console.print("! A leak check warns about this score; segcore leaderboard prints the warning.")
    for run in runs:
        if run.stopped:
            console.print(escape(f"{run.id}: {run.stopped}"))
    for problem in problems:
        console.print(f"skipped: {escape(problem.message)}")
    return 0


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.1f}{unit}"
