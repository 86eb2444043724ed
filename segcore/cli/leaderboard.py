"""`segcore leaderboard`: runs ranked, with intervals, as text to paste."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.cli.arguments import Commands, add_only, store_from
from segcore.errors import ReportError, RunError, listed, number, unknown
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison
    from segcore.runs import Evaluation, RunRecord


def add_leaderboard(commands: Commands) -> None:
    """Add `segcore leaderboard` to the commands."""
    parser = commands.add_parser(
        "leaderboard",
        help="rank runs, as Markdown, CSV or LaTeX",
        description="Rank runs by a score with its interval. Runs on different data or classes get tables of their own "
        "(in CSV, another number in the column pool).",
    )
    add_compared_runs(parser)
    parser.add_argument("--format", default="md", choices=("md", "csv", "latex"), help="default: md")
    parser.add_argument("--sort", metavar="NAME", help="order by another score or cost (default: by --metric)")
    parser.add_argument(
        "--columns",
        metavar="all|NAME,...",
        help="scores and costs beside it in md and latex (default: a few; csv has all)",
    )
    parser.add_argument(
        "--min-fps",
        type=float,
        metavar="N",
        help="only models that predict N frames a second or more, on the machine that is named; see segcore profile",
    )
    add_only(parser)
    parser.add_argument("--out", type=path_text, metavar="FILE", help="write here (default: print)")
    parser.set_defaults(run=print_leaderboard)


def add_pictures_source(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says where the images of the compared runs are."""
    parser.add_argument(
        "--data",
        type=path_text,
        metavar="SOURCE",
        help="the dataset, for pictures (default: what the runs were trained on)",
    )


