"""Command-line arguments that several commands share, functions that read them, and exit codes."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from segcore.data.open_options import OpenOptions, add_open_arguments
from segcore.errors import DatasetError, RunError
from segcore.paths import path_text

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.runs import RunRecord, RunStore

Commands = argparse._SubParsersAction  # the type of `add_subparsers`, to which each module adds its command
FAILED, INTERRUPTED = 2, 130  # exit codes; 0 is success


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the dataset, which may stand alone or behind `--data`, and the options for opening it."""
    parser.add_argument("source", type=path_text, nargs="?", metavar="SOURCE", help="a folder, a zip, or drive")
    parser.add_argument("--data", type=path_text, metavar="SOURCE", help="the same")
    add_open_arguments(parser)


def source_from(arguments: argparse.Namespace) -> str | None:
    """Get the dataset given alone or behind `--data`; None where there is none.

    Raises:
        DatasetError: when both are given.
    """
    if arguments.source is not None and arguments.data is not None:
        raise DatasetError(
            f"Two datasets are named, {arguments.source} and {arguments.data}; expected one: a folder, a zip, or drive."
        )
    return arguments.data if arguments.source is None else arguments.source


def open_from(arguments: argparse.Namespace) -> Dataset:
    """Open the dataset given by the arguments of `add_source_arguments`.

    Raises:
        DatasetError: when no dataset or two are given, or it can't be opened.
    """
    source = source_from(arguments)
    if source is None:
        raise DatasetError("No dataset is named; expected one: a folder, a zip, or drive.")
    return OpenOptions.of(arguments).open(source)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, the folder of runs and the device."""
    parser.add_argument("wanted", type=path_text, metavar="RUN", help="a run's folder, or its id in --runs")
    parser.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, ...")


def add_backend_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of prediction: backend, precision, test-time augmentation and window."""
    parser.add_argument(
        "--backend",
        default="auto",
        help="torch, openvino or onnxruntime (default: torch; for an imported model the runtime of its file)",
    )
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto (fp32, the default); bf16 is faster and slightly different; openvino has int8 too, which is "
        "calibrated on the run's training images",
    )
    parser.add_argument("--tta", metavar="flip", help="flip: average the image and its mirror image")
    parser.add_argument(
        "--window",
        type=parse_size,
        metavar="HxW",
        help="cut larger images into overlapping tiles of that size, e.g. 720x960 or 512 (default: one view)",
    )


def add_only(parser: argparse.ArgumentParser) -> None:
    """Add the argument that chooses among the images of a split."""
    parser.add_argument(
        "--only",
        metavar="TAG|FILE",
        help="score these images alone, from what is stored: a tag of the data, or a file with an id a line",
    )


def parse_size(text: str) -> tuple[int, int]:
    """Parse a size as `HEIGHTxWIDTH`, or as one number for a square.

    >>> parse_size("360x480"), parse_size("512")
    ((360, 480), (512, 512))
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected HEIGHTxWIDTH such as 360x480, or one number")
    return int(sides[0]), int(sides[-1])


def predictor_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Get the keyword arguments of `Predictor` and `Ensemble` from the arguments of `add_backend_arguments`."""
    from segcore.training.openmp import SPIN

    os.environ.setdefault(*SPIN)  # torch reads it when it is imported
    return {name: getattr(arguments, name) for name in ("device", "backend", "precision", "tta", "window")}


def store_from(arguments: argparse.Namespace) -> RunStore:
    """Open the folder of runs given by `--runs`.

    Raises:
        RunError: when the folder is missing.
    """
    from segcore.runs import RunStore

    store = RunStore(arguments.runs)
    if not store.root.is_dir():
        raise RunError(f"No folder of runs at {store.root}. Train some (python train.py), or say where: --runs DIR.")
    return store


def run_from(arguments: argparse.Namespace) -> RunRecord:
    """Open the run given by the arguments of `add_run_arguments`."""
    from segcore.runs import find_run

    return find_run(arguments.wanted, arguments.runs)
