"""The `segcore` command: one `add_...` function a noun, each sub-command a function of the parsed arguments."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.errors import EvaluationError, SegcoreError, plain, unknown

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.runs import RunRecord, ScoreInfo

Commands = argparse._SubParsersAction  # what every `add_...` function adds its noun to
FAILED, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; None for those of the process.

    Returns:
        0 when done, 2 after a message on standard error, 130 when interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["train"]:
        from segcore.training.command import main as train

        return train(words[1:], prog="segcore train")
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments))
    except SegcoreError as error:
        print(f"segcore: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"segcore: {plain(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("segcore: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    from segcore import __version__

    parser = argparse.ArgumentParser("segcore", description="Train, explore and honestly compare segmentation models.")
    parser.add_argument("--version", action="version", version=f"segcore {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_data(commands)
    add_runs(commands)
    add_evaluate(commands)
    add_predict(commands)
    add_train(commands)
    return parser


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """How a dataset is opened; the same for every command that takes one."""
    parser.add_argument("--labels", help="regroup the classes: camvid32 or camvid11 (default: the dataset's own)")
    parser.add_argument("--void", choices=("ignore", "class"), default="ignore", help="what Void pixels are")
    parser.add_argument("--skip-incomplete", action="store_true", help="go on without images or masks that lack a pair")
    parser.add_argument(
        "--color-tolerance", type=int, default=0, metavar="N", help="take colours up to N off as their nearest class"
    )


def open_from(arguments: argparse.Namespace) -> Dataset:
    """The dataset that `SOURCE` and the options of `add_data_arguments` ask for."""
    from segcore.data import open_dataset

    return open_dataset(
        arguments.data,
        labels=arguments.labels,
        void=arguments.void,
        skip_incomplete=arguments.skip_incomplete,
        color_tolerance=arguments.color_tolerance,
    )


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
        console.print(f"{len(problems)} of {len(dataset)} samples can't be used.")
    return FAILED if problems else 0


def data_fetch(arguments: argparse.Namespace) -> int:
    """Download a dataset and print what to open."""
    from segcore.data import fetch

    path = fetch(arguments.name, arguments.out)
    print(f"{path}\nOpen it with: segcore data info {path}")
    return 0


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run, and where it computes."""
    parser.add_argument("wanted", metavar="RUN", help="a run's folder, or its id in --runs")
    parser.add_argument("--runs", default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)")
    parser.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, ...")


def run_from(arguments: argparse.Namespace) -> RunRecord:
    """The run that `add_run_arguments` ask for."""
    from segcore.runs import RunStore, load_run

    wanted = Path(arguments.wanted)
    if wanted.is_dir() or len(wanted.parts) > 1:
        return load_run(wanted)
    return RunStore(arguments.runs).get(arguments.wanted)


def add_runs(commands: Commands) -> None:
    """`segcore runs`."""
    parser = commands.add_parser("runs", help="list the runs with their scores")
    parser.add_argument("--runs", default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)")
    parser.set_defaults(run=list_runs)