def add_compared_runs(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which runs are compared, and by what."""
    parser.add_argument(
        "wanted",
        type=path_text,
        nargs="*",
        metavar="RUN",
        help="a run's folder, or its id in --runs (default: all in --runs)",
    )
    parser.add_argument(
        "--runs", type=path_text, default="checkpoints", metavar="DIR", help="folder of runs (default: checkpoints)"
    )
    parser.add_argument("--split", help="train, val or test (default: test; val where the data has no test split)")
    parser.add_argument("--metric", default="miou", metavar="NAME", help="what they are ranked by (default: miou)")
    parser.add_argument("--by-seed", action="store_true", help="make one line of the runs of one recipe")


def compared_runs(arguments: argparse.Namespace) -> list[RunRecord]:
    """The runs that the arguments of `add_compared_runs` name.

    Raises:
        RunError: when one is unknown or can't be read, or there are none; with all of a folder, those that can't be
            read are named on standard error and left out.
    """
    from segcore.runs import find_run

    if not arguments.wanted:
        store = store_from(arguments)
        runs, problems = store.read()
        for problem in problems:
            print_text(f"segcore: left out: {problem.message}", file=sys.stderr)
        if not runs:
            raise RunError(store.none_listed())
        return runs
    by_id: dict[str, RunRecord] = {}
    for wanted in arguments.wanted:
        run = find_run(wanted, arguments.runs)
        other = by_id.setdefault(run.id, run)
        if other.path.resolve() != run.path.resolve():
            raise ReportError(f"{other.path} and {run.path} have the same name; rename one of the folders.")
    return list(by_id.values())


def compared(arguments: argparse.Namespace) -> Comparison:
    """The comparison that the arguments of `add_compared_runs`, and `--only` where there is one, describe.

    Raises:
        ReportError: when no run was evaluated on the split; the message names the splits there are, or the commands.
        DatasetError: when there is no such list of images.
        EvaluationError: when there is no such metric.
        RunError: as `compared_runs`.
    """
    from segcore.data import SPLITS
    from segcore.runs.remake import remake_command
    from segcore.runs.scored_splits import default_split, has_split, why_no_scores
    from segcore.runs.split_variant import SplitVariant

    runs = compared_runs(arguments)
    split = arguments.split or default_split(runs)
    comparison = _compare(arguments, runs, split)
    if not comparison.pools:
        if any(split in run.splits for run in runs):  # stored, but can't be read
            raise ReportError("\n".join(dict.fromkeys(comparison.problems.values())))
        there = sorted({name for run in runs for name in run.splits})
        if not SplitVariant.parse(split).can_be_stored:
            raise ReportError(unknown("split", split, dict.fromkeys((*SPLITS, *there))))
        if not any(has_split(run.summary.dataset, split) for run in runs):
            why = "; ".join(dict.fromkeys(why_no_scores(run, split) for run in runs))
            raise ReportError(f"No run has scores of {split}: {why}. Leave --split out, or give another.")
        commands = "\n".join(f"  {remake_command(run, split)}" for run in runs[:8])
        raise ReportError(
            f"No run was evaluated on {split!r}"
            + (f"; there is {', '.join(there)}" if there else "")
            + f". Make evaluations:\n{commands}"
        )
    return comparison


def _compare(
    arguments: argparse.Namespace, runs: Sequence[RunRecord], split: str, titles: Mapping[str, str] | None = None
) -> Comparison:
    """Compare runs on the images that `--only` lists, or on all."""
    from segcore.evaluation.comparison import Comparison
    from segcore.runs.listed_images import images_of, listed_part

    compare = partial(Comparison.of, runs, split, arguments.metric, by_seed=arguments.by_seed, titles=titles)
    only: str | None = getattr(arguments, "only", None)
    if only is None:
        return compare()

    missed: dict[Path, list[set[str]]] = {}  # of each list, by each run, which may be a fold

    def read(run: RunRecord, split: str) -> Evaluation | None:
        evaluation = run.evaluation(split)
        if evaluation is None:
            return None
        images = images_of(run, only)
        missed.setdefault(images.path, []).append(set(images.without(evaluation.ids)))
        return listed_part(evaluation, images)

    comparison = compare(read=read)
    elsewhere = sorted({line for by_run in missed.values() for line in set.intersection(*by_run)})
    if elsewhere and titles is None:  # of another split, or mistyped; said once
        left = f"{number(len(elsewhere), 'line')} of {Path(only).name} named no image scored on {split}"
        print_text(f"segcore: {left}: {listed(elsewhere, 3)}.", file=sys.stderr)
    named = f", only {Path(only).name}"
    return replace(comparison, pools=tuple(replace(pool, suffix=pool.suffix + named) for pool in comparison.pools))


def sibling_ids(arguments: argparse.Namespace) -> list[str]:
    """Ids of all runs in the folder of runs, which decide the colours in the app; empty without that folder."""
    from segcore.runs import RunStore

    return [run.id for run in RunStore(arguments.runs).read()[0]] if Path(arguments.runs).is_dir() else []


def at_speed(comparison: Comparison, arguments: argparse.Namespace) -> Comparison:
    """The comparison of the runs that predict `--min-fps`; the others are named on standard error.

    Raises:
        ReportError: when it is no number above 0; when there are none, with how fast the fastest is or how to measure.
    """
    from segcore.evaluation.comparison.costs import FPS, has_speed, speed_note
    from segcore.evaluation.comparison.rows import SpeedChoice
    from segcore.runs.cli_hints import profile_command
    from segcore.runs.split_variant import SplitVariant

    least = arguments.min_fps
    if not 0 < least < math.inf:
        raise ReportError(f"--min-fps is {least:g}; expected frames a second, above 0.")
    variant = SplitVariant.parse(comparison.split)
    if not has_speed(variant):
        raise ReportError(
            f"--min-fps: no speed is measured of {comparison.split}, where several predictions decide each picture. "
            f"Leave it out, or choose --split {variant.split}."
        )
    choice = SpeedChoice.of(comparison.rows, least)
    paths = {run.id: run.path for run in comparison.runs}
    measure = [profile_command(paths[row.id], comparison.split) for row in choice.unmeasured if row.pool >= 0]
    how = f" Measure: {'; '.join(measure[:3])}" if measure else ""
    if not any(row.pool >= 0 for row in choice.fast):
        if not choice.slow:
            raise ReportError(f"No run's speed is known for {comparison.split}.{how}")
        best = max(choice.slow, key=lambda row: row.cost[FPS])
        raise ReportError(
            f"No run predicts {least:g} frames/s; the fastest, {best.title}, predicts {best.cost[FPS]:.1f}. "
            f"{comparison.costs[FPS].help}{how}"
        )
    for rows, why in ((choice.slow, f"slower than {least:g} frames/s"), (choice.unmeasured, "speed not measured")):
        if rows:
            print_text(f"segcore: left out, {why}: {', '.join(row.title for row in rows)}", file=sys.stderr)
    for note in filter(None, (how.strip(), speed_note(comparison.costs[FPS]))):
        print_text(f"segcore: {note}", file=sys.stderr)
    kept = {run_id for row in choice.fast for run_id in row.runs}
    runs = [run for run in comparison.runs if run.id in kept]
    return _compare(arguments, runs, comparison.split, comparison.titles)


def print_leaderboard(arguments: argparse.Namespace) -> int:
    """Print the table, or write it to `--out`."""
    from segcore.report import leaderboard
    from segcore.report.atomic_output import new_file

    columns = arguments.columns
    if columns not in (None, "all"):
        columns = [name for name in columns.replace(",", " ").split() if name]
    comparison = compared(arguments)
    if arguments.min_fps is not None:
        comparison = at_speed(comparison, arguments)
    text = leaderboard.FORMATS[arguments.format](comparison, arguments.sort, columns)
    if arguments.out is None:
        print_text(text, end="")
        return 0
    with new_file(arguments.out, leaderboard.MARKS[arguments.format]) as path:
        path.write_text(text, "utf-8")
    print_text(arguments.out)
    return 0
