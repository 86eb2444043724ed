"""`segcore import`: score predictions that another program made, or a model in a file, as a run."""

from __future__ import annotations

import argparse
import sys
from shlex import quote

from segcore.cli.arguments import Commands, parse_size
from segcore.data.open_options import OpenOptions, absolute, add_open_arguments
from segcore.errors import EvaluationError, number
from segcore.paths import path_text
from segcore.terminal import print_text

_DESCRIPTION = """\
Reads masks (ids, palette or colours; PNG, TIFF, .npy) or probabilities (.npz, .npy, a folder of one 16-bit PNG a class)
that any program predicted, scores them as `segcore evaluate` scores a model, and stores them as a run without a model:
leaderboard, intervals, compare, errors, predictions, report and exports take it. Or takes a model, MODEL.onnx or
OpenVINO's MODEL.xml, as a run that predicts by that file."""


def add_import(commands: Commands) -> None:
    """Add the command `segcore import`."""
    parser = commands.add_parser(
        "import", help="score predictions of any other program, or a model in a file", description=_DESCRIPTION
    )
    parser.add_argument(
        "predictions",
        type=path_text,
        metavar="PREDICTIONS|MODEL",
        help="a folder or zip with one prediction an image; or an .onnx file, or an .xml with its .bin",
    )
    parser.add_argument("--data", type=path_text, required=True, metavar="SOURCE", help="a folder, a zip, or drive")
    parser.add_argument(
        "--split", help="train, val or test (default: test; of a model val and test, those that there are)"
    )
    parser.add_argument(
        "--name",
        help="what the model is called, which also names the run's folder (of a model the default is its file's name)",
    )
    parser.add_argument(
        "--description",
        type=path_text,
        metavar="FILE",
        help="of a model: YAML or JSON on its input, output and classes (default: MODEL.onnx.json or MODEL.xml.json "
        "beside it, as segcore export writes one)",
    )
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
        help="lines 'from,to': a class of the predictions or the model, and what the dataset calls it",
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
    parser.add_argument("--replace", action="store_true", help="the same, in place of what it holds of this split")
    add_open_arguments(parser, prefix="data-")
    parser.set_defaults(run=import_run)


def import_run(arguments: argparse.Namespace) -> int:
    """Import predictions or a model, and print the scores."""
    from segcore.evaluation.import_model import is_model_file

    model = is_model_file(arguments.predictions)
    given = [option for option in (_OF_PREDICTIONS if model else _OF_MODELS) if getattr(arguments, option[0])]
    if given:
        of = "predictions" if model else "a model (.onnx, .xml)"
        raise EvaluationError(f"{given[0][1]} is for {of}, and {arguments.predictions} is none. Leave it out.")
    return (_import_model if model else _import_predictions)(arguments)


_OF_MODELS = (("description", "--description"),)
_OF_PREDICTIONS = (
    ("prediction_classes", "--classes"), ("scores", "--scores"), ("resize", "--resize"), ("add", "--add"),
    ("replace", "--replace"),
)  # fmt: skip


def _import_model(arguments: argparse.Namespace) -> int:
    from segcore.cli.evaluate import evaluate_and_print, removed_without_scores
    from segcore.evaluation.import_model import import_model

    dataset = OpenOptions.of(arguments).open(arguments.data)
    scored = [split for split in ("val", "test") if dataset.splits.get(split)]
    splits = [arguments.split] if arguments.split else scored or list(dataset.splits)
    for split in splits:
        dataset.split(split)  # raises
    run = import_model(
        arguments.predictions,
        dataset,
        description=arguments.description,
        name=arguments.name,
        out=arguments.out,
        map=arguments.prediction_map,
    )
    with removed_without_scores(run):
        for split in splits:
            evaluate_and_print(run, split)
    place = quote(str(run.path))
    print_text(f"Stored as a run that predicts by {run.model_file}; more: segcore evaluate, predict, profile {place}")
    return 0


def _import_predictions(arguments: argparse.Namespace) -> int:
    from segcore.cli.score_table import print_scores
    from segcore.evaluation.imports import import_folder
    from segcore.runs import ScoreInfo

    if not arguments.name:
        raise EvaluationError("Predictions don't say what made them. Say what it is called: --name NAME.")
    split = arguments.split or "test"
    dataset = OpenOptions.of(arguments).open(arguments.data)
    run, notes = import_folder(
        arguments.predictions,
        dataset,
        name=arguments.name,
        split=split,
        out=arguments.out,
        classes=arguments.prediction_classes,
        map=arguments.prediction_map,
        scores=arguments.scores,
        resize=arguments.resize,
        add=arguments.add,
        replace=arguments.replace,
    )
    for note in notes:
        print_text(f"segcore: {note}", file=sys.stderr)
    evaluation = run.evaluation(split)
    assert evaluation is not None and run.summary.imported is not None
    scores = ScoreInfo.from_counts(evaluation.total, run.labels)
    print_scores(run, f"{dataset.name} {split}, {number(len(evaluation.ids), 'image')}", scores, evaluation)
    print_text(f"Read by {run.summary.imported.rule}; stored as a run without a model in {run.path}.")
    return 0
