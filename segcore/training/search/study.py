"""The study of a search: drawing trials, keeping their scores, and one table of them, whichever process writes it.

Everything lasting is in Optuna's storage, so that several processes may share it and a killed one loses no more than
the fold it was training. Files are written from the storage, under the search's lock.
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
from shlex import quote
from textwrap import indent
from typing import Any, Literal

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from segcore.errors import ConfigError
from segcore.runs import run_files
from segcore.runs.search import BEST, SearchInfo, SearchWriter, run_prefix
from segcore.training.search.search_space import (
    Choice,
    Space,
    Value,
    combinations,
)
from segcore.training.search.study_storage import open_storage, storage_errors
from segcore.training.search.worker_liveness import Worker

Sampler = Literal["tpe", "random", "grid"]
SAMPLERS: Mapping[str, str] = {
    "tpe": "learns from the trials so far (tree-structured Parzen estimator, Bergstra et al. 2011)",
    "random": "draws every trial anew",
    "grid": "every combination once, in a random order",
}
STARTUP = 5  # complete trials before any is pruned
RETRIES = 2  # of a trial whose process was killed: it may itself be what kills it
ENOUGH = 8  # complete trials before importance is estimated
_IDENTITY = "segcore"  # the attribute of a study that says what it is of
_END = "...\n"  # how YAML closes a scalar that stands alone
_STATES = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class FoldScore:
    """What a trial scored on one fold.

    Args:
        curve: Validation mIoU of each epoch; None where no pixel was scored.
        seconds: It took.
        run: Folder of its run.
    """

    curve: tuple[float | None, ...]
    seconds: float
    run: str

    @property
    def value(self) -> float | None:
        """The best epoch's; None when none was scored."""
        return best_of(self.curve)


def best_of(curve: Sequence[float | None]) -> float | None:
    """The highest score so far."""
    return max((value for value in curve if value is not None), default=None)


@dataclass
class Trial:
    """A trial that is being trained here.

    Args:
        handle: Optuna's.
        drawn: What was drawn for it.
        folds: Scores of the folds that are done.
    """

    handle: optuna.Trial
    drawn: dict[str, Value]
    folds: dict[int, FoldScore]

    @property
    def number(self) -> int:
        """From 0."""
        return self.handle.number

    @property
    def value(self) -> float:
        """Mean over the folds that are done."""
        return statistics.fmean(_values(self.folds))


