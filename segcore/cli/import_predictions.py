"""`segcore import`: score predictions that another program made, as a run without a model."""

from __future__ import annotations

import argparse
import sys

from segcore.cli.arguments import Commands, parse_size
from segcore.data.open_options import OpenOptions, absolute, add_open_arguments
from segcore.errors import number
from segcore.paths import path_text

_DESCRIPTION = """\
Reads masks (ids, palette or colours; PNG, TIFF, .npy) or probabilities (.npz, .npy, a folder of one 16-bit PNG a class)
that any program predicted, scores them as `segcore evaluate` scores a model, and stores them as a run without a model:
leaderboard, intervals, compare, errors, predictions, report and exports take it."""


def add_import(commands: Commands) -> None:
    """Add the command `segcore import`."""
    parser = commands.add_parser("import", help="score predictions of any other program", description=_DESCRIPTION)
    parser.add_argument(
        "predictions", type=path_text, metavar="PREDICTIONS", help="a folder or zip with one prediction an image"
    )
    parser.add_argument("--data", type=path_text, required=True, metavar="SOURCE", help="a folder, a zip, or drive")
    parser.add_argument("--split", default="test", help="train, val or test (default: test)")
    parser.add_argument("--name", required=True, help="what the model is called, which also names the run's folder")
    parser.add_argument(
        "--out", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.add_argument(
        "--classes",
        dest="prediction_classes",
        type=absolute,
        metavar="FILE",
        help="the classes as the predictions have them, in any order (default: a list beside them, else the dataset's)",
    )
    parser.add_argument(
        "--map",
        dest="prediction_map",
        type=absolute,
        metavar="FILE.csv",
        help="lines 'from,to': a class of the predictions and what the dataset calls it",
    )
    parser.add_argument(
        "--scores", type=path_text, metavar="DIR", help="a folder or zip with the probabilities that belong to masks"
    )
    parser.add_argument(
        "--resize",
        type=parse_size,
        metavar="HxW",
        help="all predictions are of this size, not the ground truth's: resize them, and say so beside the score",
    )
    parser.add_argument("--add", action="store_true", help="add this split to the imported run of that name")
    add_open_arguments(parser, prefix="data-")
    parser.set_defaults(run=import_run)


def import_run(arguments: argparse.Namespace) -> int:
    """Import the predictions, and print the scores."""
    from segcore.cli.score_table import print_scores
    from segcore.evaluation.imports import import_folder
    from segcore.runs import ScoreInfo

    dataset = OpenOptions.of(arguments).open(arguments.data)
    run, notes = import_folder(
        arguments.predictions,
        dataset,
        name=arguments.name,
        split=arguments.split,
        out=arguments.out,
        classes=arguments.prediction_classes,
        map=arguments.prediction_map,
        scores=arguments.scores,
        resize=arguments.resize,
        add=arguments.add,
    )
    for note in notes:
        print(f"segcore: {note}", file=sys.stderr)
    evaluation = run.evaluation(arguments.split)
    assert evaluation is not None and run.summary.imported is not None
    scores = ScoreInfo.from_counts(evaluation.total, run.labels)
    print_scores(run, f"{dataset.name} {arguments.split}, {number(len(evaluation.ids), 'image')}", scores, evaluation)
    print(f"Read by {run.summary.imported.rule}; stored as a run without a model in {run.path}.")
    return 0
