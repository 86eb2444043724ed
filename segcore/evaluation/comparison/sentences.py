"""Sentences on the rows of a comparison: which is better, which may be equal, and what intervals don't cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from segcore.errors import enumerated, number
from segcore.evaluation.comparison.comparable_sets import ComparableSet
from segcore.evaluation.comparison.paired_differences import PairedDifference
from segcore.evaluation.comparison.rows import Row
from segcore.evaluation.stored_counts import why_unknown
from segcore.metrics import SCORES, Score
from segcore.metrics.bootstrap_intervals import FEW_BLOCKS
from segcore.runs import Evaluation
from segcore.runs.scored_splits import VALIDATION_NOTE
from segcore.runs.split_variant import SplitVariant
from segcore.runs.temperature import temperature_split

FEW = 4  # rows; with more, not every pair gets a sentence
FEW_FOLDS = 5  # with fewer, intervals held the truth in 92 % of simulations with failed trainings, not in 95
NAMED = 3  # rows that a sentence names before it counts the rest
NO_INTERVAL = "There is no interval of this score: which differences are more than chance is unknown."


def points(value: float, beside: float | None = None) -> str:
    """A difference of shares in points of a hundred, with as many digits as its uncertainty justifies.

    >>> points(0.0312, 0.012), points(0.00031, 0.0002)
    ('3.1', '0.03')
    """
    exact = abs(value if beside is None else beside) * 100
    return f"{100 * value:.{1 if exact >= 0.1 or exact == 0 else 2}f}"


def with_interval(pair: PairedDifference) -> str:
    """The size of a difference with its interval: `3.1 ± 1.2 points`.

    Where the interval is so lopsided that this would say the opposite of it about 0, it is `1.2 points (0.2 to 4.1)`.
    """
    if pair.tied == (abs(pair.difference) > pair.half_width):
        low, high = sorted(math.copysign(1, pair.difference) * end for end in (pair.low, pair.high))
        ends = f"{points(low, pair.half_width)} to {points(high, pair.half_width)}"
        return f"{points(abs(pair.difference), pair.half_width)} points ({ends})"
    return f"{points(abs(pair.difference), pair.half_width)} ± {points(pair.half_width)} points"


def verdict(pair: PairedDifference, metric: Score, names: Callable[[str], str], where: str) -> str:
    """One sentence on a pair of rows.

    Args:
        pair: The difference of the rows.
        metric: The score they are compared by.
        names: Id of a row -> its title.
        where: What was scored, e.g. `11 frames of one clip`.
    """
    one, other = names(pair.a), names(pair.b)
    if pair.problem:
        return f"{one} and {other} can't be compared: {pair.problem}."
    if not pair.has_interval:
        unknown = f"whether {one} or {other} {_leads(metric)} by more than chance is unknown"
        return f"There is no interval of this score: {unknown}."
    if pair.tied:
        return f"{where} are too few to show a difference between {one} and {other} ({with_interval(pair)})."
    if pair.b == (pair.better or (pair.a if pair.difference > 0 else pair.b)):
        one, other = other, one
    return f"{one} {_leads(metric)} than {other} by {with_interval(pair)}."


def _leads(metric: Score) -> str:
    """`is better`, or `has the higher entropy` for a score of which no value is better."""
    return "is better" if metric.higher_is_better is not None else f"has the higher {metric.title}"


def sentences(
    rows: Sequence[Row],
    pool: ComparableSet,
    metric: Score,
    pair: Callable[[str, str], PairedDifference],
    names: Callable[[str], str],
) -> list[str]:
    """Sentences on all pairs of a few rows; with many rows, on the first row against the others.

    Args:
        rows: Rows of one comparable set with scores, the best first.
        pool: The set.
        metric: The score they are ranked by.
        pair: Ids of two rows -> their difference.
        names: Id of a row -> its title.
    """
    if len(rows) < 2:
        return []
    few = len(rows) <= FEW
    pairs = [
        pair(one.id, other.id) for place, one in enumerate(rows if few else rows[:1]) for other in rows[place + 1 :]
    ]
    if not any(result.has_interval for result in pairs):
        return [NO_INTERVAL]
    named = {row.id: row for row in rows}
    if few:
        return [
            verdict(result, metric, names, scored_with(pool.where, named[result.a], named[result.b]))
            for result in pairs
        ]
    first = names(rows[0].id)
    tied = [names(result.b) for result in pairs if result.tied]
    beaten = [
        f"{names(result.b)} by {with_interval(result)}" for result in pairs if result.has_interval and not result.tied
    ]
    unknown = [names(result.b) for result in pairs if not result.has_interval]
    texts = []
    if tied:
        where = scored_with(pool.where, *(named[result.b] for result in pairs if result.tied), rows[0])
        texts.append(f"{where} are too few to show a difference between {first} and {_listed(tied, 'or')}.")
    if beaten:
        texts.append(f"{first} {_leads(metric)} than {_listed(beaten)}.")
    if unknown:
        texts.append(f"There is no interval of its difference from {_listed(unknown)}.")
    return texts


def scored_with(where: str, *rows: Row) -> str:
    """What made the intervals of some rows: `11 frames of one clip and 2 seeds`, where seeds were trained."""
    seeds = min((len(row.parts) for row in rows if row.parts and row.parts_are == "seeds"), default=0)
    return f"{where} and {seeds} seeds" if seeds else where


def validation_note(rows: Sequence[Row], split: str, *, tested: bool) -> str:
    """A sentence on scores of images by which the best epoch was chosen; empty where it is said elsewhere.

    Args:
        rows: Rows of one comparable set with scores.
        split: The split they were scored on.
        tested: Whether the data of any run has a test split.
    """
    if not rows or SplitVariant.parse(split).split != "val":
        return ""
    if not any(len(row.runs) > len(row.evaluated) for row in rows):  # folds, scored as one
        return "" if tested else VALIDATION_NOTE
    return (
        "Folds: each image is scored by the model of its fold, which was not trained on it; the interval also holds "
        "what the trainings of the folds differ by. The best epoch of each was chosen by these images, so all scores "
        "read a little high."
    )


def without_score(rows: Sequence[Row], evaluations: Mapping[str, Evaluation], names: Iterable[str]) -> list[str]:
    """A sentence for each row that lacks some scores, with the reason; none where all rows have them.

    Args:
        rows: Some rows of a comparison; those without any scores are left to others.
        evaluations: Its evaluations by the id of the run.
        names: Keys of `SCORES`.
    """
    texts: dict[tuple[str, str], list[str]] = {}
    for row in (row for row in rows if row.pool >= 0):
        for name in names:
            if math.isnan(row.scores[name]):
                reasons = (why_unknown(evaluations[run_id], name) for run_id in row.runs if run_id in evaluations)
                if reason := next(filter(None, reasons), ""):  # else the data has nothing to score
                    texts.setdefault((row.title, reason), []).append(SCORES[name].title)
    return [f"{title} has no {', '.join(scores)}. {reason}" for (title, reason), scores in texts.items()]


def caveats(rows: Sequence[Row], pool: ComparableSet, metric: Score, split: str) -> list[str]:
    """Sentences on what the intervals don't cover.

    Args:
        rows: Rows of one comparable set with scores, the best first.
        pool: The set.
        metric: The score they are ranked by.
        split: The split they were scored on.
    """
    if not rows:
        return []
    texts = []
    if metric.source in ("calibration", "calibration_scaled"):
        texts.append(
            "Scatter counts as error too: where a model is nearly calibrated, its ECE and the interval lean upwards."
        )
    if metric.source == "calibration_scaled":
        fitted = temperature_split(split) == split
        texts.append(
            "The temperatures were fitted to these images, so these errors are too low."
            if fitted
            else "The temperatures are fixed as fitted on validation: their own uncertainty is not in the intervals."
        )
    if pool.sequences == 1 and len(pool.ids) > 1:
        texts.append("All frames are of one clip: the intervals hold for this street, not for others.")
    blocks = len(pool.ids) // max(1, pool.block)
    if blocks < FEW_BLOCKS and any(row.interval for row in rows):
        made = f"{number(len(pool.ids), 'image')} give {number(blocks, 'independent block')}"
        texts.append(f"{made}: every interval is a rough guide.")
    folds = min((len(row.parts) for row in rows if row.parts and row.parts_are == "folds"), default=FEW_FOLDS)
    if folds < FEW_FOLDS:
        texts.append(
            f"{folds} folds show little of how trainings differ: where some fail, the intervals are too narrow. "
            f"train.py --folds {FEW_FOLDS} shows more."
        )
    if any(len(row.parts) == 2 and row.parts_are == "seeds" for row in rows):
        texts.append("Intervals of 2 seeds are very wide (Student's t is 12.7). train.py --repeats 3 trains three.")
    single = [row for row in rows if len(row.runs) == 1]
    if single and len(rows) > 1:
        which = "Each was" if len(single) == len(rows) else "Some were"
        texts.append(
            f"{which} trained once: what another seed would change is not in the intervals. "
            "train.py --repeats 3 trains three."
        )
    if len(rows) > FEW:
        by_chance = len(rows) * (len(rows) - 1) / 2 * 0.05
        expected = f"about {by_chance:.0f} of their pairs" if by_chance > 0.5 else "one pair in 20"
        if metric.higher_is_better is None:
            texts.append(f"If all {len(rows)} were equal, {expected} would seem different.")
        else:
            texts.append(
                f"The first of {len(rows)} is partly first by luck: if all were equal, {expected} would seem different."
            )
    return texts


def _listed(names: Sequence[str], word: str = "and") -> str:
    if len(names) <= NAMED + 1:
        return enumerated(names, word)
    return f"{', '.join(names[:NAMED])} {word} {len(names) - NAMED} more"
