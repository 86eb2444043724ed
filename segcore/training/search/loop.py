"""Runs a search: trains one trial after another, each on several folds, until there are as many as wanted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from segcore import data
from segcore.data.split import GAP
from segcore.errors import ConfigError, DatasetError, RunError, SegcoreError, TrainingError
from segcore.runs import RunStore
from segcore.runs.provenance import now, versions
from segcore.runs.search import INFO, SearchedData, SearchInfo, SearchRecord, SearchStore, load_search, run_prefix
from segcore.training.search.console import SearchReporter, complete_line, words
from segcore.training.search.search_space import Space, combinations
from segcore.training.search.study import FoldScore, Sampler, Study, Trial, open_study
from segcore.training.search.study_storage import storage_errors, storage_name

if TYPE_CHECKING:
    from segcore.training.config import TrainConfig
    from segcore.training.session import Session

MAX_FAILURES = 5  # failed trials in a row that end a search; their common cause is not a searched setting


@dataclass(frozen=True)
class SearchPlan:
    """The arguments of `segcore search`.

    Args:
        space: The base recipe and the searched settings.
        trials: Number of trials in total, including those of other processes and of earlier runs of the command.
        folds: Parts of the training set; each part is the validation set once per trial.
        name: Name of the search; an existing search of this name is continued.
        out: Folder of runs; the search is in its `searches/<name>`.
        storage: A file or a database URL for the study; None uses a file in the search's folder.
        sampler: `tpe`, `random` or `grid`.
        seed: Seed of the sampler; the trainings use the recipe's seed.
        resume: Only continue a search, never start one.
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
class _FoldWatcher:
    """Reports the epochs of one fold to the study, and stops the fold when the trial is hopeless."""

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
        self.reporter.position(self.trial.number, self.fold, folds, len(self.curve), self.epochs)
        try:
            self.study.report(self.trial, self.fold, self.curve)
            last = self.fold == folds - 1 and len(self.curve) == self.epochs
            self.pruned = not last and self.study.is_hopeless(self.trial)
        except Exception as error:  # an error of the storage ends the search; the training did not fail
            self.error = error
            return False
        return not self.pruned


def search(plan: SearchPlan, session: Session | None = None) -> SearchRecord:
    """Search until there are as many trials as wanted. Test images are never used.

    The value of a fold is the validation mIoU of its best epoch; the value of a trial is the mean over its folds. After
    Ctrl-C, the trial is enqueued again with its finished folds, and the same command continues the search.

    Args:
        plan: The arguments of the search.
        session: Trains the folds; its reporter is a `SearchReporter`. None creates one.

    Returns:
        The search, read from its files.

    Raises:
        ConfigError: when the plan is invalid, or the study belongs to another search.
        DatasetError: when the data can't be split into this number of folds.
        TrainingError: when the storage fails, or `MAX_FAILURES` trials in a row fail.
        KeyboardInterrupt: on Ctrl-C, after everything is stored and printed.
    """
    if session is None:
        from segcore.training.session import Session

        session = Session(SearchReporter())
    with opened(plan, session) as (study, reporter), session.working():
        _run(study, session, reporter)
    return study.writer.record()


@contextmanager
def opened(plan: SearchPlan, session: Session) -> Iterator[tuple[Study, SearchReporter]]:
    """Check the plan, open its study, and print both; print the table of trials when the block ends.

    Raises:
        SegcoreError: as `search` does, before the first trial.
    """
    reporter = session.reporter
    assert isinstance(reporter, SearchReporter)
    name = storage_name(plan.storage)
    wanted = min(plan.trials, len(combinations(plan.space))) if plan.sampler == "grid" else plan.trials
    writer = SearchStore(plan.out).create(plan.name)
    dataset = _check(plan, session)
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
        previous = load_search(writer.path).info
        if previous.storage != name:
            raise ConfigError(
                f"The study of the search {info.name!r} is in {previous.storage}, not in {name}. Go on with it there "
                "(--storage), or choose another --name."
            )
        info = info.model_copy(update={"created": previous.created})
    elif plan.resume:
        raise RunError(f"There is no search {info.name!r} to resume in {writer.path.parent}. Leave --resume out.")
    with storage_errors(name):
        study = open_study(writer, info, plan.space, plan.storage, prune=plan.prune)
        try:
            _print_opening(study, dataset, reporter)
            yield study, reporter
        finally:
            study.worker.close()
            reporter.ending(writer.record())