def list_runs(arguments: argparse.Namespace) -> int:
    """Print a table of all runs, and the folders that could not be read."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from segcore.metrics import POLICY
    from segcore.runs import RunStore

    store = RunStore(arguments.runs)
    console = Console(highlight=False, soft_wrap=True)
    runs, problems = store.list(), store.problems
    if not runs:
        console.print(f"No runs in {escape(str(store.root))}. Train some: python train.py")
    else:
        table = Table(padding=(0, 0, 0, 1), box=None)  # a run's name is what other commands take: never cut
        table.add_column("run", no_wrap=True)
        table.add_column("model", no_wrap=True)
        table.add_column("data", overflow="fold")
        for name in ("classes", "test mIoU", "pixel acc.", "params", "min."):
            table.add_column(name, justify="right", min_width=max(map(len, name.split())))
        table.add_column("status", no_wrap=True)
        for run in runs:
            summary, test = run.summary, run.summary.test
            table.add_row(
                escape(run.id),
                escape(run.title),
                escape(summary.dataset.name),
                f"{run.labels.classes}",
                f"{test.miou:.3f}" if test else "–",
                f"{test.pixel_accuracy:.3f}" if test else "–",
                f"{summary.parameters / 1e6:.1f} M",
                f"{summary.train_seconds / 60:.1f}",
                summary.status,
            )
        console.print(table)
        console.print(POLICY)
    for problem in problems:
        console.print(f"skipped: {escape(problem.message)}")
    return 0


def add_evaluate(commands: Commands) -> None:
    """`segcore evaluate`."""
    parser = commands.add_parser("evaluate", help="score a run on a split, and store what it predicts")
    add_run_arguments(parser)
    parser.add_argument("--data", metavar="SOURCE", help="a folder, a zip, or drive (default: what it was trained on)")
    parser.add_argument("--split", default="test", help="train, val or test (default: test)")
    parser.set_defaults(run=evaluate_run)


def evaluate_run(arguments: argparse.Namespace) -> int:
    """Score a run under the labels it was trained with, and print the scores.

    On the data it was trained on, `train` and `val` are the run's own: validation taken from train stays apart.
    """
    from rich.console import Console
    from rich.progress import Progress

    from segcore.data import open_dataset
    from segcore.evaluation import evaluate
    from segcore.labels import PRESETS
    from segcore.runs import RunWriter, ScoreInfo

    run = run_from(arguments)
    trained = run.summary.dataset
    labels = run.labels.name if run.labels.name in PRESETS else None
    dataset = open_dataset(
        arguments.data or trained.source,
        labels=labels,
        void=trained.void,
        skip_incomplete=run.config.get("skip_incomplete", False),
        color_tolerance=run.config.get("color_tolerance", 0),
    )
    same = dataset.fingerprint == trained.fingerprint
    ids = _own_ids(run, dataset, arguments.split) if same else dataset.split(arguments.split).ids
    # Scores on other data must not take the place of the run's own on its leaderboard.
    name = arguments.split if same else f"{dataset.name}-{arguments.split}"
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{run.id} on {name}", total=len(ids))
        evaluation = evaluate(
            run,
            dataset,
            ids,
            split=name,
            device=arguments.device,
            progress=lambda done, total: bar.update(task, completed=done),
        )
    found = ScoreInfo.from_counts(evaluation.total, run.labels)
    if same and arguments.split in ("val", "test"):
        RunWriter(run.path).write_summary(run.summary.model_copy(update={arguments.split: found}))
    _print_scores(run, f"{dataset.name} {arguments.split}, {len(ids)} images", found)
    if not same:
        print(f"This is not the data it was trained on; stored beside its own scores in {evaluation.path}.")
    return 0


def _own_ids(run: RunRecord, dataset: Dataset, split: str) -> tuple[str, ...]:
    """Frames of a split as the run saw it."""
    from segcore.data import SPLITS, plan_split

    if split not in SPLITS:
        raise EvaluationError(unknown("split", split, SPLITS))
    if split == "test":
        return dataset.split(split).ids
    trained, config = run.summary.dataset, run.config
    plan = plan_split(
        dataset,
        method=trained.split,
        val_fraction=config.get("val_fraction", 0.1),
        copies=config.get("copies", 0),
        seed=run.summary.seed,
    )
    if plan.fingerprint != trained.split_fingerprint:
        raise EvaluationError(
            f"The {split} split of run {run.id!r} can't be made again from its {run.path / 'config.yaml'}: its "
            f"fingerprint is {plan.fingerprint}, the run's {trained.split_fingerprint}. Evaluate --split test instead."
        )
    return tuple(dict.fromkeys(item.id for item in getattr(plan, split)))


def _print_scores(run: RunRecord, what: str, found: ScoreInfo) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from segcore.metrics import POLICY

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(run.id)}[/bold] ({escape(run.title)}) on {escape(what)}")
    table = Table("score", "value")
    table.add_row("mIoU", f"{found.miou:.4f}")
    table.add_row("pixel accuracy", f"{found.pixel_accuracy:.4f}")
    if found.miou_without_void is not None:
        table.add_row("mIoU without void", f"{found.miou_without_void:.4f}")
    if found.pixel_accuracy_without_void is not None:
        table.add_row("pixel accuracy without void", f"{found.pixel_accuracy_without_void:.4f}")
    table.add_row("mean accuracy", f"{found.mean_accuracy:.4f}")
    table.add_row("mean Dice", f"{found.mean_dice:.4f}")
    table.add_row("frequency-weighted IoU", f"{found.frequency_weighted_iou:.4f}", end_section=True)
    for name, iou in zip(run.labels.names, found.iou, strict=True):
        table.add_row(f"IoU {escape(name)}", "absent" if iou is None else f"{iou:.4f}")
    console.print(table)
    console.print(POLICY)


def add_predict(commands: Commands) -> None:
    """`segcore predict`."""
    parser = commands.add_parser("predict", help="predict your own images")
    add_run_arguments(parser)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="PNG, JPEG, ... of any size")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the masks and overlays")
    parser.set_defaults(run=predict_images)


def predict_images(arguments: argparse.Namespace) -> int:
    """Write `NAME-mask.png` (a palette PNG of class ids) and `NAME-overlay.jpg` for each image."""
    from segcore.data import decode_image
    from segcore.errors import DatasetError
    from segcore.evaluation import Predictor
    from segcore.runs.files import replacing
    from segcore.visual.encode import encode_jpeg, encode_png
    from segcore.visual.overlay import overlay

    paths = [Path(name) for name in arguments.images]
    twice = [stem for stem, count in Counter(path.stem for path in paths).items() if count > 1]
    if twice:
        raise DatasetError(f"Two images are called {twice[0]!r} and would be written to one file; rename one.")
    run = run_from(arguments)
    predict = Predictor(run, device=arguments.device)
    out = Path(arguments.out)
    for path in paths:
        try:
            image = decode_image(path.read_bytes(), str(path))
            found = predict(image)
            blended = overlay(image, found.mask, run.labels)
            with replacing(out / f"{path.stem}-mask.png") as file:
                file.write_bytes(encode_png(found.mask, run.labels.palette))
            with replacing(out / f"{path.stem}-overlay.jpg") as file:
                file.write_bytes(encode_jpeg(blended))
        except OSError as error:
            raise DatasetError(f"{error.filename}: {error.strerror}. Check the path and --out.") from None
        print(f"{out / path.stem}-mask.png  mean confidence {found.confidence.mean():.3f}")
    return 0


def add_train(commands: Commands) -> None:
    """`segcore train`: the same as `python train.py`; `main` hands its words on, since its flags are its settings."""
    commands.add_parser("train", help="train models; segcore train --help lists all settings", add_help=False)


if __name__ == "__main__":
    sys.exit(main())
