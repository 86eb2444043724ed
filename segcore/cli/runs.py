"""`segcore runs`: list the runs with their scores, say in which settings they differ, rename, note, archive, pack."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import Commands, run_from, store_from
from segcore.errors import RunError
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from segcore.runs import RunRecord


SIDE_BY_SIDE = 4  # runs that have a column each in a table of settings


def add_runs(commands: Commands) -> None:
    """Add the command `segcore runs`."""
    parser = commands.add_parser(
        "runs",
        help="list the runs with their scores; what their settings differ in; rename, note, archive, pack",
        description="List the runs with their scores. With --diff: the settings in which runs differ.",
    )
    _add_folder(parser, "checkpoints")
    parser.add_argument(
        "--diff",
        type=path_text,
        nargs="*",
        metavar="RUN",
        help="say in which settings these runs differ (default: all in --runs); of one run, all its settings",
    )
    parser.add_argument("--archived", action="store_true", help="list the archived runs")
    parser.set_defaults(run=list_runs)
    tasks = parser.add_subparsers(metavar="rename|note|archive|restore|pack")
    rename = tasks.add_parser("rename", help="give a run another name", description="Give a run another name.")
    _add_run(rename)
    rename.add_argument("name", metavar="NAME", help="the new name: that of its folder, and its id")
    rename.set_defaults(run=rename_one)
    note = tasks.add_parser("note", help="keep a note about a run", description="Keep a note about a run, or show it.")
    _add_run(note)
    note.add_argument("text", nargs="?", metavar="TEXT", help="the note; '' removes it (default: show it)")
    note.set_defaults(run=keep_note)
    for name, archived, text in (
        ("archive", True, "take runs out of every list; their files stay, and a run's name still opens it"),
        ("restore", False, "put archived runs back into the lists"),
    ):
        task = tasks.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        task.add_argument(
            "several", type=path_text, nargs="+", metavar="RUN", help="a run's folder, or its id in --runs"
        )
        _add_folder(task, argparse.SUPPRESS)
        task.set_defaults(run=archive, archive=archived)
    pack = tasks.add_parser(
        "pack",
        help="copy a run to hand on",
        description="Copy a run to hand on: model, scores and predictions, with a model card (README.md), without "
        "pictures of its data and without paths of this machine.",
    )
    _add_run(pack)
    pack.add_argument("--out", type=path_text, required=True, metavar="DIR", help="the folder of runs to copy it to")
    pack.add_argument("--licence", default="", metavar="TEXT", help="what is known of the licences of data and weights")
    pack.set_defaults(run=pack_one)


def _add_folder(parser: argparse.ArgumentParser, default: str) -> None:
    text = "folder of runs (default: checkpoints)"
    parser.add_argument("--runs", type=path_text, default=default, metavar="DIR", help=text)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wanted", type=path_text, metavar="RUN", help="a run's folder, or its id in --runs")
    _add_folder(parser, argparse.SUPPRESS)  # a default here would hide what stands before the task


def rename_one(arguments: argparse.Namespace) -> int:
    """Rename a run."""
    from segcore.runs.rename import rename_run

    run = run_from(arguments)
    print_text(f"{run.path} is {rename_run(run, arguments.name).path} now.")
    return 0


def keep_note(arguments: argparse.Namespace) -> int:
    """Write a run's note, or print it."""
    from segcore.runs import RunWriter

    run = run_from(arguments)
    if arguments.text is not None:
        RunWriter(run.path).write_note(arguments.text)
    print_text(f"{run.id}: {run.note or 'no note'}")
    return 0


def archive(arguments: argparse.Namespace) -> int:
    """Archive runs, or put them back."""
    from segcore.runs import RunStore, RunWriter

    for wanted in arguments.several:
        folder = Path(wanted) if Path(wanted).is_dir() else RunStore(arguments.runs).folder(Path(wanted).name)
        RunWriter(folder).archive(arguments.archive)
        print_text(f"{folder.name} is {'archived' if arguments.archive else 'listed again'}.")
    return 0


def pack_one(arguments: argparse.Namespace) -> int:
    """Copy a run to hand on."""
    from segcore.cli.progress import counting_bars
    from segcore.evaluation.model_card import run_card
    from segcore.runs.model_required import require_training
    from segcore.runs.pack import pack_run

    run = run_from(arguments)
    require_training(run, "be packed", "Pack its members: {}.")
    with counting_bars() as bars:
        bar = bars.add_task(f"packing {run.id}", total=None)
        copy = pack_run(
            run,
            Path(arguments.out),
            lambda copy: run_card(copy, arguments.licence),
            lambda done, total: bars.update(bar, completed=done, total=total),
        )
    print_text(copy.path)
    return 0


