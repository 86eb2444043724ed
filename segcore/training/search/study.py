"""The study of a search: draws trials, stores their scores, and writes the search's files from them.

All state is in Optuna's storage, so that several processes can share it, and a killed process loses at most the fold
that it was training. The files are written from the storage, under the search's lock.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import statistics
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from segcore.errors import ConfigError, listed
from segcore.runs import run_files
from segcore.runs.search import BEST, JOURNAL, SearchInfo, SearchWriter, run_prefix
from segcore.training.search.search_space import Choice, Space, Value, combinations
from segcore.training.search.study_storage import open_storage, storage_errors
from segcore.training.search.study_table import (
    STATES,
    FoldScore,
    best_of,
    best_recipe,
    fold_scores,
    fold_values,
    table_row,
)
from segcore.training.search.worker_liveness import Worker

Sampler = Literal["tpe", "random", "grid"]
SAMPLERS: Mapping[str, str] = {
    "tpe": "learns from the trials so far (tree-structured Parzen estimator, Bergstra et al. 2011)",
    "random": "draws every trial anew",
    "grid": "every combination once, in a random order",
}
STARTUP = 5  # complete trials before any trial is pruned
_DRAW = "draw"  # a trial's attribute: which of the draws its settings are
RETRIES = 2  # retries of a trial whose process was killed; the trial may be the cause
MIN_TRIALS = 8  # complete trials before importance is estimated
_IDENTITY = "segcore"  # the study's attribute that stores which search it belongs to


@dataclass
class Trial:
    """A trial that this process trains.

    Args:
        handle: Optuna's trial.
        drawn: The drawn number or name of each searched setting.
        folds: Scores of the finished folds.
    """

    handle: optuna.Trial
    drawn: dict[str, Value]
    folds: dict[int, FoldScore]

    @property
    def number(self) -> int:
        """Number of the trial, from 0."""
        return self.handle.number

    @property
    def value(self) -> float:
        """Mean validation mIoU over the finished folds."""
        return statistics.fmean(fold_values(self.folds))


class Study:
    """The trials of one search.

    Optuna's `MedianPruner` prunes trials: after `STARTUP` complete trials and a third of the first fold's epochs, a
    trial stops when its value is below the median of the complete trials at the same fold and epoch. The value is
    reported at step fold * epochs + epoch. It is the sum of the best scores of the folds so far, divided by the number
    of folds. It never falls, so a hard fold is only compared with the same hard fold.

    Args:
        study: Optuna's study.
        writer: Writes the search's folder.
        info: The search.
        space: The searched settings.
        worker: Marks the trials of this process.
    """

    def __init__(
        self, study: optuna.Study, writer: SearchWriter, info: SearchInfo, space: Space, worker: Worker
    ) -> None:
        self.optuna, self.writer, self.info, self.space, self.worker = study, writer, info, space, worker
        self.runs = writer.path / "runs"

    def take(self) -> Trial | None:
        """Draw the next trial; None when there are as many as wanted, including those that other processes train.

        A trial whose process was killed is marked as failed and enqueued again with its finished folds.
        """
        with self.writer.locked():
            for running in self._trials(TrialState.RUNNING):
                if self._is_dead(running):
                    self._put_back(running, killed=True)
            trial = None
            if self.done + len(self._trials(TrialState.RUNNING)) < self.info.trials_wanted:
                draw = self._prepare()
                handle = self.optuna.ask(_distributions(self.space))
                handle.set_user_attr(_DRAW, handle.user_attrs.get(_DRAW, draw))  # one that is tried again has it
                trial = self._begin(handle)
            self._write()
        return trial

    @property
    def done(self) -> int:
        """Number of trials that are complete, pruned or failed, without those that are enqueued again."""
        ended = self._trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return sum("interrupted" not in trial.user_attrs for trial in ended)

    def report(self, trial: Trial, fold: int, curve: Sequence[float | None]) -> None:
        """Report the epochs of a fold so far to Optuna."""
        self._report(trial, fold, curve)
        self.write()

    def _report(self, trial: Trial, fold: int, curve: Sequence[float | None]) -> None:
        best = best_of(curve)
        if best is not None:
            finished = {other: score for other, score in trial.folds.items() if other < fold}
            value = (sum(fold_values(finished)) + best) / self.info.folds
            trial.handle.report(value, fold * self.space.most_epochs + len(curve) - 1)

    def is_hopeless(self, trial: Trial) -> bool:
        """Whether the pruner stops the trial now."""
        return trial.handle.should_prune()

    def end_fold(self, trial: Trial, fold: int, score: FoldScore) -> None:
        """Store the score of a finished fold."""
        trial.folds[fold] = score
        trial.handle.set_user_attr(f"fold_{fold}", asdict(score))
        self.write()

    def complete(self, trial: Trial) -> bool:
        """End a trial whose folds are all finished; returns whether it is the best trial so far."""
        with self.writer.locked():
            self.optuna.tell(trial.handle, trial.value)
            self._write(ended=True)
            best = self.best
            return best is not None and best.number == trial.number

    def prune(self, trial: Trial, seconds: float) -> None:
        """End a trial that was pruned after `seconds` of a fold."""
        with self.writer.locked():
            trial.handle.set_user_attr("seconds", seconds)
            self.optuna.tell(trial.handle, state=TrialState.PRUNED)
            self._write(ended=True)

    def fail(self, trial: Trial, reason: str, seconds: float) -> None:
        """End a trial that could not be trained."""
        with self.writer.locked():
            trial.handle.set_user_attr("seconds", seconds)
            trial.handle.set_user_attr("failed", reason)
            self.optuna.tell(trial.handle, state=TrialState.FAIL)
            self._write(ended=True)

    def put_back(self, trial: Trial) -> None:
        """Mark an interrupted trial as failed, and enqueue it again with its finished folds."""
        with self.writer.locked():
            stored = self.optuna.get_trials(deepcopy=False)[trial.number]
            if stored.state == TrialState.RUNNING:  # a second Ctrl-C may come after the trial's end
                self._put_back(stored, killed=False)
            self._write(ended=True)

    @property
    def best(self) -> FrozenTrial | None:
        """The complete trial with the highest mean; the earliest one of several equal trials."""
        complete = self._trials(TrialState.COMPLETE)
        return max(complete, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)

    def write(self) -> None:
        """Write `trials.csv`."""
        with self.writer.locked():
            self._write()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False, states=states)

    def _begin(self, handle: optuna.Trial) -> Trial:
        """Mark a trial as owned by this process, and take over the finished folds of a stopped trial."""
        handle.set_user_attr("owner", self.worker.owner)
        trial = Trial(handle, dict(handle.params), {})
        for fold, score in fold_scores(handle.user_attrs, self.info.folds).items():
            name = run_prefix(handle.number) + score.run.removeprefix(run_prefix(int(handle.user_attrs["again"])))
            if (self.runs / score.run).is_dir() and not (self.runs / name).exists():
                (self.runs / score.run).rename(self.runs / name)
                score = FoldScore(score.curve, score.seconds, name)
                handle.set_user_attr(f"fold_{fold}", asdict(score))
            for epoch in range(len(score.curve)):
                self._report(trial, fold, score.curve[: epoch + 1])
            trial.folds[fold] = score
        return trial

    def _is_dead(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get("owner")
        if owner is None:  # just drawn on a machine with another disk, or by a process that died while drawing
            if self.info.storage == JOURNAL:
                return True  # it was drawn under the lock that this process holds now
            return trial.datetime_start is None or datetime.now() - trial.datetime_start > timedelta(minutes=1)
        return not self.worker.alive(owner)

    def _put_back(self, trial: FrozenTrial, *, killed: bool) -> None:
        """End a stopped trial, delete its unfinished runs, and enqueue it again unless it was killed too often."""
        handle = optuna.Trial(self.optuna, trial._trial_id)
        retries = int(trial.user_attrs.get("retries", 0)) + killed
        finished = {name: value for name, value in trial.user_attrs.items() if re.fullmatch(r"fold_\d+", name)}
        kept = {score["run"] for score in finished.values()}
        for folder in self._folders(trial.number):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
        if retries > RETRIES:
            handle.set_user_attr("failed", f"Its process was killed {retries} times, most likely of too little memory.")
        else:
            handle.set_user_attr("interrupted", True)
        self.optuna.tell(handle, state=TrialState.FAIL)
        if retries <= RETRIES and set(trial.params) == set(self.space.params):
            again = {"again": trial.number, "retries": retries, _DRAW: _draw(trial)}
            self.optuna.enqueue_trial(trial.params, user_attrs={**finished, **again})

    def _prepare(self) -> int:
        """Set a sampler seeded by the next draw's number, which it returns: the least that no trial has.

        A trial that is enqueued again keeps its number, and one that died while it was drawn has none. A continued
        search then draws the same trials, and no two processes draw the same trial.
        """
        trials = self.optuna.get_trials(deepcopy=False)
        drawn = {_draw(trial) for trial in trials if "interrupted" not in trial.user_attrs}
        draw = next(number for number in range(len(drawn) + 1) if number not in drawn)
        seed = (self.info.seed * 1_000_003 + draw) % 2**32
        self.optuna.sampler = optuna.samplers.RandomSampler(seed)
        if self.info.sampler == "tpe":
            with quiet():  # constant_liar: avoid settings that other processes are trying
                self.optuna.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        elif self.info.sampler == "grid" and all(trial.state != TrialState.WAITING for trial in trials):
            # Optuna's GridSampler calls `Study.stop`, which raises an error outside of `Study.optimize`.
            tried = [trial.params for trial in trials]
            grid = [dict(zip(self.space.params, values, strict=True)) for values in combinations(self.space)]
            random.Random(self.info.seed).shuffle(grid)
            self.optuna.enqueue_trial(next(values for values in grid if values not in tried))
        return draw

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `trials.csv`. A stopped trial is listed under the number with which it was enqueued again."""
        return [
            table_row(trial, self.space, self.info.folds)
            for trial in self._trials(*STATES)
            if "interrupted" not in trial.user_attrs
        ]

    def _write(self, *, ended: bool = False) -> None:
        """Write the table, and after the end of a trial also the other files. The caller holds the lock."""
        rows = self.rows()
        self.writer.write_trials(self.info, rows)
        if not ended:
            return
        self.writer.write_importance(self.importance())
        best = self.best
        if best is not None:
            self.writer.write_best(best_recipe(best, rows, self.info, self.space, self.writer.path / BEST))
        for trial in self._trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
            if best is None or trial.number != best.number:
                for folder in self._folders(trial.number):
                    (folder / run_files.WEIGHTS).unlink(missing_ok=True)
                    (folder / run_files.CHECKPOINT).unlink(missing_ok=True)

    def _folders(self, number: int) -> Iterator[Path]:
        return self.runs.glob(f"{run_prefix(number)}-*")

    def importance(self) -> dict[str, float]:
        """Importance of each setting for being among the best quarter (PED-ANOVA, Watanabe et al. 2023), largest first.

        Empty with fewer than `MIN_TRIALS` complete trials, when all values are equal, or when one setting is searched.
        """
        values = [trial.value for trial in self._trials(TrialState.COMPLETE)]
        if len(values) < MIN_TRIALS or len(set(values)) < 2 or len(self.space.params) < 2:
            return {}
        with quiet():
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
            shares = optuna.importance.get_param_importances(self.optuna, evaluator=evaluator)
        return dict(sorted(shares.items(), key=lambda item: -item[1]))


