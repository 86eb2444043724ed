"""`segcore data`: describes, checks and downloads datasets, and writes one with augmented copies."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import FAILED, Commands, add_source_arguments, open_from
from segcore.cli.data_check import add_check
from segcore.cli.data_index import add_index
from segcore.data.open_options import add_class_list_argument, add_repair_arguments
from segcore.errors import DatasetError, listed, number
from segcore.paths import path_text, program
from segcore.terminal import print_text

if TYPE_CHECKING:
    from rich.progress import TaskID

    from segcore.data import Dataset


def add_data(commands: Commands) -> None:
    """Add the commands `segcore data info`, `check`, `index`, `fetch` and `expand`."""
    noun = commands.add_parser(
        "data", help="look at a dataset, check its splits, index it, download one, or write one with augmented copies"
    ).add_subparsers(metavar="COMMAND", required=True)
    info = noun.add_parser("info", help="splits, classes and sizes of a dataset")
    add_source_arguments(info)
    info.add_argument(
        "--check", action="store_true", help="read every image and mask, and list those that can't be used"
    )
    info.add_argument(
        "--picture", metavar="FILE.png", type=path_text, help="draw image, mask and overlay of a few samples"
    )
    info.set_defaults(run=data_info)

    add_check(noun)
    add_index(noun)

    fetch = noun.add_parser("fetch", help="download camseq01 or camvid")
    fetch.add_argument("name", metavar="NAME", help="camseq01, camvid or camvid-fastai")
    fetch.add_argument(
        "--out", type=path_text, metavar="DIR", help="folder to put it in (default: the user's data folder)"
    )
    fetch.set_defaults(run=data_fetch)

    grow = noun.add_parser(
        "expand",
        help="write a dataset with augmented copies of its training frames",
        description="Write a dataset in the layout of its source, with augmented copies beside every training frame. "
        "Test and validation frames stay as they are. augmented.csv lists for each copy its frame, its seed and the "
        "transforms that were applied.",
    )
    grow.add_argument("--data", type=path_text, required=True, metavar="SOURCE", help="a folder, a zip, or drive")
    grow.add_argument(
        "--augment",
        type=path_text,
        required=True,
        metavar="NAME|FILE",
        help="a preset's name, or a pipeline's YAML file",
    )
    grow.add_argument(
        "--copies", type=int, required=True, metavar="N", help="augmented copies of a frame: 2 make 3 of 1"
    )
    grow.add_argument(
        "--out", type=path_text, required=True, metavar="DIR", help="folder to write; nothing is overwritten"
    )
    grow.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the augmentation (default: 0)")
    grow.add_argument("--copies-only", action="store_true", help="leave the training frames themselves out")
    add_class_list_argument(grow)
    add_repair_arguments(grow)
    grow.set_defaults(run=data_expand)


def data_info(arguments: argparse.Namespace) -> int:
    """Print the splits, classes and sizes of a dataset; with `--check`, fail when a sample can't be used."""
    from rich.markup import escape
    from rich.table import Table

    from segcore.data.index.known_facts import KnownFacts
    from segcore.text_console import TextConsole, print_table

    dataset = open_from(arguments)
    try:
        rule, problems = dataset.mask_rule or "drawn", tuple[str, ...]()
    except DatasetError as error:
        rule, problems = "no rule fits them all", (str(error),)
    if arguments.check:
        from segcore.data import find_problems

        problems = find_problems(dataset)
    console = TextConsole(highlight=False, soft_wrap=True)
    labels = dataset.labels
    ignored = ", ".join(name for name, _ in labels.ignored) or "none"
    console.print(f"[bold]{escape(dataset.name)}[/bold]  {escape(dataset.source)}")
    console.print(f"fingerprint  {dataset.fingerprint}")
    known = "" if dataset.stated is not None else ", by its ids"
    console.print(f"video        {'yes' if dataset.video else 'no'}{known}")
    console.print(f"classes      {labels.classes} ({labels.name}), ignored: {ignored}")
    console.print(f"layout       {escape(dataset.layout or 'none, drawn')}")
    console.print(f"masks        {rule}")
    table = Table("split", "samples", "sizes (height x width)")
    facts = KnownFacts(dataset)
    facts.check_files()
    for split, ids in dataset.splits.items():
        copies = sum(dataset.record(sample_id).copy > 0 for sample_id in ids)
        made_of = f" ({number(len(ids) - copies, 'frame')}, {copies} copies)" if copies else ""
        sizes = Counter(map(facts.size, ids))
        common = [f"{height}x{width} ({count})" for (height, width), count in sizes.most_common()]
        table.add_row(split, f"{len(ids)}{made_of}", listed(common, 3))
    print_table(console, table)
    classes = Table("id", "class", "colour")
    for index, (name, (red, green, blue)) in enumerate(zip(labels.names, labels.colors, strict=True)):
        classes.add_row(str(index), escape(name), f"[rgb({red},{green},{blue})]███[/] {red} {green} {blue}")
    print_table(console, classes)
    for note in dataset.notes:
        console.print(f"note: {escape(note)}")
    for problem in problems:
        console.print(f"problem: {escape(problem)}")
    if arguments.picture:
        console.print(f"picture: {escape(str(_draw(dataset, arguments.picture)))}")
    if arguments.check:
        bad = f"{len(problems)} of {number(len(dataset), 'sample')} can't be used."
        console.print(bad if problems else f"All {number(len(dataset), 'sample')} can be used.")
    return FAILED if problems else 0


def _draw(dataset: Dataset, out: str) -> Path:
    """Write the contact sheet of a dataset; returns its path."""
    from segcore.report.atomic_output import new_file
    from segcore.visual.contact_sheet import SHEET_MARK, contact_sheet

    path = Path(out)
    if path.suffix.lower() != ".png":
        raise DatasetError(f"--picture is {out!r}; expected the name of a PNG file, such as sheet.png.")
    with new_file(path, SHEET_MARK, "--picture") as temporary:
        temporary.write_bytes(contact_sheet(dataset))
    return path


def data_expand(arguments: argparse.Namespace) -> int:
    """Write a dataset with augmented copies, and print its numbers of samples."""
    from segcore.augment import load_pipeline
    from segcore.augment.expand import expand
    from segcore.cli.progress import counting_bars

    pipeline = load_pipeline(arguments.augment)
    with counting_bars() as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        made = expand(
            arguments.data,
            pipeline,
            copies=arguments.copies,
            out=arguments.out,
            seed=arguments.seed,
            copies_only=arguments.copies_only,
            skip_incomplete=arguments.skip_incomplete,
            color_tolerance=arguments.color_tolerance,
            classes=arguments.classes,
            progress=progress,
        )
    kept = f"{number(made.kept, 'frame')} + " if made.kept else ""
    print_text(f"{number(made.frames, 'train frame')} -> {made.kept + made.copies} ({kept}{made.copies} copies)")
    for split, count in made.others.items():
        print_text(f"{number(count, f'{split} frame')}, as they were")
    path, command = shlex.quote(str(made.path)), program("segcore")
    print_text(
        f"{made.path}\nLook at it: {command} data info {path}\n"
        f"Train on it: {command} train --data {path} --copies 0 --augment none"
    )
    return 0


def data_fetch(arguments: argparse.Namespace) -> int:
    """Download a dataset and print the path to open."""
    from segcore.data import fetch

    path = fetch(arguments.name, arguments.out)
    print_text(f"{path}\nOpen it with: {program('segcore')} data info {shlex.quote(str(path))}")
    return 0
