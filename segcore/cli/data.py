"""`segcore data`: look at a dataset, or download one."""

from __future__ import annotations

import argparse
from collections import Counter

from segcore.cli.arguments import FAILED, Commands, add_data_arguments, open_from
from segcore.errors import number


def add_data(commands: Commands) -> None:
    """`segcore data info` and `segcore data fetch`."""
    noun = commands.add_parser("data", help="look at a dataset, or download one").add_subparsers(
        metavar="COMMAND", required=True
    )
    info = noun.add_parser("info", help="splits, classes and sizes of a dataset")
    info.add_argument("data", metavar="SOURCE", help="a folder, a zip, or drive")
    add_data_arguments(info)
    info.add_argument(
        "--check", action="store_true", help="read every image and mask, and list those that can't be used"
    )
    info.set_defaults(run=data_info)

    fetch = noun.add_parser("fetch", help="download camseq01 or camvid")
    fetch.add_argument("name", metavar="NAME", help="camseq01, camvid or camvid-fastai")
    fetch.add_argument("--out", metavar="DIR", help="folder to put it in (default: the user's data folder)")
    fetch.set_defaults(run=data_fetch)


def data_info(arguments: argparse.Namespace) -> int:
    """Print what a dataset holds; with `--check`, fail when a sample can't be used."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    dataset = open_from(arguments)
    problems: tuple[str, ...] = ()
    if arguments.check:
        from segcore.data import find_problems

        problems = find_problems(dataset)
    console = Console(highlight=False, soft_wrap=True)
    labels = dataset.labels
    ignored = ", ".join(name for name, _ in labels.ignored) or "none"
    console.print(f"[bold]{escape(dataset.name)}[/bold]  {escape(dataset.source)}")
    console.print(f"fingerprint  {dataset.fingerprint}")
    console.print(f"classes      {labels.classes} ({labels.name}), ignored: {ignored}")
    table = Table("split", "samples", "sizes (height x width)")
    for split, ids in dataset.splits.items():
        sizes = Counter(dataset.size(sample_id) for sample_id in ids)
        listed = ", ".join(f"{height}x{width} ({count})" for (height, width), count in sizes.most_common(3))
        more = f" and {len(sizes) - 3} more" if len(sizes) > 3 else ""
        table.add_row(split, str(len(ids)), listed + more)
    console.print(table)
    classes = Table("id", "class", "colour")
    for index, (name, (red, green, blue)) in enumerate(zip(labels.names, labels.colors, strict=True)):
        classes.add_row(str(index), escape(name), f"[rgb({red},{green},{blue})]███[/] {red} {green} {blue}")
    console.print(classes)
    for note in dataset.notes:
        console.print(f"note: {escape(note)}")
    for problem in problems:
        console.print(f"problem: {escape(problem)}")
    if arguments.check:
        console.print(f"{len(problems)} of {number(len(dataset), 'sample')} can't be used.")
    return FAILED if problems else 0


def data_fetch(arguments: argparse.Namespace) -> int:
    """Download a dataset and print what to open."""
    from segcore.data import fetch

    path = fetch(arguments.name, arguments.out)
    print(f"{path}\nOpen it with: segcore data info {path}")
    return 0
