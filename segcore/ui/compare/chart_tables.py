"""Tables behind the charts of the compare page, and the notes below them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from segcore.errors import RunError, listed
from segcore.evaluation.comparison import METRICS, LabelSpace, tidy_tables
from segcore.evaluation.comparison.costs import FPS, speed_note
from segcore.evaluation.comparison.rows import SpeedChoice
from segcore.evaluation.comparison.shortlist import shortlist, summarized_split
from segcore.ui.compare import leaderboard
from segcore.ui.curves import curve_tables
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import AppContext

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, PairedDifference, Row
    from segcore.metrics import Calibration
    from segcore.runs import RunRecord

MOST_COMPARED = 100  # runs: the best of more, unless the filter names others
MOST_CLASSES = 16  # shown at once, unless all are asked for
MOST_PAIRED = 20  # rows of the matrix of all


@dataclass(frozen=True, eq=False)
class Part:
    """The chosen rows of one kind of data: what the sections below the leaderboard show.

    Args:
        label_space: Dataset, classes and void.
        title: Its name beside the other parts: `camvid, 11 classes`.
        rows: Chosen and scored, best first.
        colors: Title of a row -> hex colour.
        digest: The digest of the comparison.
    """

    label_space: LabelSpace
    title: str
    rows: tuple[Row, ...]
    colors: dict[str, str]
    digest: str

    def token(self, *more: Hashable) -> tuple[Hashable, ...]:
        """A key for caches: it stands for all that the part shows, and `more` for what was chosen beside it."""
        return (self.digest, self.title, *self.colors.items(), *more)


def listed_runs(context: AppContext) -> list[RunRecord]:
    """The runs of the leaderboard: all on the active dataset, then all on the data of a chosen run."""
    kinds = {LabelSpace.of(run) for run in context.chosen}
    fitting = {run.id for run in context.runs if context.fits(run)}
    listed = [run for run in context.runs if run.id in fitting or LabelSpace.of(run) in kinds]
    return sorted(listed, key=lambda run: run.id not in fitting) or list(context.runs)


def compared_runs(
    context: AppContext, runs: Sequence[RunRecord], split: str, by_seed: bool
) -> tuple[list[RunRecord], str]:
    """(the runs compared, what is said of those left out): all, or of very many the best that the filter finds.

    Args:
        context: The chosen runs, which are compared in any case.
        runs: From `listed_runs`.
        split: The split.
        by_seed: Whether the runs of one recipe are one row.
    """
    if len(runs) <= MOST_COMPARED:
        return list(runs), ""
    words = url_state.get("find", "").lower().split()
    chosen = {run.id for run in context.chosen}

    def matches(run: RunRecord) -> bool:
        text = leaderboard.searched_text(run, context.titles[run.id])
        return all(word in text for word in words)

    kept = shortlist(runs, split, MOST_COMPARED, chosen=chosen, by_seed=by_seed, matches=matches)
    if len(kept) == len(runs):
        return kept, ""
    compared = f"{len(kept)} of {len(runs):,} runs are compared: the best"
    ranked = f"by {summarized_split(split)} mIoU, and the chosen ones."
    if words:
        return kept, f"{compared} that the filter finds, {ranked}"
    return kept, f"{compared} {ranked} A name in the filter finds others."


def parts(context: AppContext, comparison: Comparison) -> list[Part]:
    """Group the chosen rows that have scores by kind of data."""
    rows = [row for row in comparison.in_rows([run.id for run in context.chosen]) if row.pool >= 0]
    by_kind: dict[LabelSpace, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(comparison.pools[row.pool].label_space, []).append(row)
    names = {pool.label_space: pool.name for pool in comparison.pools}
    return [
        Part(
            kind,
            names[kind],
            tuple(members),
            {row.title: leaderboard.color_of(context, row) for row in members},
            comparison.digest,
        )
        for kind, members in by_kind.items()
    ]


def per_class(comparison: Comparison, part: Part, score: str) -> pd.DataFrame:
    """Columns `class, run, value, low, high`: a score of each class; NaN where a class is absent."""
    return tidy_tables.class_scores(comparison, part.rows, part.label_space.classes, score)


def quality_and_cost(
    comparison: Comparison, part: Part, cost: str, quality: str, least_fps: float = 0.0
) -> tuple[pd.DataFrame, str]:
    """(table, note) of the rows of the part's largest pool; columns `id, run, x, y, low, high, chosen`.

    Args:
        comparison: The comparison.
        part: The chosen rows of one kind of data.
        cost: Key of a cost.
        quality: Key of a score.
        least_fps: Slower rows are left out; 0 leaves none out.
    """
    places = [row.pool for row in part.rows]
    place = largest_pool(part)
    rows = [row for row in comparison.rows if row.pool == place and row.cost.get(FPS, 0.0) >= least_fps]
    table = tidy_tables.quality_and_cost(comparison, rows, cost, quality, [row.id for row in part.rows])
    missing = [str(name) for name in table.loc[table["x"].isna(), "run"]]
    note = f"Not measured: {listed(missing, 4)}." if missing else ""
    if len(set(places)) > 1:
        note = f"Only those scored on {comparison.pools[place].where}. {note}".strip()
    return table, note


def largest_pool(part: Part) -> int:
    """The comparable set that most chosen rows are in."""
    places = [row.pool for row in part.rows]
    return max(set(places), key=lambda pool: (places.count(pool), -pool))


def best_at_speed(comparison: Comparison, part: Part, quality: str, least: float) -> str:
    """A sentence on the best row of the part's largest pool that predicts so many frames a second."""
    place, score = largest_pool(part), METRICS[quality]
    fast, slow, unmeasured = (
        [row for row in rows if row.pool == place and not math.isnan(row.scores[quality])]
        for rows in SpeedChoice.of(comparison.rows, least)
    )
    left = f" Not measured: {listed([row.title for row in unmeasured], 4)}." if unmeasured else ""
    if not fast:
        fastest = max(slow, key=lambda row: row.cost[FPS], default=None)
        most = f"; the fastest, {fastest.title}, predicts {fastest.cost[FPS]:.1f}" if fastest else ""
        return f"No model predicts {least:g} frames/s{most}.{left}"
    sign = -1 if score.higher_is_better is False else 1
    best = max(fast, key=lambda row: sign * row.scores[quality])
    word = "Highest" if score.higher_is_better is None else "Best"
    value, through = f"{score.title} {best.scores[quality]:.3f}", comparison.costs[FPS].help.partition("through ")[2]
    speed = f"{best.cost[FPS]:.1f} frames/s through {through}"
    elsewhere = speed_note(comparison.costs[FPS])
    here = f" {elsewhere}" if elsewhere else ""
    return f"{word} at {least:g} frames/s or more: {best.title}, {value}, {speed}{here}{left}"


