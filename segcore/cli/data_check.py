"""`segcore data check`: finds what the splits of a dataset share, and says what that means for scores on them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from segcore.cli.arguments import Commands, add_source_arguments, open_from, source_from
from segcore.data.open_options import OpenOptions
from segcore.errors import DatasetError, number
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from rich.console import Console

    from segcore.data import Dataset, SplitPlan
    from segcore.data.leaks import Finding, LeakReport

LEAKS = 1  # exit code of --strict
STYLES = {"leak": "bold red", "warning": "yellow", "note": "dim"}
_OF_SPLIT: dict[str, Any] = {"val_fraction": 0.1, "copies": 0, "seed": 0}  # what goes with --split, and its defaults
_SHOWN = 3  # examples of a finding; --json has more


def add_check(noun: Commands) -> None:
    """Add the command `segcore data check`."""
    parser = noun.add_parser(
        "check",
        help="find what training, validation and test share",
        description="Find near-duplicates, neighbours in time and augmented copies between splits, masks that "
        "disagree, and classes that a split lacks. The report is stored with the dataset (leaks.json in its folder, or "
        "the user's cache) and shown in the app beside every score it concerns. The exit code is 0 whatever is found; "
        f"with --strict it is {LEAKS} when a score would be flagged.",
    )
    add_source_arguments(parser)
    plan = parser.add_argument_group("the split to check (default: the dataset's own folders or lists)")
    plan.add_argument(
        "--run",
        type=path_text,
        metavar="RUN",
        dest="of_run",
        help="the split and the dataset of this run: a folder, or an id",
    )
    plan.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    plan.add_argument("--split", metavar="METHOD", help="as train.py --split would: auto, block, frame, augmented, ...")
    plan.add_argument("--val-fraction", type=float, metavar="X", help="with --split (default: 0.1)")
    plan.add_argument("--copies", type=int, metavar="N", help="with --split (default: 0)")
    plan.add_argument("--seed", type=int, metavar="N", help="with --split (default: 0)")
    parser.add_argument(
        "--against", type=path_text, metavar="OTHER", help="another dataset: find its images in this one"
    )
    parser.add_argument(
        "--fps", type=float, metavar="N", help="frames a second that the frame numbers count, if Segcore doesn't know"
    )
    parser.add_argument("--quick", action="store_true", help="compare ids and frame numbers only, and store nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")
    parser.add_argument("--strict", action="store_true", help=f"exit with {LEAKS} when a score would be flagged")
    parser.set_defaults(run=data_check)


def data_check(arguments: argparse.Namespace) -> int:
    """Check a dataset, store the report and print it."""
    from segcore.data.leaks import check, check_against, store
    from segcore.text_console import TextConsole

    if arguments.fps is not None and not arguments.fps > 0:
        raise DatasetError(
            f"--fps is {arguments.fps:g}; expected the frames a second that frame numbers count: 30, say."
        )
    if arguments.of_run and arguments.split:
        raise DatasetError("--run and --split both say how the data is split. Leave one of them out.")
    given = {name: getattr(arguments, name) for name in _OF_SPLIT if getattr(arguments, name) is not None}
    if given and not arguments.split:
        raise DatasetError(
            f"--{next(iter(given)).replace('_', '-')} goes with --split METHOD. Add that, or leave it out."
        )
    options, dataset, plan = _data_of_run(arguments) if arguments.of_run else _data_as_given(arguments)
    pictures = not arguments.quick
    with _bar("reading pictures and masks") as progress:
        report = check(dataset, plan, progress, pictures=pictures, fps=arguments.fps)
    across: tuple[Finding, ...] = ()
    if arguments.against:
        with _bar(f"reading them and {arguments.against}") as progress:
            across = check_against(dataset, options.open(arguments.against), progress, pictures=pictures)
    path = store(report) if pictures else None
    if arguments.json:
        print_text(json.dumps({**report.to_dict(), "against": [asdict(finding) for finding in across]}, indent=1))
    else:
        console = TextConsole(highlight=False, soft_wrap=True)
        _print(console, report, across)
        if path:
            console.print(f"[dim]Stored in {path}[/]")
    flagged = bool(report.sentences) or any(finding.severity != "note" for finding in across)
    return LEAKS if arguments.strict and flagged else 0


def _data_of_run(arguments: argparse.Namespace) -> tuple[OpenOptions, Dataset, SplitPlan]:
    """Data opened and split as a run did; its own data where no other is named. A report of other labels isn't its own.

    Options that are given stay, except void: the run's plan and scores depend on it.
    """
    from segcore.runs import find_run
    from segcore.runs.reproduce import open_options_of, recreate_plan, trained_source

    run = find_run(arguments.of_run, arguments.runs)
    options = OpenOptions.of(arguments)._replace(void="ignore").with_defaults_from(open_options_of(run))
    dataset = options.open(source_from(arguments) or trained_source(run))
    return options, dataset, recreate_plan(run, dataset)


def _data_as_given(arguments: argparse.Namespace) -> tuple[OpenOptions, Dataset, SplitPlan | None]:
    """Data opened as its options say, and its plan; None for the dataset's own splits."""
    from segcore.data import plan_split

    options, dataset = OpenOptions.of(arguments), open_from(arguments)
    if not arguments.split:
        return options, dataset, None
    given = {name: getattr(arguments, name) for name in _OF_SPLIT if getattr(arguments, name) is not None}
    plan = plan_split(dataset, method=arguments.split, **_OF_SPLIT | given)
    return options, dataset, plan


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, if that is a terminal; yields a callback of (done, total)."""
    from segcore.cli.progress import counting_bars

    with counting_bars() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(console: Console, report: LeakReport, across: Iterable[Finding]) -> None:
    from rich.markup import escape

    counts = ", ".join(f"{split} {count}" for split, count in report.samples.items() if count)
    how = "its own splits" if report.split == "own" else f"split by {report.split}"
    console.print(f"[bold]{escape(report.dataset)}[/bold]  {escape(report.source)}  ({how}: {counts})")
    findings = [*report.findings, *across]
    if findings:
        _table(console, findings)
    for split, text in report.sentences.items():
        console.print(f"[{STYLES['leak']}]Beside every score on {split}:[/] {escape(text)}")
    if not report.sentences:
        pairs = [split for split in ("val", "test") if report.samples.get(split)]
        if report.samples.get("train") and pairs:
            compared = "pictures, frame numbers and copies" if report.pictures else "frame numbers and copies"
            scored = " and ".join(pairs)
            console.print(f"[green]Nothing speaks against scores on {scored}[/] ({compared} were compared).")
        else:
            only = number(sum(count > 0 for count in report.samples.values()), "split")
            console.print(f"Nothing to compare: {only} only.")


def _table(console: Console, findings: Iterable[Finding]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from segcore.data.leaks.leak_report import TITLES
    from segcore.text_console import print_table

    table = Table("", "finding", "split", "how many", show_lines=False)
    table.columns[3].justify = "right"
    for finding in findings:
        style = STYLES[finding.severity]
        between = " / ".join(escape(name) for name in (finding.other, finding.split) if name) or "all"
        row = f"[{style}]{finding.severity}[/]", TITLES[finding.kind], between, f"{finding.count} of {finding.total}"
        table.add_row(*row)
    print_table(console, table)
    for finding in findings:
        console.print(f"[{STYLES[finding.severity]}]{finding.severity}[/]  {escape(finding.sentence)}")
        for example in finding.examples[:_SHOWN]:
            detail = f"  {escape(example.detail)}" if example.detail else ""
            partner = f" ~ {escape(example.partner)}" if example.partner else ""
            console.print(f"      [dim]{escape(example.id)}{partner}{detail}[/]")
        if len(finding.examples) > _SHOWN:
            console.print(f"      [dim]and {finding.count - _SHOWN} more[/]")
