"""`segcore models`: the architectures, and what one of them, or the model of a run, is made of."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import Commands, parse_size
from segcore.errors import ReportError, RunError, UnknownModel, unknown
from segcore.models import DEFAULT_ENCODER, MODELS
from segcore.paths import path_exists, path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from segcore.models.description import ModelDescription
    from segcore.training import TrainConfig

CLASSES, SIZE = 11, (360, 480)  # CamVid's
SVG_MARK = 'class="segcore-model"'  # near the beginning of every diagram
TEXT_MARK = "output stride"


def add_models(commands: Commands) -> None:
    """Add `segcore models` to the commands."""
    parser = commands.add_parser(
        "models",
        help="list the architectures, or describe and draw one",
        description="Without NAME, list the architectures. With one, or with a run: what it is, parameters and MACs, "
        "its stages with their output sizes, and a diagram of encoder, skips and decoder.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="an architecture, a run's folder, or its id in --runs")
    parser.add_argument("--encoder", metavar="NAME", help=f"of an architecture (default: {DEFAULT_ENCODER})")
    parser.add_argument(
        "--size", type=parse_size, metavar="HxW", help="of the image (default: the run's own, else 360x480)"
    )
    parser.add_argument("--classes", type=int, metavar="N", help=f"of an architecture (default: {CLASSES})")
    parser.add_argument(
        "--model-options", metavar="YAML", help="as train.py takes them, e.g. '{unet: {decoder_channels: [64, 32]}}'"
    )
    parser.add_argument("--format", choices=("text", "svg"), help="default: text, or what --out ends with")
    parser.add_argument("--out", type=path_text, metavar="FILE", help="write here (default: print)")
    parser.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.set_defaults(run=models)


def models(arguments: argparse.Namespace) -> int:
    """Print the table of architectures, or one model; or write it to `--out`."""
    kind = arguments.format or ("svg" if str(arguments.out or "").lower().endswith(".svg") else "text")
    if arguments.name is None:
        if kind == "svg":
            raise ReportError(f"A diagram is of one model. Name it: segcore models unet --format svg. {_names()}")
        text = _table(arguments)
    else:
        description = _described(arguments)
        text = _diagram(description) if kind == "svg" else description_text(description)
    if arguments.out is None:
        print_text(text, end="")
        return 0
    from segcore.report.atomic_output import new_file

    with new_file(arguments.out, SVG_MARK if kind == "svg" else TEXT_MARK) as path:
        path.write_text(text, "utf-8")
    print_text(arguments.out)
    return 0


def _diagram(description: ModelDescription) -> str:
    from segcore.visual.model_diagram import model_diagram

    return model_diagram(description) + "\n"


def _names() -> str:
    return f"Models: {', '.join(MODELS)}."


def _config(name: str, arguments: argparse.Namespace) -> TrainConfig:
    """The settings with which `train.py` would build it."""
    from segcore.training.config import build

    values = {"models": name, "encoder": arguments.encoder or DEFAULT_ENCODER, "encoder_weights": "none"}
    return build(values | ({"model_options": arguments.model_options} if arguments.model_options else {}))


def _described(arguments: argparse.Namespace) -> ModelDescription:
    """The model that is named, an architecture before a run of that name.

    Raises:
        UnknownModel: when it is neither.
    """
    from segcore.training.config import build

    name = str(arguments.name)
    try:
        build({"models": name})
    except UnknownModel as error:
        return _of_run(name, arguments, error)
    return _of_architecture(_config(name, arguments), arguments)


def _of_architecture(config: TrainConfig, arguments: argparse.Namespace) -> ModelDescription:
    from functools import partial

    from segcore.models.inspection import describe
    from segcore.models.registry import model_spec
    from segcore.training.initialization import create_architecture

    classes = CLASSES if arguments.classes is None else arguments.classes
    build = partial(create_architecture, config, classes)
    spec = model_spec(config.models[0])
    return describe(build, arguments.size or SIZE, spec=spec, encoder=spec.encoder or config.encoder)


def _of_run(name: str, arguments: argparse.Namespace, not_a_model: UnknownModel) -> ModelDescription:
    from segcore.evaluation.describe_run import describe_run
    from segcore.runs import RunStore, find_run

    if not path_exists(name) and len(Path(name).parts) == 1:
        store = RunStore(arguments.runs)
        ids = [run.id for run in store.list()]
        if name not in (*ids, *store.archived):
            raise UnknownModel(unknown("model or run", name, [*MODELS, *ids])) from not_a_model
    run = find_run(name, arguments.runs)
    for option in ("encoder", "classes", "model_options"):
        if getattr(arguments, option) is not None:
            flag = option.replace("_", "-")
            raise RunError(f"Run {run.id!r} has its own {flag}; leave --{flag} out, or name an architecture.")
    return describe_run(run, arguments.size)


def _table(arguments: argparse.Namespace) -> str:
    """The architectures, each with its output stride and its parameters on one encoder."""
    from segcore.text_console import TextConsole

    rows = []
    with TextConsole(stderr=True).status("Building the models") as status:
        for name in MODELS:
            status.update(f"Building {name}")
            rows.append((name, _of_architecture(_config(name, arguments), arguments)))
    width = max(len(name) for name, _ in rows)
    lines = [f"{'name':{width}}  {'output stride':>13}  {'parameters':>10}  {'GMACs':>7}  what it is"]
    for name, model in rows:
        numbers = f"{model.stride:>13}  {model.parameters / 1e6:>8.2f} M  {model.macs / 1e9:>7.2f}"
        lines.append(f"{name:{width}}  {numbers}  {model.title}: {model.summary}")
    height, across = rows[0][1].size
    lines.append(
        f"On {rows[0][1].encoder}, {rows[0][1].classes} classes, {height}x{across}. One of them: segcore models NAME"
    )
    return "\n".join(lines) + "\n"


def description_text(model: ModelDescription) -> str:
    """A model as text: what it is, its numbers, and a line for each stage."""
    lines = [model.title, *textwrap.wrap(model.summary, 100), ""]
    facts = {name: value for name, value in model.facts.items() if value}
    width = max(map(len, facts))
    lines += [f"{name:{width}}  {value}" for name, value in facts.items()]
    head = ("stage", "kind", "output", "parameters", "reads")
    rows = [
        (stage.name, stage.kind, stage.size, f"{stage.parameters:,}" if stage.parameters else "", _reads(stage.inputs))
        for stage in model.stages
    ]
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(4)]
    lines.append("")
    for name, kind, size, parameters, reads in [head, *rows]:
        line = f"{name:{widths[0]}}  {kind:{widths[1]}}  {size:>{widths[2]}}  {parameters:>{widths[3]}}  {reads}"
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def _reads(inputs: tuple[str, ...]) -> str:
    return ", ".join(name.removeprefix("decoder.") for name in inputs)
