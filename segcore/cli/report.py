"""`segcore report`: a comparison as one HTML file."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from segcore.cli.arguments import Commands
from segcore.cli.leaderboard import add_compared_runs, add_pictures_source, compared, sibling_ids
from segcore.errors import ReportError
from segcore.paths import path_text
from segcore.terminal import print_text

_DESCRIPTION = """\
Write one HTML file that opens anywhere, without a network: leaderboard with intervals, is it real, classes, confusion,
costs, training curves, example images chosen by rule, how it is counted, leak check, commands to make it again."""


def add_report(commands: Commands) -> None:
    """Add `segcore report` to the commands."""
    parser = commands.add_parser("report", help="write a comparison as one HTML file", description=_DESCRIPTION)
    add_compared_runs(parser)
    parser.add_argument("--out", type=path_text, default="report.html", metavar="FILE", help="default: report.html")
    add_pictures_source(parser)
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="images to show (default: 3)")
    parser.set_defaults(run=write)


def write(arguments: argparse.Namespace) -> int:
    """Write the report; print its path and size."""
    from segcore.report.html_report import write_report

    if not 0 <= arguments.examples <= 50:
        raise ReportError(f"--examples is {arguments.examples}; expected 0 to 50.")
    lines = write_report(
        compared(arguments),
        arguments.out,
        data=arguments.data,
        examples=arguments.examples,
        command=_command(arguments),
        siblings=sibling_ids(arguments),
    )
    for line in lines:
        print_text(line)
    print_text(f"{arguments.out}  {Path(arguments.out).stat().st_size / 1e6:.1f} MB")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """The command that writes the same report; defaults are left out."""
    words = ["segcore", "report", *arguments.wanted]
    for name, usual in (
        ("runs", "checkpoints"),
        ("split", None),
        ("metric", "miou"),
        ("data", None),
        ("examples", 3),
    ):
        value = getattr(arguments, name)
        if value != usual:
            words += [f"--{name}", str(value)]
    words += ["--by-seed"] if arguments.by_seed else []
    return shlex.join([*words, "--out", str(arguments.out)])
