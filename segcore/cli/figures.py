"""`segcore figures`: the figures of a report about some runs, for paper."""

from __future__ import annotations

import argparse

from segcore.cli.arguments import Commands
from segcore.cli.leaderboard import add_compared_runs, add_pictures_source, compared, sibling_ids
from segcore.errors import ReportError
from segcore.paths import path_text
from segcore.terminal import print_text

_DESCRIPTION = """\
Write the figures of a report into a folder: curves with a legend, samples, augmentation, predictions and errors beside
image and ground truth, scores and classes with intervals, confusion of each model, quality against cost. Texts are 9
points high at the given width; markers tell the models apart in grey. captions.md has a caption for each."""
MOST_EXAMPLES = 8  # images in one figure


def add_figures(commands: Commands) -> None:
    """Add `segcore figures` to the commands."""
    parser = commands.add_parser("figures", help="write the figures of a report", description=_DESCRIPTION)
    add_compared_runs(parser)
    parser.add_argument("--out", type=path_text, default="figures", metavar="DIR", help="default: figures")
    parser.add_argument("--format", default="png", metavar="png|svg|pdf", help="default: png, of 300 pixels an inch")
    parser.add_argument(
        "--width", type=float, default=160.0, metavar="MM", help="millimetres (default: 160, A4's text)"
    )
    add_pictures_source(parser)
    parser.add_argument("--examples", type=int, default=3, metavar="N", help="images with predictions (default: 3)")
    parser.set_defaults(run=write)


def write(arguments: argparse.Namespace) -> int:
    """Write the figures; print a line for each."""
    from segcore.report.figures import write_figures

    if not 1 <= arguments.examples <= MOST_EXAMPLES:
        raise ReportError(f"--examples is {arguments.examples}; expected 1 to {MOST_EXAMPLES}.")
    for line in write_figures(
        compared(arguments),
        arguments.out,
        arguments.format,
        width=arguments.width,
        data=arguments.data,
        examples=arguments.examples,
        siblings=sibling_ids(arguments),
    ):
        print_text(line, flush=True)
    return 0
