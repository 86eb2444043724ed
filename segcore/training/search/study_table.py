"""The table of a search's trials, and the recipe of its best trial."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from textwrap import indent
from typing import Any

import yaml
from optuna.trial import FrozenTrial, TrialState

from segcore.runs.search import SearchInfo
from segcore.training.search.search_space import Space

_END = "...\n"  # YAML ends a scalar document with this
STATES = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class FoldScore:
    """The scores of a trial on one fold.

    Args:
        curve: Validation mIoU of each epoch; None when no pixel was scored.
        seconds: Training time.
        run: Name of the run's folder.
    """

    curve: tuple[float | None, ...]
    seconds: float
    run: str

    @property
    def value(self) -> float | None:
        """Validation mIoU of the best epoch; None when no epoch was scored."""
        return best_of(self.curve)


def best_of(curve: Sequence[float | None]) -> float | None:
    """The highest score of a curve; None when there is none.

    >>> best_of([0.2, None, 0.5])
    0.5
    """
    return max((value for value in curve if value is not None), default=None)


def fold_scores(attributes: Mapping[str, Any], folds: int) -> dict[int, FoldScore]:
    """Scores of the finished folds from a trial's attributes, in order."""
    stored = {fold: attributes[f"fold_{fold}"] for fold in range(folds) if f"fold_{fold}" in attributes}
    return {fold: FoldScore(tuple(score["curve"]), score["seconds"], score["run"]) for fold, score in stored.items()}


def fold_values(scores: Mapping[int, FoldScore]) -> list[float]:
    """The values of the folds on which a pixel was scored."""
    return [score.value for score in scores.values() if score.value is not None]


def table_row(trial: FrozenTrial, space: Space, folds: int) -> dict[str, Any]:
    """The row in `trials.csv` of a trial on so many folds."""
    scores = fold_scores(trial.user_attrs, folds)
    values = fold_values(scores)
    params = space.shown(trial.params)
    return {
        "number": trial.number,
        "state": STATES[trial.state],
        "value": statistics.fmean(values) if values else None,
        "spread": statistics.stdev(values) if len(values) > 1 else None,
        **{f"fold_{fold}": score.value for fold, score in scores.items()},
        "epochs": len(trial.intermediate_values),
        "seconds": round(sum(score.seconds for score in scores.values()) + trial.user_attrs.get("seconds", 0.0), 3),
        **{f"param.{name}": value for name, value in params.items()},
    }


def best_recipe(
    best: FrozenTrial, rows: Sequence[Mapping[str, Any]], info: SearchInfo, space: Space, path: Path
) -> str:
    """The text of `best.yaml`: the best trial's settings as a recipe of train.py.

    `rows` are those of `trials.csv`. A comment names the command that trains the recipe from its `path`.
    """
    row = next(row for row in rows if row["number"] == best.number)
    states = [row["state"] for row in rows]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(STATES.values()) if state in states)
    folds = ", ".join(f"{row[f'fold_{fold}']:.4f}" for fold in range(info.folds))
    values, data = space.config(best.params).values(), info.dataset
    base = [name for name in ("data", *space.base) if name not in space.params]
    lines = [_yaml(name, values[name]) for name in dict.fromkeys(base)]
    lines.append(_yaml("out", str(path.parents[2])))  # beside the search, where the app that shows it looks
    searched = [_yaml(name, values[name]) for name in space.params]
    return (
        f"# Best of the search {info.name!r}: trial {best.number}, validation mIoU {row['value']:.4f} ± "
        f"{row['spread']:.4f} over {info.folds} folds\n"
        f"# ({folds}) of {data.name} (fingerprint {data.fingerprint}); trials: {counts}.\n"
        "# The best of many trials on the same folds reads too high. Train it and report its score on test, once:\n"
        f"#   python train.py --config {quote(str(path))}\n"
        f"{''.join(lines)}# searched\n{''.join(searched)}"
    )


def _yaml(name: str, value: object) -> str:
    """One setting of a recipe, on one line unless it is a pipeline."""
    flow = None if name == "augment" and isinstance(value, dict) else True
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=10_000)
    if flow is None:
        return f"{name}:\n{indent(text, '  ')}"
    return f"{name}: {text.removesuffix(_END).rstrip()}\n"
