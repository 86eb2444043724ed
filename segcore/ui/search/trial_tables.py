"""A search's trials as the page shows them: as a table, as axes of charts, and in sentences."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from segcore.durations import duration
from segcore.errors import RunError, SegcoreError
from segcore.paths import program
from segcore.runs import load_run
from segcore.runs.search import PARAM, STATES, best_row, load_search, run_prefix
from segcore.ui.shell import run_cache
from segcore.ui.shell.auto_refresh import refresh_when
from segcore.ui.shell.markdown import escape_markdown
from segcore.visual.search_axes import Setting, bounds_of, words
from segcore.visual.search_charts import result

if TYPE_CHECKING:
    from segcore.runs.search import SearchRecord

METRICS = {"val_miou": "mIoU", "val_pixel_accuracy": "pixel accuracy"}
VALUE_HELP = (
    "A trial trains once for every fold, on the others, and takes its best epoch's score on that fold; "
    "the score is the mean over the folds, ± their standard deviation."
)
OPTIMISM = (
    "The best of many trials on the same folds reads too high: part of its lead is luck. The test images took no part; "
    "train the recipe and score it on them."
)
SEARCHED = "# searched\n"  # in `best.yaml`, above the searched settings
ROW_HEIGHT = 35  # px, of Streamlit's tables
QUIET_AFTER = 15  # minutes without a change, after which a running trial may have been killed
FEW = 20  # complete trials; shares of importance from fewer are rough


def metric_title(search: SearchRecord) -> str:
    """The name of the score that trials are ranked by."""
    return METRICS.get(search.info.metric, search.info.metric)


def settings(search: SearchRecord, trials: pd.DataFrame) -> list[Setting]:
    """The searched settings as axes, the most important first, then in the order of the space."""
    try:
        shares = search.importance
    except SegcoreError:
        shares = {}  # `importance` says why
    names = sorted(search.info.space, key=lambda name: -shares.get(name, 0.0))
    return [Setting.of(name, search.info.space[name], trials[PARAM + name]) for name in names]


def importance(search: SearchRecord, trials: pd.DataFrame) -> tuple[dict[str, float], str]:
    """({setting: share}, note). The note says why there are no shares, or how far to trust them."""
    complete = int((trials["state"] == "complete").sum())
    if len(search.info.space) == 1:
        return {}, "Only one setting is searched: all differences come from it, or from chance."
    try:
        shares = {name: share for name, share in search.importance.items() if share == share}
    except SegcoreError as error:
        return {}, str(error)
    if not shares:
        return {}, f"Too few complete trials to say: {complete} so far."
    note = f"How much each setting decides whether a trial is among the best quarter of {complete} complete ones."
    return shares, f"{note} So few trials only hint at it." if complete < FEW else note


def planned_trials(search: SearchRecord) -> int:
    """The number of trials that ends the search: as many as requested, or all combinations of a smaller grid."""
    info = search.info
    if info.sampler != "grid":
        return info.trials_wanted
    sizes = []
    for space in info.space.values():
        bounds = bounds_of(space)
        if bounds is not None:
            step = space.get("step") or 1
            sizes.append(round((bounds[1] - bounds[0]) / step) + 1)
        elif isinstance(space, list):
            sizes.append(len(space))
    return min(info.trials_wanted, math.prod(sizes))


def summary(search: SearchRecord, trials: pd.DataFrame) -> str:
    """One line of Markdown: dataset, folds, trials done of those planned, best value ± spread."""
    info, states = search.info, trials["state"]
    done = int((states != "running").sum())
    complete = int((states == "complete").sum())
    counts = [f"{count} {state}" for state in STATES[1:] if (count := int((states == state).sum()))]
    parts = [
        f"**{escape_markdown(info.dataset.name)}**",
        f"{info.folds} folds",
        f"{done} of {planned_trials(search)} trials" + (f" ({', '.join(counts)})" if complete < done else ""),
    ]
    best = best_trial(trials)
    if best is None:
        parts.append("no trial complete yet" if done < planned_trials(search) else "no trial complete")
    else:
        parts.append(
            f"best {metric_title(search)} **{result(best['value'], best['spread'])}** (trial {best['number']})"
        )
    return "  ·  ".join(parts)


def best_trial(trials: pd.DataFrame) -> dict[str, Any] | None:
    """The complete trial with the highest value."""
    row = best_row(trials)
    if row is None:
        return None
    return {"number": int(row["number"]), "value": float(row["value"]), "spread": float(row["spread"])}


def ties(trials: pd.DataFrame) -> str:
    """A sentence on the trials that are as good as the best within its spread; empty where there is none."""
    best = best_trial(trials)
    if best is None or best["spread"] != best["spread"]:
        return ""
    complete = trials[trials["state"] == "complete"]
    near = int((complete["value"] >= best["value"] - best["spread"]).sum()) - 1
    if near < 1:
        return ""
    more = "1 more trial lies" if near == 1 else f"{near} more trials lie"
    return f"{more} within ± of the best: as far as this search can tell, as good."


def has_comparable_trials(trials: pd.DataFrame) -> bool:
    """Whether at least two trials have a value, so that their settings can be compared."""
    return int((trials["state"].isin(["complete", "pruned"]) & trials["value"].notna()).sum()) > 1


def failures(search: SearchRecord, trials: pd.DataFrame, *, most: int = 3) -> list[str]:
    """Why the latest failed trials failed, where their runs recorded it."""
    failed = trials.loc[trials["state"] == "failed", "number"].tolist()
    sentences = []
    for number in failed[-most:]:
        for path in sorted(search.runs.root.glob(f"{run_prefix(number)}-*")):
            try:
                error = load_run(path).summary.error
            except (SegcoreError, OSError):
                continue
            if error:
                sentences.append(f"Trial {number} failed: {error}")
                break
    return sentences


def recipe(search: SearchRecord) -> str:
    """The best settings so far as YAML, the searched ones first, without the comments above them.

    It is empty before a trial is complete.

    Raises:
        RunError: when the file can't be read.
    """
    try:
        lines = search.best.read_text("utf-8").splitlines(keepends=True) if search.best else []
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{search.best} can't be read ({error}).") from None
    base, mark, searched = "".join(dropwhile(lambda line: line.startswith("#"), lines)).partition(SEARCHED)
    return f"{mark}{searched}# the same in every trial\n{base}" if searched and base else base + mark + searched


def train_command(search: SearchRecord) -> str:
    """The command that trains with the best settings."""
    return shlex.join([program("python"), "train.py", "--config", str(search.best)])


def trial_table(
    search: SearchRecord, trials: pd.DataFrame, settings: Sequence[Setting], picked: Sequence[int] = ()
) -> pd.DataFrame:
    """The table of trials: the complete ones, best first, then pruned, running and failed ones.

    Returns:
        Columns `number, value, spread, fold_0 ..., <settings>, state, epochs, minutes`; choices are in words.
    """
    table = trials[trials["number"].isin(list(picked))] if picked else trials
    order = table["state"].map({"complete": 0, "pruned": 1, "running": 2, "failed": 3}).fillna(4)
    table = table.assign(order=order, minutes=table["seconds"] / 60)
    table = table.sort_values(["order", "value"], ascending=[True, False], ignore_index=True)
    for setting in settings:
        if setting.choices:
            name = PARAM + setting.name
            table[name] = [words(value, 6) for value in table[name]]
    folds = [f"fold_{fold}" for fold in range(search.info.folds)]
    params = [PARAM + setting.name for setting in settings]
    return table[["number", "value", "spread", *folds, *params, "state", "epochs", "minutes"]]


def table_height(trials: pd.DataFrame) -> int:
    """Height in px of the table of all trials, of at most ten rows. It stays when a click leaves one row."""
    return 2 + ROW_HEIGHT * (1 + min(10, len(trials)))


def picked_note(trials: pd.DataFrame, picked: Sequence[int]) -> str:
    """How to pick trials; once some are picked, how many, and how to show all again."""
    if not picked:
        return "Click a line to see its trial alone, with shift to add it."
    return f"{len(picked)} of {len(trials)} trials in the table. Click beside the lines to see all."


def column_config(search: SearchRecord, settings: Sequence[Setting]) -> dict[str, Any]:
    """Titles and formats of the columns of `trial_table`."""
    number = st.column_config.NumberColumn
    folds = {
        f"fold_{fold}": number(f"fold {fold + 1}", format="%.3f", help="The score on this fold.")
        for fold in range(search.info.folds)
    }
    params = {
        PARAM + setting.name: st.column_config.TextColumn(setting.name)
        if setting.choices
        else number(setting.name, format="%.4g")
        for setting in settings
    }
    return {
        "number": number("trial", format="%d"),
        "value": number(metric_title(search), format="%.3f", help=VALUE_HELP),
        "spread": number("±", format="%.3f", help="Standard deviation over the folds."),
        **folds,
        **params,
        "epochs": number("epochs", format="%d", help="Epochs trained, over all folds."),
        "minutes": number("minutes", format="%.1f", help="Training time, over all folds."),
    }


def follow_search(search: SearchRecord, trials: pd.DataFrame) -> None:
    """Say how an unfinished search goes, and refresh the page whenever it has written something."""
    running = [str(int(number)) for number in trials.loc[trials["state"] == "running", "number"]]
    done = len(trials) - len(running)
    if not running and done >= planned_trials(search):
        return
    minutes = (time.time() - search.changed) / 60
    which = f"trial{'s' * (len(running) > 1)} {', '.join(running)}"
    if not running:
        text = f"Stopped after {done} of {planned_trials(search)} trials. The command that started it continues it."
    elif minutes < QUIET_AFTER:
        text = f"Training: {which}. The page follows."
    else:
        text = f"Training: {which}, but nothing new for {duration(60 * minutes)}: it may have been stopped."

    def changed() -> bool:
        try:
            return load_search(search.path).version != search.version
        except (SegcoreError, OSError):  # removed, or being replaced: the page says what it finds
            return True

    refresh_when(changed, lambda: st.caption(text))


def read_trials(search: SearchRecord) -> pd.DataFrame:
    """Read the trials as charts take them: only numbered rows, and no infinite values.

    Raises:
        RunError: when they can't be read.
    """
    table = run_cache.trials(search).dropna(subset=["number"])
    table = table.assign(number=table["number"].astype(int))
    return table.assign(value=table["value"].where(table["value"].abs() < float("inf")))
