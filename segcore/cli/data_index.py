"""`segcore data index`: reads every image of a dataset once, so that opening and counting it is quick from then on."""

from __future__ import annotations

import argparse
import time

from segcore.cli.arguments import Commands, add_source_arguments, source_from
from segcore.data.open_options import OpenOptions
from segcore.durations import duration
from segcore.errors import DatasetError, number
from segcore.terminal import print_text


def add_index(noun: Commands) -> None:
    """Add the command `segcore data index`."""
    parser = noun.add_parser(
        "index",
        help="read every image once, so that a large dataset opens and counts quickly",
        description="Read size, classes and checksum of every image once, and store them as a Parquet file: hidden in "
        "the dataset's folder where that can be written, else in the user's cache. The app, training and the other "
        "commands find it there. Run again, it reads only what was added or changed; Ctrl-C keeps what was read.",
    )
    add_source_arguments(parser)
    parser.set_defaults(run=data_index)


def data_index(arguments: argparse.Namespace) -> int:
    """Build or update the index, and print where it is."""
    from segcore.cli.progress import counted
    from segcore.data.background import usable_cores
    from segcore.data.index_building import build_index

    source = source_from(arguments)
    if source is None:
        raise DatasetError("No dataset is named; expected one: a folder or a zip.")
    began = time.monotonic()
    with counted(f"indexing {source}", None, "images") as advance:
        before = 0

        def progress(done: int, total: int) -> None:
            nonlocal before
            advance(done - before, total)
            before = done

        built = build_index(source, OpenOptions.of(arguments), progress, processes=usable_cores())
    total = number(len(built.dataset), "image")
    if built.path is None:
        raise DatasetError(
            f"{total} read, and the index can't be stored: neither {source} nor the user's cache can be written. "
            "Set SEGCORE_CACHE to a folder that can."
        )
    again = f", {built.changed} of them changed" if built.changed else ""
    print_text(f"{total}: {built.read} read{again}, in {duration(time.monotonic() - began)}")
    problems = [problem for problem in built.known.table().problems if problem]
    if problems:
        print_text(f"{len(problems)} can't be used, such as: {problems[0]}")
    print_text(f"index: {built.path}")
    return 0
