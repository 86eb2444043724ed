"""Arguments that several commands share, and what a command returns."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.runs import RunRecord

Commands = argparse._SubParsersAction  # what every `add_...` function adds its noun to
FAILED, INTERRUPTED = 2, 130  # exit codes; 0 is done


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """How a dataset is opened; the same for every command that takes one."""
    parser.add_argument("--labels", help="regroup the classes: camvid32 or camvid11 (default: the dataset's own)")
    parser.add_argument("--void", choices=("ignore", "class"), default="ignore", help="what Void pixels are")
    add_reading_arguments(parser)


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """How files that aren't as they should be are read."""
    parser.add_argument("--skip-incomplete", action="store_true", help="go on without images or masks that lack a pair")
    parser.add_argument(
        "--color-tolerance", type=int, default=0, metavar="N", help="take colours up to N off as their nearest class"
    )


def open_from(arguments: argparse.Namespace) -> Dataset:
    """The dataset that `SOURCE` and the options of `add_data_arguments` ask for."""
    return open_other(arguments, arguments.data)


def open_other(arguments: argparse.Namespace, source: str) -> Dataset:
    """Another dataset, opened with the same options."""
    from segcore.data import open_dataset

    return open_dataset(
        source,
        labels=arguments.labels,
        void=arguments.void,
        skip_incomplete=arguments.skip_incomplete,
        color_tolerance=arguments.color_tolerance,
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and where it computes."""
    parser.add_argument("wanted", metavar="RUN", help="a run's folder, or its id in --runs")
    parser.add_argument("--runs", default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)")
    parser.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, ...")


def run_from(arguments: argparse.Namespace) -> RunRecord:
    """The run that `add_run_arguments` ask for."""
    from segcore.runs import find_run

    return find_run(arguments.wanted, arguments.runs)
