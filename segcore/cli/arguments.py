"""Arguments that several commands share, and what a command returns."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from segcore.data.open_options import OpenOptions, add_open_arguments
from segcore.errors import DatasetError, RunError

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.runs import RunRecord, RunStore

Commands = argparse._SubParsersAction  # what every `add_...` function adds its noun to
FAILED, INTERRUPTED = 2, 130  # exit codes; 0 is done


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Which dataset, with or without `--data` before it, and how it is opened."""
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="a folder, a zip, or drive")
    parser.add_argument("--data", metavar="SOURCE", help="the same")
    add_open_arguments(parser)


def source_from(arguments: argparse.Namespace) -> str | None:
    """The dataset that is named, with or without `--data`; None when none is.

    Raises:
        DatasetError: when two are named.
    """
    if arguments.source is not None and arguments.data is not None:
        raise DatasetError(
            f"Two datasets are named, {arguments.source} and {arguments.data}; expected one: a folder, a zip, or drive."
        )
    return arguments.data if arguments.source is None else arguments.source


def open_from(arguments: argparse.Namespace) -> Dataset:
    """The dataset that `add_source_arguments` ask for.

    Raises:
        DatasetError: when none is named, or two are, or it can't be opened.
    """
    source = source_from(arguments)
    if source is None:
        raise DatasetError("No dataset is named; expected one: a folder, a zip, or drive.")
    return OpenOptions.of(arguments).open(source)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and where it computes."""
    parser.add_argument("wanted", metavar="RUN", help="a run's folder, or its id in --runs")
    parser.add_argument("--runs", default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)")
    parser.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, ...")


def add_backend_arguments(parser: argparse.ArgumentParser) -> None:
    """How the model is run: anything but the defaults gives other answers, or the same ones faster."""
    parser.add_argument("--backend", default="torch", help="torch (the default), openvino or onnxruntime")
    parser.add_argument(
        "--precision", default="auto", help="auto (fp32, the default); bf16 is faster and a little different"
    )
    parser.add_argument("--tta", metavar="flip", help="flip: average the image and its mirror image")
    parser.add_argument(
        "--window",
        type=size_of,
        metavar="HxW",
        help="cut larger images into overlapping tiles of that size, e.g. 720x960 or 512 (default: one view)",
    )


def size_of(text: str) -> tuple[int, int]:
    """`HEIGHTxWIDTH`, or one number for a square.

    >>> size_of("360x480"), size_of("512")
    ((360, 480), (512, 512))
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected HEIGHTxWIDTH such as 360x480, or one number")
    return int(sides[0]), int(sides[-1])


def predictor_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_backend_arguments` ask for, for a `Predictor` or an `Ensemble`."""
    from segcore.training.openmp import SPIN

    os.environ.setdefault(*SPIN)  # read when torch is loaded
    return {name: getattr(arguments, name) for name in ("device", "backend", "precision", "tta", "window")}


def store_from(arguments: argparse.Namespace) -> RunStore:
    """The folder of runs in `--runs`.

    Raises:
        RunError: when there is no such folder.
    """
    from segcore.runs import RunStore

    store = RunStore(arguments.runs)
    if not store.root.is_dir():
        raise RunError(f"No folder of runs at {store.root}. Train some (python train.py), or say where: --runs DIR.")
    return store


def run_from(arguments: argparse.Namespace) -> RunRecord:
    """The run that `add_run_arguments` ask for."""
    from segcore.runs import find_run

    return find_run(arguments.wanted, arguments.runs)