def list_runs(arguments: argparse.Namespace) -> int:
    """Print a table of all runs, and the folders that can't be read; with `--diff`, settings."""
    from rich.markup import escape

    from segcore.text_console import TextConsole

    console = TextConsole(highlight=False, soft_wrap=True)
    if arguments.diff:
        from segcore.runs import find_run

        return print_settings(console, [find_run(wanted, arguments.runs) for wanted in arguments.diff])
    store = store_from(arguments)
    runs, problems = store.read(archived=arguments.archived)
    hidden = () if arguments.archived else store.archived
    if arguments.diff is not None:
        return print_settings(console, runs)
    if not runs:
        none = f"No archived runs in {store.root}." if arguments.archived else store.none_listed()
        console.print(escape(none))
    else:
        _print_runs(console, runs)
    for run in runs:
        if run.stopped:
            console.print(escape(f"{run.id}: {run.stopped}"))
    for problem in problems:
        console.print(f"skipped: {escape(problem.message)}")
    if hidden:
        from segcore.runs.cli_hints import restore_command

        back = restore_command(store.root)
        console.print(escape(f"{len(hidden)} archived: segcore runs --archived lists them, {back} brings one back."))
    return 0


def _print_runs(console: Console, runs: Sequence[RunRecord]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from segcore.metrics import POLICY
    from segcore.runs.scored_splits import VALIDATION_NOTE, default_split
    from segcore.runs.summary import over
    from segcore.text_console import print_table

    split = default_split(runs)
    table = Table(padding=(0, 0, 0, 1), box=None)  # names are never cut, since other commands take them
    table.add_column("run", no_wrap=True)
    table.add_column("model", overflow="fold", min_width=10)
    table.add_column("data", overflow="fold", min_width=6)
    chosen_by = ["val mIoU"] if split == "test" else []  # models are chosen by validation
    for name in ("classes", *chosen_by, f"{split} mIoU", "pixel acc.", "params", "min."):
        table.add_column(name, justify="right", min_width=max(map(len, name.split())), no_wrap="mIoU" in name)
    table.add_column("status", no_wrap=True)
    noted = any(run.note for run in runs)
    if noted:
        table.add_column("note", overflow="fold")
    by_validation = leaks = False
    for run in runs:
        summary, own = run.summary, default_split([run])
        scores = summary.test if own == "test" else summary.val
        by_validation |= own != split and scores is not None
        mark = (" val" if own != split else "") + (" !" if run.leak(own) else "")
        table.add_row(
            escape(run.id),
            escape(run.title),
            escape(summary.dataset.name),
            f"{run.labels.classes}",
            *((f"{summary.val.miou:.3f}" if summary.val else "–") for _ in chosen_by),
            f"{scores.miou:.3f}{mark}" if scores else "–",
            f"{scores.pixel_accuracy:.3f}" if scores else "–",
            _number(over(summary.parameters, 1e6), " M", 2),
            _number(over(summary.whole_train_seconds, 60)),
            summary.status,
            *([escape(run.note)] if noted else []),
        )
        leaks |= " !" in mark and scores is not None
    print_table(console, table)
    console.print(POLICY)
    if by_validation or split == "val":
        console.print(VALIDATION_NOTE if split == "val" else f"val: {VALIDATION_NOTE}")
    if leaks:
        console.print("! A leak check warns about this score; segcore leaderboard prints the warning.")


def print_settings(console: Console, runs: Sequence[RunRecord]) -> int:
    """Print what the runs were trained with where they differ; of one run, everything.

    Raises:
        RunError: when no run has settings of a training, or they can't be read.
    """
    from rich.markup import escape
    from rich.table import Table

    from segcore.runs.settings import Difference, differences, flat_settings, pipeline_of
    from segcore.text_console import print_table

    trained = [run for run in runs if run.was_trained]
    left_out = [run.id for run in runs if not run.was_trained]
    if not trained:
        named = ", ".join(left_out) or "none"
        raise RunError(f"No run with settings of a training; got {named}. Give runs that train.py made.")
    settings = [flat_settings(run) for run in trained]
    rows = differences(settings, [pipeline_of(run) for run in trained])
    if len(trained) == 1:
        rows = [Difference(name, (value,)) for name, value in settings[0].items()]
    table = Table(padding=(0, 0, 0, 1), box=None)
    shown = [(row.name, ["–" if value is None else value for value in row.values]) for row in rows]
    ids = [run.id for run in trained]
    beside = len(trained) <= SIDE_BY_SIDE
    for name in ("setting", *(ids if beside else ("value", "runs"))):
        table.add_column(escape(name), overflow="fold")
    for name, values in shown:
        for cells in [[name, *values]] if beside else _by_value(name, values, ids):
            table.add_row(*map(escape, cells))
    if rows:
        print_table(console, table)
    else:
        console.print(f"Nothing differs: {len(trained)} runs of the same settings.")
    if left_out:
        console.print(f"No settings of a training: {escape(', '.join(left_out))}.")
    return 0


def _by_value(name: str, values: Sequence[str], ids: Sequence[str]) -> list[list[str]]:
    """A line for each value of a setting, with the runs that have it."""
    owners: dict[str, list[str]] = {}
    for value, run_id in zip(values, ids, strict=True):
        owners.setdefault(value, []).append(run_id)
    return [["" if place else name, value, ", ".join(runs)] for place, (value, runs) in enumerate(owners.items())]


def _number(value: float | None, unit: str = "", digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}{unit}"
