"""A search: trials of several folds each, one after another, until there are as many as wanted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import stdev
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from segcore import data
from segcore.data.split import GAP
from segcore.errors import ConfigError, DatasetError, RunError, SegcoreError, TrainingError
from segcore.runs import RunStore, RunWriter
from segcore.runs.search import INFO, SearchedData, SearchInfo, SearchRecord, SearchStore, load_search, run_prefix
from segcore.training.provenance import now, versions
from segcore.training.search.console import SearchReporter, words
from segcore.training.search.search_space import Space, combinations
from segcore.training.search.study import (
    FoldScore,
    Sampler,
    Study,
    Trial,
    open_study,
)
from segcore.training.search.study_storage import storage_errors, storage_name

if TYPE_CHECKING:
    from segcore.training.engine import Session

IN_A_ROW = 5  # failures that end a search: what fails them all is not what is searched


@dataclass(frozen=True)
class SearchPlan:
    """What `segcore search` is asked for.

    Args:
        space: What is searched beside which recipe.
        trials: Wanted in all, those of other processes and of earlier sittings included.
        folds: Parts of the training set; each validates once a trial.
        name: Of the search; one of the same name is continued.
        out: Folder of runs, in which `searches/<name>` is.
        storage: A file or a database's URL for the study; None is a file in the search's folder.
        sampler: `tpe`, `random` or `grid`.
        seed: Of the sampler. The trainings have the recipe's.
        resume: Only continue a search, never begin one.
        prune: Stop trials that fall behind; see `Study`.
    """

    space: Space
    trials: int
    folds: int
    name: str
    out: str = "checkpoints"
    storage: str | None = None
    sampler: Sampler = "tpe"
    seed: int = 0
    resume: bool = False
    prune: bool = True


@dataclass
class _Watch:
    """Sees the epochs of one fold, and stops it when the trial is hopeless."""

    study: Study
    trial: Trial
    fold: int
    epochs: int
    reporter: SearchReporter
    curve: list[float | None] = field(default_factory=list)
    pruned: bool = False
    error: Exception | None = None

    def __call__(self, row: Mapping[str, Any]) -> bool:
        value = row["val_miou"]
        self.curve.append(None if value is None or math.isnan(value) else float(value))
        folds = self.study.info.folds
        self.reporter.at(self.trial.number, self.fold, folds, len(self.curve), self.epochs)
        try:
            self.study.report(self.trial, self.fold, self.curve)
            last = self.fold == folds - 1 and len(self.curve) == self.epochs
            self.pruned = not last and self.study.is_hopeless(self.trial)
        except Exception as error:  # of the storage: it ends the search, and is no failure of the training
            self.error = error
            return False
        return not self.pruned


def search(plan: SearchPlan, session: Session | None = None) -> SearchRecord:
    """Search until there are as many trials as wanted; test images are neither predicted nor scored.

    The value of a fold is its best epoch's validation mIoU, that of a trial the mean over its folds. Ctrl-C puts the
    trial back: the folds that it finished are kept, and the same command goes on.

    Args:
        plan: What is asked for.
        session: What trains; its reporter is a `SearchReporter`.

    Returns:
        The search as its files have it.

    Raises:
        ConfigError: when the plan can't be, or continues another search.
        DatasetError: when the data can't be cut into so many folds.
        TrainingError: when the storage fails, or one trial after another does.
        KeyboardInterrupt: on Ctrl-C, after everything is stored and told.
    """
    if session is None:
        from segcore.training.engine import Session

        session = Session(SearchReporter())
    with begun(plan, session) as (study, reporter), session.working():
        _run(study, session, reporter)
    return study.writer.record()


@contextmanager
def begun(plan: SearchPlan, session: Session) -> Iterator[tuple[Study, SearchReporter]]:
    """Check everything that can be known before the first trial, open the study, and tell; at the end, tell the trials.

    Args:
        plan: What is asked for.
        session: What trains, or only checks.

    Raises:
        ConfigError: when the plan can't be, or continues another search.
        DatasetError: when the data can't be cut into so many folds.
        TrainingError: when the storage fails.
    """
    reporter = session.reporter
    assert isinstance(reporter, SearchReporter)
    name = storage_name(plan.storage)
    wanted = min(plan.trials, len(combinations(plan.space))) if plan.sampler == "grid" else plan.trials
    writer = SearchStore(plan.out).create(plan.name)
    dataset = _check(plan, session, RunWriter(writer.path))
    info = SearchInfo(
        name=writer.path.name,
        created=now(),
        folds=plan.folds,
        base=dict(plan.space.base),
        space=plan.space.plain(),
        dataset=SearchedData(name=dataset.name, source=dataset.source, fingerprint=dataset.fingerprint),
        sampler=plan.sampler,
        seed=plan.seed,
        storage=name,
        versions={**versions(), "optuna": version("optuna")},
        trials_wanted=wanted,
    )
    if (writer.path / INFO).exists():
        before = load_search(writer.path).info
        if before.storage != name:
            raise ConfigError(
                f"The study of the search {info.name!r} is in {before.storage}, not in {name}. Go on with it there "
                "(--storage), or choose another --name."
            )
        info = info.model_copy(update={"created": before.created})
    elif plan.resume:
        raise RunError(f"There is no search {info.name!r} to resume in {writer.path.parent}. Leave --resume out.")
    with storage_errors(name):
        study = open_study(writer, info, plan.space, plan.storage, prune=plan.prune)
        try:
            _opening(study, dataset, reporter)
            yield study, reporter
        finally:
            study.worker.close()
            reporter.ending(writer.record())


def _check(plan: SearchPlan, session: Session, writer: RunWriter) -> data.Dataset:
    """Everything that can be known before the first trial."""
    config = plan.space.config(plan.space.example, folds=plan.folds)
    if session.world(config).size > 1:
        raise ConfigError(
            "A search trains each trial in one process. Start the same command several times instead: the processes "
            "share the trials."
        )
    tasks = config.tasks()
    dataset = session.job(tasks[0], writer).dataset
    encoders = plan.space.params.get("encoder")
    for name in encoders.grid or () if encoders else ():  # the one choice that building a config does not check
        session.job(tasks[0].model_copy(update={"encoder": name}), writer)
    for task in tasks:
        data.plan_split(
            dataset, method=task.split, copies=task.copies, seed=task.seed, folds=task.folds, fold=task.fold
        )
    return dataset


def _opening(study: Study, dataset: data.Dataset, reporter: SearchReporter) -> None:
    info = study.info
    first = study.space.config(study.space.example, folds=info.folds, fold=0)
    plan = data.plan_split(dataset, method=first.split, seed=first.seed, folds=info.folds, fold=0)
    by_time = first.split == "block" or (first.split == "auto" and dataset.video)
    how = f"by blocks of time, {GAP} frames beside the one that validates left out" if by_time else "at random"
    lines = {
        "search": f"{study.writer.path}, study in {info.storage}",
        "data": f"{dataset.name} ({dataset.source})",
        "folds": f"{info.folds} of the {len(dataset.frames('train'))} training images, {how}",
        "space": "; ".join(f"{name} {_range_words(value)}" for name, value in info.space.items()),
        "base": words(info.base) or "the defaults of train.py",
        "trials": f"{study.info.trials_wanted} by {info.sampler}" + (f", {study.done} are done" if study.done else ""),
    }
    reporter.opening(lines, (*dataset.notes, *plan.warnings))
    reporter.trials(study.done, study.info.trials_wanted)


def _range_words(value: object) -> str:
    if isinstance(value, dict):
        step = f" by {value['step']}" if "step" in value else ", log" if value.get("log") else ""
        return f"{value['low']} to {value['high']}{step}"
    assert isinstance(value, list)
    return ", ".join(map(str, value))


def _run(study: Study, session: Session, reporter: SearchReporter) -> None:
    """Trials until there are enough."""
    failures = 0
    while not session.stop.asked and (trial := study.take()):
        started = time.perf_counter()
        try:
            _train(study, trial, session, reporter)
        except (KeyboardInterrupt, DatasetError, OSError):  # nothing that the trial's settings decide
            study.put_back(trial)
            reporter.tell(f"Interrupted in trial {trial.number}; the same command goes on.")
            raise
        except SegcoreError as error:
            study.fail(trial, str(error), round(time.perf_counter() - started, 3))
            reporter.tell(f"[red]trial {trial.number} failed[/]: {escape(f'{error} ({_words(study, trial)})')}")
            failures += not isinstance(error, ConfigError)  # settings that don't go together say nothing of the others
            if failures == IN_A_ROW:
                raise TrainingError(
                    f"{IN_A_ROW} trials in a row failed, so the search stops. The last: {error}"
                ) from None
        else:
            failures = 0
        reporter.trials(study.done, study.info.trials_wanted)
    if session.stop.asked:
        raise KeyboardInterrupt


def _train(study: Study, trial: Trial, session: Session, reporter: SearchReporter) -> None:
    """Train a trial fold by fold, to the end or until it is pruned.

    Raises:
        SegcoreError: when its settings can't be trained.
        KeyboardInterrupt: on Ctrl-C.
    """
    folds, number = study.info.folds, trial.number
    tasks = study.space.config(trial.drawn, folds=folds, name=run_prefix(number), out=str(study.runs)).tasks()
    with reporter.trial(number, study.space.shown(trial.drawn), epochs=folds * tasks[0].epochs):
        for fold, task in enumerate(tasks):
            if fold in trial.folds:
                continue
            if session.stop.asked:
                raise KeyboardInterrupt
            reporter.at(number, fold, folds, 0, task.epochs)
            watch = _Watch(study, trial, fold, task.epochs, reporter)
            started = time.perf_counter()
            run = session.run(task, RunStore(study.runs).create(task.run_name("")), on_epoch=watch, splits=())
            seconds = round(time.perf_counter() - started, 3)
            if watch.error:
                raise watch.error
            if watch.pruned:
                study.prune(trial, seconds)
                reporter.tell(f"trial {number}: pruned in fold {fold + 1} of {folds}, {escape(_words(study, trial))}")
                return
            if run.summary.status == "interrupted":
                raise KeyboardInterrupt
            if run.summary.status == "failed":
                raise TrainingError(str(run.summary.error))
            study.end_fold(trial, fold, FoldScore(tuple(watch.curve), seconds, run.id))
    best = study.complete(trial)
    scores = [score.value or 0.0 for score in trial.folds.values()]
    each = ", ".join(f"{score:.3f}" for score in scores)
    mark = " *" if best else "  "
    reporter.tell(
        f"trial {number}: {trial.value:.3f}{mark} ± {stdev(scores):.3f} ({each}), {escape(_words(study, trial))}"
    )


def _words(study: Study, trial: Trial) -> str:
    return words(study.space.shown(trial.drawn))
