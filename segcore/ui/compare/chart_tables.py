"""What the compare page shows below its leaderboard: the chosen rows as tables for charts, and what there is to say."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from segcore.errors import RunError
from segcore.evaluation.comparison import Kind, tidy_tables
from segcore.ui.compare import leaderboard
from segcore.ui.curves import curve_tables
from segcore.ui.shell.app_context import AppContext

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison, Pair, Row
    from segcore.metrics import Calibration
    from segcore.runs import RunRecord

MOST_CLASSES = 16  # shown at once, unless all are asked for
MOST_PAIRED = 20  # rows of the matrix of all


@dataclass(frozen=True, eq=False)
class Part:
    """The chosen rows of one kind of data, which the lower half of the page is about.

    Args:
        kind: Data, classes, void.
        title: What that is called beside the other parts: `camvid, 11 classes`.
        rows: Chosen and scored, best first.
        colors: What a row is called -> hex.
        digest: Of the comparison.
    """

    kind: Kind
    title: str
    rows: tuple[Row, ...]
    colors: dict[str, str]
    digest: str

    def token(self, *more: Hashable) -> tuple[Hashable, ...]:
        """Stands for all that it shows, for caches; `more` for what was chosen beside it."""
        return (self.digest, self.title, *self.colors.items(), *more)


def listed(view: AppContext) -> list[RunRecord]:
    """The runs of a leaderboard: all on the active dataset, then all of the same kind as a chosen one."""
    kinds = {Kind.of(run) for run in view.chosen}
    found = [run for run in view.runs if view.fits(run) or Kind.of(run) in kinds]
    return sorted(found, key=lambda run: not view.fits(run)) or list(view.runs)


def parts(view: AppContext, comparison: Comparison) -> list[Part]:
    """The chosen rows with scores, by kind of data."""
    rows = [row for row in comparison.in_rows([run.id for run in view.chosen]) if row.pool >= 0]
    found: dict[Kind, list[Row]] = {}
    for row in rows:
        found.setdefault(comparison.pools[row.pool].kind, []).append(row)
    called = {pool.kind: pool.called for pool in comparison.pools}
    return [
        Part(
            kind,
            called[kind],
            tuple(mine),
            {row.title: leaderboard.color_of(view, row) for row in mine},
            comparison.digest,
        )
        for kind, mine in found.items()
    ]


def per_class(comparison: Comparison, part: Part, score: str) -> pd.DataFrame:
    """Columns `class, run, value, low, high`: a score of each class; NaN where a class is absent."""
    return tidy_tables.class_scores(comparison, part.rows, part.kind.classes, score)


def quality_and_cost(comparison: Comparison, part: Part, cost: str, quality: str) -> tuple[pd.DataFrame, str]:
    """(table, note): all rows of the part's largest pool; columns `id, run, x, y, low, high, chosen`."""
    places = [row.pool for row in part.rows]
    place = max(set(places), key=lambda each: (places.count(each), -each))
    rows = [row for row in comparison.rows if row.pool == place]
    table = tidy_tables.quality_and_cost(comparison, rows, cost, quality, [row.id for row in part.rows])
    missing = [str(name) for name in table.loc[table["x"].isna(), "run"]]
    note = f"Not measured: {_some(missing)}." if missing else ""
    if len(set(places)) > 1:
        note = f"Only those scored on {comparison.pools[place].where}. {note}".strip()
    return table, note


def pairs(comparison: Comparison, rows: Sequence[Row]) -> tuple[pd.DataFrame, list[str]]:
    """(table, order): every row against every other one; columns `row, column, points, verdict, says`.

    A verdict is better, worse, level, or unknown where there is no interval; of a score of which no value is better,
    better is the higher one.
    """
    order = [row.title for row in rows]
    found = []
    for one in rows:
        for other in rows:
            if one.id == other.id:
                continue
            pair = comparison.pair(one.id, other.id)
            if pair.difference == pair.difference:
                found.append(_judgement(comparison, one, other, pair))
    return pd.DataFrame(found, columns=["row", "column", "points", "verdict", "says"]), order