def _check(plan: SearchPlan, session: Session) -> data.Dataset:
    """Check the data, the folds and every encoder before the first trial; returns the open dataset."""
    config = plan.space.config(plan.space.example, folds=plan.folds)
    if session.world(config).size > 1:
        raise ConfigError(
            "A search trains each trial in one process. Start the same command several times instead: the processes "
            "share the trials."
        )
    tasks = config.tasks()
    dataset = session.prepare(tasks[0]).dataset
    encoders = plan.space.params.get("encoder")
    for name in encoders.grid or () if encoders else ():  # the only choice that `build` does not check
        session.prepare(tasks[0].model_copy(update={"encoder": name}))
    for task in tasks:
        data.plan_split(
            dataset, method=task.split, copies=task.copies, seed=task.plan_seed, folds=task.folds, fold=task.fold
        )
    return dataset


def _print_opening(study: Study, dataset: data.Dataset, reporter: SearchReporter) -> None:
    """Print what is searched on which data."""
    info = study.info
    first = study.space.config(study.space.example, folds=info.folds, fold=0)
    plan = data.plan_split(dataset, method=first.split, seed=first.plan_seed, folds=info.folds, fold=0)
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
    """Train trials until there are as many as wanted."""
    failures, timed = 0, False
    while not session.stop.requested and (trial := study.take()):
        started = time.perf_counter()
        try:
            tasks = _tasks(study, trial)
            if not timed:
                reporter.estimates(session.estimates(tasks))
            timed = True
            _train(study, trial, tasks, session, reporter)
        except (KeyboardInterrupt, DatasetError, OSError):  # not caused by the trial's settings
            study.put_back(trial)
            reporter.say_search(f"Interrupted in trial {trial.number}; the same command goes on.")
            raise
        except SegcoreError as error:
            study.fail(trial, str(error), round(time.perf_counter() - started, 3))
            settings = words(study.space.shown(trial.drawn))
            reporter.say_search(f"[red]trial {trial.number} failed[/]: {escape(f'{error} ({settings})')}")
            failures += not isinstance(error, ConfigError)  # a contradiction concerns this trial alone
            if failures == MAX_FAILURES:
                raise TrainingError(
                    f"{MAX_FAILURES} trials in a row failed, so the search stops. The last: {error}"
                ) from None
        else:
            failures = 0
        reporter.trials(study.done, study.info.trials_wanted)
    if session.stop.requested:
        raise KeyboardInterrupt


def _tasks(study: Study, trial: Trial) -> list[TrainConfig]:
    """The trainings of a trial, one for each fold.

    Raises:
        ConfigError: when its settings contradict each other.
    """
    name, runs = run_prefix(trial.number), str(study.runs)
    return study.space.config(trial.drawn, folds=study.info.folds, name=name, out=runs).tasks()


def _train(study: Study, trial: Trial, tasks: list[TrainConfig], session: Session, reporter: SearchReporter) -> None:
    """Train a trial fold by fold, to the end or until it is pruned.

    Raises:
        SegcoreError: when its settings can't be trained.
        KeyboardInterrupt: on Ctrl-C.
    """
    folds, number, settings = study.info.folds, trial.number, escape(words(study.space.shown(trial.drawn)))
    with reporter.trial(number, study.space.shown(trial.drawn), epochs=folds * tasks[0].epochs):
        for fold, task in enumerate(tasks):
            if fold in trial.folds:
                continue
            if session.stop.requested:
                raise KeyboardInterrupt
            reporter.position(number, fold, folds, 0, task.epochs)
            watcher = _FoldWatcher(study, trial, fold, task.epochs, reporter)
            started = time.perf_counter()
            run = session.run(task, RunStore(study.runs).create(task.run_name("")), on_epoch=watcher, splits=())
            seconds = round(time.perf_counter() - started, 3)
            if watcher.error:
                raise watcher.error
            if watcher.pruned:
                study.prune(trial, seconds)
                reporter.say_search(f"trial {number}: pruned in fold {fold + 1} of {folds}, {settings}")
                return
            if run.summary.status == "interrupted":
                raise KeyboardInterrupt
            if run.summary.status == "failed":
                raise TrainingError(str(run.summary.error))
            study.end_fold(trial, fold, FoldScore(tuple(watcher.curve), seconds, run.id))
    best = study.complete(trial)
    scores = [score.value or 0.0 for score in trial.folds.values()]
    reporter.say_search(complete_line(number, scores, settings, best=best))