class Study:
    """The trials of one search.

    Trials are pruned by Optuna's `MedianPruner`: after `STARTUP` complete trials and a third of the first fold's
    epochs, a trial stops when it is below the median of the complete ones at the same fold and epoch. What is compared
    (reported at step fold * epochs + epoch) is the sum of the best scores of the folds so far over the number of folds,
    which never falls, so that a hard fold is only compared with the same hard fold.

    Args:
        study: Optuna's.
        writer: Of the search's folder.
        info: What is searched.
        space: The same, to draw from.
        worker: This process.
    """

    def __init__(
        self, study: optuna.Study, writer: SearchWriter, info: SearchInfo, space: Space, worker: Worker
    ) -> None:
        self.optuna, self.writer, self.info, self.space, self.worker = study, writer, info, space, worker
        self.runs = writer.path / "runs"

    def take(self) -> Trial | None:
        """The next trial, or None when there are as many as wanted, those that other processes train included.

        A trial whose process was killed is failed and comes back: the folds that it finished are not trained again.
        """
        with self.writer.locked():
            for trial in self._trials(TrialState.RUNNING):
                if self._is_dead(trial):
                    self._put_back(trial, killed=True)
            taken = None
            if self.done + len(self._trials(TrialState.RUNNING)) < self.info.trials_wanted:
                self._prepare()
                taken = self._begin(self.optuna.ask(_distributions(self.space)))
            self._write()
        return taken

    @property
    def done(self) -> int:
        """Trials that are complete, pruned or failed; not those that come back."""
        ended = self._trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return sum("interrupted" not in trial.user_attrs for trial in ended)

    def report(self, trial: Trial, fold: int, curve: Sequence[float | None]) -> None:
        """Note the epochs of a fold so far."""
        self._note(trial, fold, curve)
        self.write()

    def _note(self, trial: Trial, fold: int, curve: Sequence[float | None]) -> None:
        best = best_of(curve)
        if best is not None:
            before = {other: score for other, score in trial.folds.items() if other < fold}
            so_far = (sum(_values(before)) + best) / self.info.folds
            trial.handle.report(so_far, fold * self.space.most_epochs + len(curve) - 1)

    def is_hopeless(self, trial: Trial) -> bool:
        """Whether the pruner would stop it now."""
        return trial.handle.should_prune()

    def end_fold(self, trial: Trial, fold: int, score: FoldScore) -> None:
        """Keep the score of a fold."""
        trial.folds[fold] = score
        trial.handle.set_user_attr(f"fold_{fold}", asdict(score))
        self.write()

    def complete(self, trial: Trial) -> bool:
        """All folds are done; returns whether it is the best trial so far."""
        with self.writer.locked():
            self.optuna.tell(trial.handle, trial.value)
            self._write(ended=True)
            best = self.best
            return best is not None and best.number == trial.number

    def prune(self, trial: Trial, seconds: float) -> None:
        """It was stopped after `seconds` of a fold."""
        with self.writer.locked():
            trial.handle.set_user_attr("seconds", seconds)
            self.optuna.tell(trial.handle, state=TrialState.PRUNED)
            self._write(ended=True)

    def fail(self, trial: Trial, reason: str, seconds: float) -> None:
        """It could not be trained to the end."""
        with self.writer.locked():
            trial.handle.set_user_attr("seconds", seconds)
            trial.handle.set_user_attr("failed", reason)
            self.optuna.tell(trial.handle, state=TrialState.FAIL)
            self._write(ended=True)

    def put_back(self, trial: Trial) -> None:
        """It was interrupted: fail it, and let the next one be the same with the folds that are done."""
        with self.writer.locked():
            found = self.optuna.get_trials(deepcopy=False)[trial.number]
            if found.state == TrialState.RUNNING:  # a second Ctrl-C may have come after its end
                self._put_back(found, killed=False)
            self._write(ended=True)

    @property
    def best(self) -> FrozenTrial | None:
        """The complete trial with the highest mean, the first of several."""
        complete = self._trials(TrialState.COMPLETE)
        return max(complete, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)

    def write(self) -> None:
        """Write `trials.csv`."""
        with self.writer.locked():
            self._write()

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False, states=states)

    def _begin(self, handle: optuna.Trial) -> Trial:
        """Mark a trial as ours; the folds that it brings from one that was stopped are done."""
        handle.set_user_attr("owner", self.worker.owner)
        trial = Trial(handle, dict(handle.params), {})
        for fold, score in _scores(handle.user_attrs, self.info.folds).items():
            name = run_prefix(handle.number) + score.run.removeprefix(run_prefix(int(handle.user_attrs["again"])))
            if (self.runs / score.run).is_dir() and not (self.runs / name).exists():
                (self.runs / score.run).rename(self.runs / name)
                score = FoldScore(score.curve, score.seconds, name)
                handle.set_user_attr(f"fold_{fold}", asdict(score))
            for epoch in range(len(score.curve)):
                self._note(trial, fold, score.curve[: epoch + 1])
            trial.folds[fold] = score
        return trial

    def _is_dead(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get("owner")
        if owner is None:  # being taken on a machine with another disk, or by a process that died in the middle of it
            return trial.datetime_start is None or datetime.now() - trial.datetime_start > timedelta(minutes=1)
        return not self.worker.alive(owner)

    def _put_back(self, trial: FrozenTrial, *, killed: bool) -> None:
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
            again = {"again": trial.number, "retries": retries}
            self.optuna.enqueue_trial(trial.params, user_attrs={**finished, **again})

    def _prepare(self) -> None:
        """Let the next trial be drawn by its number: no two processes draw alike, and going on draws the same."""
        trials = self.optuna.get_trials(deepcopy=False)
        seed = (self.info.seed * 1_000_003 + len(trials)) % 2**32
        self.optuna.sampler = optuna.samplers.RandomSampler(seed)
        if self.info.sampler == "tpe":
            with quiet():  # constant_liar: keep away from what other processes are trying
                self.optuna.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        elif self.info.sampler == "grid" and all(trial.state != TrialState.WAITING for trial in trials):
            # Optuna's GridSampler wants to stop `Study.optimize`, which is not used here.
            tried = [trial.params for trial in trials]
            grid = [dict(zip(self.space.params, values, strict=True)) for values in combinations(self.space)]
            random.Random(self.info.seed).shuffle(grid)
            self.optuna.enqueue_trial(next(drawn for drawn in grid if drawn not in tried))

    def rows(self) -> list[dict[str, Any]]:
        """What `trials.csv` holds: a trial that was stopped is there again under the number it came back with."""
        return [self._row(trial) for trial in self._trials(*_STATES) if "interrupted" not in trial.user_attrs]

    def _row(self, trial: FrozenTrial) -> dict[str, Any]:
        scores = _scores(trial.user_attrs, self.info.folds)
        values = _values(scores)
        params = self.space.shown(trial.params)
        return {
            "number": trial.number,
            "state": _STATES[trial.state],
            "value": statistics.fmean(values) if values else None,
            "spread": statistics.stdev(values) if len(values) > 1 else None,
            **{f"fold_{fold}": score.value for fold, score in scores.items()},
            "epochs": len(trial.intermediate_values),
            "seconds": round(sum(score.seconds for score in scores.values()) + trial.user_attrs.get("seconds", 0.0), 3),
            **{f"param.{name}": value for name, value in params.items()},
        }

    def _write(self, *, ended: bool = False) -> None:
        """Write the table; after the end of a trial, everything. The lock must be ours."""
        rows = self.rows()
        self.writer.write_trials(self.info, rows)
        if not ended:
            return
        self.writer.write_importance(self.importance())
        best = self.best
        if best is not None:
            self.writer.write_best(self._recipe(best, rows))
        for trial in self._trials(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
            if best is None or trial.number != best.number:
                for folder in self._folders(trial.number):
                    (folder / run_files.WEIGHTS).unlink(missing_ok=True)
                    (folder / run_files.CHECKPOINT).unlink(missing_ok=True)

    def _folders(self, number: int) -> Iterator[Path]:
        return self.runs.glob(f"{run_prefix(number)}-*")

    def importance(self) -> dict[str, float]:
        """Share of each setting in being among the best quarter (PED-ANOVA, Watanabe et al. 2023), largest first.

        Empty below `ENOUGH` complete trials, where all of them are equal, and where only one setting is searched.
        """
        values = [trial.value for trial in self._trials(TrialState.COMPLETE)]
        if len(values) < ENOUGH or len(set(values)) < 2 or len(self.space.params) < 2:
            return {}
        with quiet():
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
            found = optuna.importance.get_param_importances(self.optuna, evaluator=evaluator)
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _recipe(self, best: FrozenTrial, rows: Sequence[Mapping[str, Any]]) -> str:
        """`best.yaml`."""
        row = next(row for row in rows if row["number"] == best.number)
        states = [row["state"] for row in rows]
        counts = ", ".join(
            f"{states.count(state)} {state}" for state in dict.fromkeys(_STATES.values()) if state in states
        )
        folds = ", ".join(f"{row[f'fold_{fold}']:.4f}" for fold in range(self.info.folds))
        values, data = self.space.config(best.params).values(), self.info.dataset
        base = [name for name in ("data", *self.space.base) if name not in self.space.params]
        lines = [_yaml(name, values[name]) for name in dict.fromkeys(base)]
        searched = [_yaml(name, values[name]) for name in self.space.params]
        return (
            f"# Best of the search {self.info.name!r}: trial {best.number}, validation mIoU {row['value']:.4f} ± "
            f"{row['spread']:.4f} over {self.info.folds} folds\n"
            f"# ({folds}) of {data.name} (fingerprint {data.fingerprint}); trials: {counts}.\n"
            "# The best of many trials on the same folds reads too high. Train it and report its score on test, once:\n"
            f"#   python train.py --config {quote(str(self.writer.path / BEST))}\n"
            f"{''.join(lines)}# searched\n{''.join(searched)}"
        )


def open_study(
    writer: SearchWriter, info: SearchInfo, space: Space, storage: str | None, *, prune: bool = True
) -> Study:
    """Begin a study, or go on with it; `search.json` is written.

    Args:
        writer: Of the search's folder.
        info: What is searched.
        space: The same, to draw from.
        storage: A file or the URL of a database; None is `study.journal` in the folder.
        prune: Stop trials that fall behind.

    Raises:
        ConfigError: when the storage can't be opened, holds something else, or a study of another space, data or folds.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    median = optuna.pruners.MedianPruner(STARTUP, space.most_epochs // 3, n_min_trials=3)
    identity = {"folds": info.folds, "data fingerprint": info.dataset.fingerprint, **space.identity()}
    identity = json.loads(json.dumps(identity))  # as a storage gives it back
    with writer.locked(), storage_errors(info.storage):
        study = optuna.create_study(
            storage=open_storage(storage, writer.path),
            study_name=info.name,
            direction="maximize",
            load_if_exists=True,
            pruner=median if prune else optuna.pruners.NopPruner(),
        )
        found = study.user_attrs.get(_IDENTITY)
        if found is None and study.get_trials(deepcopy=False):
            raise ConfigError(f"The study {info.name!r} in {info.storage} is not of Segcore. Choose another --name.")
        if found is None:
            study.set_user_attr(_IDENTITY, identity)
        elif differences := list(_differences(found, identity)):
            more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise ConfigError(
                f"The study {info.name!r} in {info.storage} is of another search: {'; '.join(differences[:3])}{more}. "
                "Go on with what it was begun with, or choose another --name."
            )
        result = Study(study, writer, info, space, Worker(writer.path))
        writer.write_info(info)
    return result


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna's remarks to programmers are not for users of this program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    found: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, param in space.params.items():
        if isinstance(param, Choice):
            found[name] = optuna.distributions.CategoricalDistribution(param.grid)
        elif param.whole:
            low, high, step = int(param.low), int(param.high), int(param.step or 1)
            found[name] = optuna.distributions.IntDistribution(low, high, log=param.log, step=step)
        else:
            found[name] = optuna.distributions.FloatDistribution(param.low, param.high, log=param.log, step=param.step)
    return found


def _scores(attributes: Mapping[str, Any], folds: int) -> dict[int, FoldScore]:
    """Scores of the finished folds, in order."""
    found = {fold: attributes[f"fold_{fold}"] for fold in range(folds) if f"fold_{fold}" in attributes}
    return {fold: FoldScore(tuple(score["curve"]), score["seconds"], score["run"]) for fold, score in found.items()}


def _values(scores: Mapping[int, FoldScore]) -> list[float]:
    return [score.value for score in scores.values() if score.value is not None]


def _differences(there: object, here: object, where: str = "") -> Iterator[str]:
    """What differs between two plain values, in words."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys((*there, *here)):
            yield from _differences(there.get(name), here.get(name), f"{where}.{name}" if where else str(name))
    elif there != here:
        yield f"{where} is {_plain(there)} there and {_plain(here)} here"


def _yaml(name: str, value: object) -> str:
    """One setting of a recipe, on one line unless it is a pipeline."""
    flow = None if name == "augment" and isinstance(value, dict) else True
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=10_000)
    if flow is None:
        return f"{name}:\n{indent(text, '  ')}"
    return f"{name}: {text.removesuffix(_END).rstrip()}\n"


def _plain(value: object) -> str:
    return "not given" if value is None else json.dumps(value, ensure_ascii=False)