def _judgement(comparison: Comparison, one: Row, other: Row, pair: Pair) -> dict[str, object]:
    higher = comparison.metric.higher_is_better
    first = pair.better == one.id if pair.better else pair.difference > 0  # no value may be better: the higher one
    verdict = "unknown" if not pair.judged else "level" if pair.tied else "better" if first else "worse"
    chance = 1 - pair.probability if higher is False else pair.probability
    says = comparison.verdict(pair)
    if chance == chance:
        says += f" Chance that {one.title} is the {'higher' if higher is None else 'better'} one: {_chance(chance)}."
    return {
        "row": one.title,
        "column": other.title,
        "points": 100 * pair.difference,
        "verdict": verdict,
        "says": says,
    }


def _chance(value: float) -> str:
    """A probability as whole percent, never certain.

    >>> _chance(0.9999), _chance(0.5)
    ('over 99 %', '50 %')
    """
    if value > 0.99:
        return "over 99 %"
    return "under 1 %" if value < 0.01 else f"{100 * value:.0f} %"


class Calibrated(NamedTuple):
    """Calibration of one row, the mean over its runs; NaN where it isn't known."""

    title: str
    before: float
    after: float
    temperature: float


def calibrated(comparison: Comparison, part: Part) -> bool:
    """Whether any of the rows tells how it is calibrated."""
    return any(_calibration(comparison, run_id) is not None for row in part.rows for run_id in row.runs)


def calibration(comparison: Comparison, part: Part) -> tuple[pd.DataFrame, list[Calibrated]]:
    """(bins `run, confidence, accuracy, share`, a line a row), of the rows whose evaluations tell."""
    bins, lines = [], []
    for row in part.rows:
        found = [known for run_id in row.runs if (known := _calibration(comparison, run_id)) is not None]
        if not found:
            continue
        pixels = np.sum([each.before.pixels for each in found], axis=0)
        sums = [
            np.sum([np.nan_to_num(getattr(each.before, name)) * each.before.pixels for each in found], axis=0)
            for name in ("confidence", "accuracy")
        ]
        filled = pixels > 0
        confidence, accuracy = (each[filled] / pixels[filled] for each in sums)
        shares = pixels[filled] / pixels.sum()
        columns = {"run": row.title, "confidence": confidence, "accuracy": accuracy, "share": shares}
        bins.append(pd.DataFrame(columns))
        after = [each.after.ece for each in found if each.after is not None]
        heat = [each.temperature for each in found if each.temperature is not None]
        lines.append(Calibrated(row.title, row.scores["ece"], _mean(after), _mean(heat)))
    table = pd.concat(bins, ignore_index=True) if bins else pd.DataFrame()
    return table, lines


def _calibration(comparison: Comparison, run_id: str) -> Calibration | None:
    try:
        return comparison.evaluations[run_id].calibration
    except RunError:  # cut off: the score in the table is a dash
        return None


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def curves(
    view: AppContext, comparison: Comparison, part: Part, axis: str
) -> tuple[pd.DataFrame, dict[str, str], list[str]]:
    """(as `tables.curves`, colours, notes): of every run in the part's rows, in the colour of its row."""
    inside = {run_id: row for row in part.rows for run_id in row.runs}
    runs = [run for run in comparison.runs if run.id in inside]
    table, notes = curve_tables.curves(view, runs, axis)
    colors = {view.titles[run.id]: part.colors[inside[run.id].title] for run in runs}
    return table, colors, notes


def counted(comparison: Comparison) -> str:
    """How intervals were made, in Markdown."""
    lines = []
    for pool in comparison.pools:
        drawn = f"blocks of {pool.block} neighbouring frames" if pool.block > 1 else "single images"
        lines.append(f"- {pool.where}: {drawn}, {comparison.resamples:,} draws.")
    return "\n".join(lines)


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