def pairs(comparison: Comparison, rows: Sequence[Row]) -> tuple[pd.DataFrame, list[str]]:
    """(table, order) of every row against every other one; columns `row, column, points, verdict, says`.

    A verdict is better, worse, level, or unknown where there is no interval. Where no value of a score is better than
    another, the higher one is called better.
    """
    order = [row.title for row in rows]
    judgements = []
    for one in rows:
        for other in rows:
            if one.id == other.id:
                continue
            pair = comparison.pair(one.id, other.id)
            if pair.difference == pair.difference:
                judgements.append(_judgement(comparison, one, other, pair))
    return pd.DataFrame(judgements, columns=["row", "column", "points", "verdict", "says"]), order


def _judgement(comparison: Comparison, one: Row, other: Row, pair: PairedDifference) -> dict[str, object]:
    higher = comparison.metric.higher_is_better
    first = pair.better == one.id if pair.better else pair.difference > 0  # no value may be better: the higher one
    verdict = "unknown" if not pair.has_interval else "level" if pair.tied else "better" if first else "worse"
    chance = 1 - pair.probability if higher is False else pair.probability
    says = comparison.verdict(pair)
    if chance == chance:
        says += f" Chance that {one.title} is the {'higher' if higher is None else 'better'} one: {_chance(chance)}."
    return {"row": one.title, "column": other.title, "points": 100 * pair.difference, "verdict": verdict, "says": says}


def _chance(value: float) -> str:
    """A probability as whole percent, never certain.

    >>> _chance(0.9999), _chance(0.5)
    ('over 99 %', '50 %')
    """
    if value > 0.99:
        return "over 99 %"
    return "under 1 %" if value < 0.01 else f"{100 * value:.0f} %"


class CalibrationLine(NamedTuple):
    """Calibration of one row, the mean over its runs; NaN where it isn't known.

    Args:
        title: The row's title.
        before: ECE as evaluated.
        after: ECE with the temperature.
        temperature: The temperature fitted on validation.
    """

    title: str
    before: float
    after: float
    temperature: float


def has_calibration(comparison: Comparison, part: Part) -> bool:
    """Whether any row has stored calibration."""
    return any(_calibration(comparison, run_id) is not None for row in part.rows for run_id in row.runs)


def calibration(comparison: Comparison, part: Part) -> tuple[pd.DataFrame, list[CalibrationLine]]:
    """(bins, lines) of the rows with stored calibration; columns of the bins: `run, confidence, accuracy, share`."""
    bins, lines = [], []
    for row in part.rows:
        stored = [known for run_id in row.runs if (known := _calibration(comparison, run_id)) is not None]
        if not stored:
            continue
        before = [known.before for known in stored]
        pixels = np.sum([reliability.pixels for reliability in before], axis=0)
        filled = pixels > 0
        confidence, accuracy = (
            np.sum([np.nan_to_num(getattr(reliability, name)) * reliability.pixels for reliability in before], axis=0)
            for name in ("confidence", "accuracy")
        )
        columns = {
            "run": row.title,
            "confidence": confidence[filled] / pixels[filled],
            "accuracy": accuracy[filled] / pixels[filled],
            "share": pixels[filled] / pixels.sum(),
        }
        bins.append(pd.DataFrame(columns))
        after = [known.after.ece for known in stored if known.after is not None]
        temperatures = [known.temperature for known in stored if known.temperature is not None]
        lines.append(CalibrationLine(row.title, row.scores["ece"], _mean(after), _mean(temperatures)))
    table = pd.concat(bins, ignore_index=True) if bins else pd.DataFrame()
    return table, lines


def _calibration(comparison: Comparison, run_id: str) -> Calibration | None:
    try:
        return comparison.evaluations[run_id].calibration
    except RunError:  # a broken file: the score in the table is a dash
        return None


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def curves(
    context: AppContext, comparison: Comparison, part: Part, axis: str
) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    """(`curve_tables.curves`, colours, notes) of every run in the part's rows, each in the colour of its row."""
    rows = {run_id: row for row in part.rows for run_id in row.runs}
    runs = [run for run in comparison.runs if run.id in rows]
    table, notes = curve_tables.curves(context, runs, axis)
    colors = {context.titles[run.id]: part.colors[rows[run.id].title] for run in runs}
    return table, colors, notes


def interval_notes(comparison: Comparison) -> str:
    """How the intervals were computed, in Markdown."""
    lines = []
    for pool in comparison.pools:
        unit = f"blocks of {pool.block} neighbouring frames" if pool.block > 1 else "single images"
        lines.append(f"- {pool.where}: {unit}, {comparison.resamples:,} draws.")
    return "\n".join(lines)
