"""`segcore evaluate`: score a run on a split, and store what it predicts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Unpack

from segcore.cli.arguments import (
    Commands,
    add_backend_arguments,
    add_only,
    add_run_arguments,
    predictor_options,
    run_from,
)
from segcore.cli.score_table import print_scores
from segcore.errors import EvaluationError, number, unknown
from segcore.paths import path_text
from segcore.terminal import print_text

if TYPE_CHECKING:
    from segcore.data import Dataset
    from segcore.evaluation.predictor import PredictorOptions
    from segcore.runs import RunRecord, ScoreInfo


def add_evaluate(commands: Commands) -> None:
    """Add the command `segcore evaluate`."""
    parser = commands.add_parser("evaluate", help="score a run on a split, and store what it predicts")
    add_run_arguments(parser)
    parser.add_argument(
        "--data", type=path_text, metavar="SOURCE", help="a folder, a zip, or drive (default: what it was trained on)"
    )
    parser.add_argument("--split", default="test", help="train, val or test (default: test)")
    parser.add_argument(
        "--with",
        type=path_text,
        dest="others",
        action="extend",
        nargs="+",
        default=[],
        metavar="RUN",
        help="more runs of the same data and classes: the mean of their softmax, or their vote where one has no "
        "probabilities, is scored and stored as a run of its own beside the first, which the app and all other "
        "commands know",
    )
    parser.add_argument("--name", help="what that run is called (default: ensemble-RUN_RUN2)")
    add_only(parser)
    add_backend_arguments(parser)
    parser.set_defaults(run=evaluate_run)


def evaluate_run(arguments: argparse.Namespace) -> int:
    """Score a run under the labels it was trained with, and print the scores.

    On the data it was trained on, `train` and `val` are those of the run's training, so no training image is in `val`.
    Predictions of another backend, precision, augmentation or window are stored separately, e.g. as `test+flip`.
    """
    from segcore.runs.split_variant import SplitVariant

    if arguments.name and not arguments.others:
        raise EvaluationError("--name is what an ensemble is called; it needs --with RUN.")
    run = run_from(arguments)
    if arguments.only is not None:
        return _print_listed(run, arguments)
    if "+" in arguments.split:
        raise EvaluationError(
            f"{arguments.split!r} is the name of stored results; expected a split. Make them again with --split "
            f"{SplitVariant.parse(arguments.split).split} and --backend, --precision, --tta or --window."
        )
    options = predictor_options(arguments)
    if not arguments.others:
        return evaluate_and_print(run, arguments.split, arguments.data, **options)
    from segcore.runs import find_run

    with _ensemble([run, *(find_run(wanted, arguments.runs) for wanted in arguments.others)], arguments.name) as made:
        return evaluate_and_print(made, arguments.split, arguments.data, **options)


def _print_listed(run: RunRecord, arguments: argparse.Namespace) -> int:
    """Print the scores of the images that `--only` lists, from what is stored; the plain split is evaluated first.

    Raises:
        EvaluationError: when another option asks for predictions of its own, or a variant of the split is not stored.
    """
    from segcore.runs import ScoreInfo, load_run
    from segcore.runs.listed_images import images_of, listed_part

    images, split = images_of(run, arguments.only), arguments.split
    defaults = {"data": None, "tta": None, "window": None, "backend": "auto", "precision": "auto"}
    changed = (
        ["with"] if arguments.others else [name for name in defaults if getattr(arguments, name) != defaults[name]]
    )
    if changed:
        raise EvaluationError(
            f"--only scores what is stored, and --{changed[0]} makes other predictions. Make them "
            f"without --only, then name them: --split NAME --only {arguments.only}, with NAME one of "
            f"{', '.join(run.splits) or split}."
        )
    stored = run.evaluation(split)
    if stored is None:
        if "+" in split:
            raise EvaluationError(unknown("stored evaluation", split, run.splits))
        evaluate_and_print(run, split, **predictor_options(arguments))
        stored = load_run(run.path).evaluation(split)
        assert stored is not None
    part = listed_part(stored, images)
    what = (
        f"{images.title}: {len(part.ids)} of {number(len(stored.ids), 'image')} of {run.summary.dataset.name} {split}"
    )
    print_scores(run, what, ScoreInfo.from_counts(part.total, run.labels), part)
    return 0


@contextmanager
def _ensemble(runs: Sequence[RunRecord], name: str | None) -> Iterator[RunRecord]:
    """Open or make the ensemble of several runs, beside the first of them; a new one without scores is removed.

    Raises:
        EvaluationError: when the runs can't be combined, or another run has the name.
        RunError: when nothing is left of the name.
    """
    from segcore.runs import load_run, run_files
    from segcore.runs.ensemble import check_members, default_name, ensemble_summary, how_combined, same_members
    from segcore.runs.provenance import now, origin, versions
    from segcore.runs.run_store import new_run

    check_members(runs)
    for note in how_combined(runs):
        print_text(note)
    path = run_files.folder_of(runs[0].path.parent, name or default_name(runs), "run")
    made = not path.exists()
    if made:
        summary, config = ensemble_summary(path, runs, created=now(), versions=versions(), **origin())
        with new_run(path) as writer:
            writer.write_config(config)
            writer.write_summary(summary)
    ensemble = load_run(path)
    if not same_members(ensemble, runs):
        raise EvaluationError(f"{path} is another run already. Choose another name for the ensemble: --name NAME.")
    with removed_without_scores(ensemble) if made else nullcontext():
        yield ensemble
    if made:
        print_text(f"{ensemble.title}: stored as a run of its own in {path}.")


@contextmanager
def removed_without_scores(run: RunRecord) -> Iterator[None]:
    """Remove a new run whose first evaluation in this block fails."""
    import shutil

    try:
        yield
    except BaseException:
        if not run.splits:
            shutil.rmtree(run.path, ignore_errors=True)
        raise


def evaluate_and_print(run: RunRecord, split: str, data: str | None = None, **options: Unpack[PredictorOptions]) -> int:
    """Score a run on a split, store what it predicts, and print the scores.

    Args:
        run: The run.
        split: `train`, `val` or `test`.
        data: A folder, a zip or `drive`; None for the data of the run.
        options: As for `Predictor`.
    """
    from rich.progress import Progress

    from segcore.evaluation import evaluate, open_predictor
    from segcore.runs import ScoreInfo
    from segcore.runs.reproduce import add_leaks, open_data
    from segcore.runs.run_lock import check_free, writing
    from segcore.runs.temperature import after_evaluation
    from segcore.text_console import TextConsole

    check_free(run.path)
    dataset = open_data(run, data)
    same = dataset.fingerprint == run.summary.dataset.fingerprint
    ids = _own_ids(run, dataset, split) if same else dataset.split(split).ids
    # Scores on other data must not take the place of the run's own on its leaderboard.
    # Two datasets may be called the same, and what follows a plus is read as a variant.
    base = split if same else f"{dataset.name.replace('+', '_')}-{dataset.fingerprint[:6]}-{split}"
    predictor = open_predictor(run, stored=True, **options)
    name = str(predictor.stored_as(base))
    with (
        writing(run.path, f"evaluates it on {name}"),
        Progress(console=TextConsole(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task(f"{run.id} on {name}", total=len(ids))
        evaluation = evaluate(
            run,
            dataset,
            ids,
            split=name,
            predictor=predictor,
            progress=lambda done, total: bar.update(task, completed=done),
        )
        scores = ScoreInfo.from_counts(evaluation.total, run.labels)
        covered = same and split in ("val", "test")
        leaks = add_leaks(run, dataset).dataset.leaks if covered else None
        if covered and not predictor.variant:
            _store(run, split, scores, leaks, dataset.stated)
    print_scores(run, f"{dataset.name} {split}, {number(len(ids), 'image')}", scores, evaluation)
    report = run.leak_report(dataset.source) if covered else None
    leak = report.sentence(split) if report else (leaks or {}).get(split)
    if leak:
        print_text(leak)
    for text in after_evaluation(run, name):
        print_text(text)
    for note in predictor.notes:
        print_text(f"segcore: {note}", file=sys.stderr)
    if predictor.variant:
        print_text(
            f"Not the plain prediction: stored as {name} in {evaluation.path}. The scores of {base} stay as they are."
        )
    if not same:
        print_text(f"This is not the data of the run; stored beside its own scores in {evaluation.path}.")
    return 0


def _store(run: RunRecord, split: str, scores: ScoreInfo, leaks: dict[str, str] | None, video: bool | None) -> None:
    """Write scores into the run's summary, read anew: another split may have been scored meanwhile."""
    from segcore.runs import RunWriter, load_run

    now = load_run(run.path).summary
    dataset = now.dataset.model_copy(
        update={
            "leaks": leaks if now.dataset.leaks is None else now.dataset.leaks,
            "video": now.dataset.video if video is None else video,
        }
    )
    RunWriter(run.path).write_summary(now.model_copy(update={"dataset": dataset, split: scores}))


def _own_ids(run: RunRecord, dataset: Dataset, split: str) -> tuple[str, ...]:
    """Ids of a split's images; validation images are those of the run's own split.

    Raises:
        EvaluationError: when there is no such split, or it scores nothing of an ensemble.
    """
    from segcore.data import SPLITS
    from segcore.runs.ensemble import SEVERAL
    from segcore.runs.reproduce import recreate_plan

    if split not in SPLITS:
        raise EvaluationError(unknown("split", split, SPLITS))
    if split != "test" and run.summary.dataset.split == SEVERAL:
        raise EvaluationError(
            f"The members of {run.id!r} don't share their {split} images of {dataset.name}: what validates one of them "
            f"trained another, so {split} scores nothing of them together. Evaluate --split test."
        )
    if split == "val" and not run.summary.dataset.validates:
        raise EvaluationError(
            f"Run {run.id!r} was trained on the validation images too (--split all), so nothing validates it. Evaluate "
            "--split test."
        )
    return dataset.split(split).ids if split == "test" else recreate_plan(run, dataset).scored(split)