def open_study(
    writer: SearchWriter, info: SearchInfo, space: Space, storage: str | None, *, prune: bool = True
) -> Study:
    """Create a study or continue it, and write `search.json`. The storage is as for `open_storage`.

    Raises:
        ConfigError: when the storage can't be opened, or is the study of another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    median = optuna.pruners.MedianPruner(STARTUP, space.most_epochs // 3, n_min_trials=3)
    identity = {"folds": info.folds, "data fingerprint": info.dataset.fingerprint, **space.identity()}
    identity = json.loads(json.dumps(identity))  # as a storage returns it
    with writer.locked(), storage_errors(info.storage):
        study = optuna.create_study(
            storage=open_storage(storage, writer.path),
            study_name=info.name,
            direction="maximize",
            load_if_exists=True,
            pruner=median if prune else optuna.pruners.NopPruner(),
        )
        stored = study.user_attrs.get(_IDENTITY)
        if stored is None and study.get_trials(deepcopy=False):
            raise ConfigError(f"The study {info.name!r} in {info.storage} is not of Segcore. Choose another --name.")
        if stored is None:
            study.set_user_attr(_IDENTITY, identity)
        elif differences := list(_differences(stored, identity)):
            raise ConfigError(
                f"The study {info.name!r} in {info.storage} is of another search: {listed(differences, 3, '; ')}. "
                "Go on with what it was begun with, or choose another --name."
            )
        result = Study(study, writer, info, space, Worker(writer.path))
        writer.write_info(info)
    return result


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's warnings, which are for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _draw(trial: FrozenTrial) -> int:
    """The number of a trial's draw; of an older Segcore's trial, its own number."""
    return int(trial.user_attrs.get(_DRAW, trial.number))


def _distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    """Optuna's distribution of each searched setting."""
    distributions: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, param in space.params.items():
        if isinstance(param, Choice):
            distributions[name] = optuna.distributions.CategoricalDistribution(param.grid)
        elif param.whole:
            first, last, by = int(param.low), int(param.high), int(param.step or 1)
            distributions[name] = optuna.distributions.IntDistribution(first, last, log=param.log, step=by)
        else:
            distributions[name] = optuna.distributions.FloatDistribution(
                param.low, param.high, log=param.log, step=param.step
            )
    return distributions


def _differences(stored: object, given: object, where: str = "") -> Iterator[str]:
    """The differences between two plain values, in words."""
    if isinstance(stored, dict) and isinstance(given, dict):
        for name in dict.fromkeys((*stored, *given)):
            yield from _differences(stored.get(name), given.get(name), f"{where}.{name}" if where else str(name))
    elif stored != given:
        yield f"{where} is {_plain(stored)} there and {_plain(given)} here"


def _plain(value: object) -> str:
    return "not given" if value is None else json.dumps(value, ensure_ascii=False)
