"""`segcore export`: a model or its stored predictions in the formats of other tools."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import Commands, parse_size
from segcore.errors import ReportError
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from segcore.runs import RunRecord

_DESCRIPTION = """\
onnx and openvino write the model itself. The others write what it predicted on a split, as `segcore evaluate`
stored it: no model runs. labelme and cvat are for people who correct it there. The predictions of several runs go
into a folder each; in FiftyOne, into one dataset."""


def add_export(commands: Commands) -> None:
    """Add `segcore export` to the commands."""
    parser = commands.add_parser(
        "export", help="write a model or its predictions for other tools", description=_DESCRIPTION
    )
    parser.add_argument("wanted", type=path_text, nargs="+", metavar="RUN", help="a run's folder, or its id in --runs")
    parser.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.add_argument("--format", required=True, choices=FORMATS, help=", ".join(FORMATS))
    parser.add_argument(
        "--out",
        type=path_text,
        required=True,
        metavar="DIR",
        help="folder to write; only an earlier export is replaced",
    )
    parser.add_argument("--split", help="whose predictions: train, val or test (default: test)")
    parser.add_argument(
        "--data",
        type=path_text,
        metavar="SOURCE",
        help="the dataset, for ground truth and images (default: what it was trained on)",
    )
    parser.add_argument("--images", action="store_true", help="coco: write the images too")
    parser.add_argument("--name", help="fiftyone: name of the dataset (default: segcore-DATASET-SPLIT)")
    parser.add_argument("--precision", help="onnx, openvino: fp32 (default), or fp16 for half the size; openvino: int8")
    parser.add_argument(
        "--size",
        type=parse_size,
        metavar="HxW",
        help="onnx, openvino: height and width of the image (default: what it was trained on)",
    )
    parser.set_defaults(run=export_run)


def export_run(arguments: argparse.Namespace) -> int:
    """Export; print what was written."""
    from segcore.runs import find_run

    _check_options(arguments)
    arguments.split = arguments.split or "test"
    runs = [find_run(wanted, arguments.runs) for wanted in arguments.wanted]
    for line in FORMATS[arguments.format](arguments, runs):
        print_text(line)
    return 0


def _for_each_run(
    export: Callable[[argparse.Namespace, RunRecord, Path], Sequence[str]],
) -> Callable[[argparse.Namespace, Sequence[RunRecord]], list[str]]:
    """An export of one run -> an export of several runs, each into a folder of its own."""

    def every(arguments: argparse.Namespace, runs: Sequence[RunRecord]) -> list[str]:
        out = Path(arguments.out)
        if len(runs) == 1:
            return list(export(arguments, runs[0], out))
        _refuse_equal_names(runs)
        return [line for run in runs for line in export(arguments, run, out / run.id)]

    return every


def _refuse_equal_names(runs: Sequence[RunRecord]) -> None:
    twice = [name for name, count in Counter(run.id for run in runs).items() if count > 1]
    if twice:
        raise ReportError(f"Two runs are called {twice[0]!r} and would be written to one place; export one by one.")


def _models(arguments: argparse.Namespace, runs: Sequence[RunRecord]) -> list[str]:
    """Export the models of all runs into one folder; each file has the name of its run."""
    from segcore.evaluation.export_model import export_model

    _refuse_equal_names(runs)
    precision, size = arguments.precision or "fp32", arguments.size
    paths = [export_model(run, arguments.format, arguments.out, precision=precision, size=size) for run in runs]
    return [f"{path}, how to feed it in {path}.json, and infer.py, which needs no Segcore" for path in paths]


def _png(arguments: argparse.Namespace, run: RunRecord, out: Path) -> list[str]:
    from segcore.report.export import export_png

    return export_png(run, arguments.split, out)


def _coco(arguments: argparse.Namespace, run: RunRecord, out: Path) -> list[str]:
    from segcore.report.export import export_coco

    return export_coco(run, arguments.split, out, data=arguments.data, images=arguments.images)


def _labelme(arguments: argparse.Namespace, run: RunRecord, out: Path) -> list[str]:
    from segcore.report.export import export_labelme

    return export_labelme(run, arguments.split, out, data=arguments.data)


def _cvat(arguments: argparse.Namespace, run: RunRecord, out: Path) -> list[str]:
    from segcore.report.export import export_cvat

    return export_cvat(run, arguments.split, out)


def _fiftyone(arguments: argparse.Namespace, runs: Sequence[RunRecord]) -> list[str]:
    from segcore.report.fiftyone import export_fiftyone

    return export_fiftyone(runs, arguments.split, arguments.out, data=arguments.data, name=arguments.name)


FORMATS: dict[str, Callable[[argparse.Namespace, Sequence[RunRecord]], list[str]]] = {
    "onnx": _models,
    "openvino": _models,
    "png": _for_each_run(_png),
    "coco": _for_each_run(_coco),
    "labelme": _for_each_run(_labelme),
    "cvat": _for_each_run(_cvat),
    "fiftyone": _fiftyone,
}
_OPTIONS = {  # what only some formats can use
    "--images": ("coco",),
    "--name": ("fiftyone",),
    "--split": ("png", "coco", "labelme", "cvat", "fiftyone"),
    "--data": ("coco", "labelme", "fiftyone"),
    "--precision": ("onnx", "openvino"),
    "--size": ("onnx", "openvino"),
}


def _check_options(arguments: argparse.Namespace) -> None:
    for option, formats in _OPTIONS.items():
        if getattr(arguments, option.removeprefix("--")) and arguments.format not in formats:
            raise ReportError(
                f"{option} means nothing with --format {arguments.format}; only with {', '.join(formats)}."
            )
