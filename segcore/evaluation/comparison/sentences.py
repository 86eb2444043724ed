"""What a comparison says in plain sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from segcore.metrics.bootstrap_intervals import FEW_BLOCKS
from segcore.runs.temperature import temperature_split

if TYPE_CHECKING:
    from segcore.evaluation.comparison.comparable_sets import ComparableSet
    from segcore.evaluation.comparison.rows import Pair, Row
    from segcore.evaluation.comparison.score_registry import Metric

FEW = 4  # rows of which every pair gets a sentence
NAMED = 3  # rows that a sentence names before it counts the rest
NO_INTERVAL = "There is no interval of this score: which differences are more than chance is unknown."


def points(value: float, beside: float | None = None) -> str:
    """A difference of shares in points of a hundred, as exact as its uncertainty makes sense of.

    >>> points(0.0312, 0.012), points(0.00031, 0.0002)
    ('3.1', '0.03')
    """
    exact = abs(value if beside is None else beside) * 100
    return f"{100 * value:.{1 if exact >= 0.1 or exact == 0 else 2}f}"


def verdict(pair: Pair, metric: Metric, names: Callable[[str], str], where: str) -> str:
    """One pair in one sentence.

    Args:
        pair: The pair.
        metric: What they are compared by.
        names: Id of a row -> what it is called.
        where: What was scored.
    """
    one, other = names(pair.a), names(pair.b)
    if pair.problem:
        return f"{one} and {other} can't be compared: {pair.problem}."
    if not pair.judged:
        unknown = f"whether {one} or {other} {_more(metric, 'is better')} by more than chance is unknown"
        return f"There is no interval of this score: {unknown}."
    if pair.tied:
        return f"{where} can't separate {one} and {other} ({apart(pair)})."
    if pair.b == (pair.better or (pair.a if pair.difference > 0 else pair.b)):
        one, other = other, one
    return f"{one} {_more(metric, 'is better')} than {other} by {apart(pair)}."


def _more(metric: Metric, better: str) -> str:
    """What the first of two is; of a score of which no value is better, it only has more."""
    return better if metric.higher_is_better is not None else f"has the higher {metric.title}"


def apart(pair: Pair) -> str:
    """`3.1 ± 1.2 points`."""
    return f"{points(abs(pair.difference), pair.half)} ± {points(pair.half)} points"


def sentences(
    rows: Sequence[Row],
    pool: ComparableSet,
    metric: Metric,
    pair: Callable[[str, str], Pair],
    names: Callable[[str], str],
) -> list[str]:
    """All pairs of a few rows; of many, what the first is better than and what it can't be separated from.

    Args:
        rows: With scores, of one pool, best first.
        pool: Theirs.
        metric: What they are ranked by.
        pair: The pair of two rows by their ids.
        names: Id of a row -> what it is called.
    """
    if len(rows) < 2:
        return []
    if len(rows) <= FEW:
        pairs = [pair(one.id, other.id) for index, one in enumerate(rows) for other in rows[index + 1 :]]
        known = any(each.judged for each in pairs)
        return [verdict(each, metric, names, pool.where) for each in pairs] if known else [NO_INTERVAL]
    first = rows[0]
    pairs = [pair(first.id, other.id) for other in rows[1:]]
    if not any(each.judged for each in pairs):
        return [NO_INTERVAL]
    tied = [each for each in pairs if each.tied]
    beaten = [each for each in pairs if each.judged and not each.tied]
    found = []
    if tied:
        found.append(f"{pool.where} can't separate {names(first.id)} from {_listed([names(each.b) for each in tied])}.")
    if beaten:
        named = [f"{names(each.b)} by {apart(each)}" for each in beaten]
        found.append(f"{names(first.id)} {_more(metric, 'is better')} than {_listed(named)}.")
    unknown = [names(each.b) for each in pairs if not each.judged]
    if unknown:
        found.append(f"There is no interval of its difference from {_listed(unknown)}.")
    return found


def caveats(rows: Sequence[Row], pool: ComparableSet, metric: Metric, split: str) -> list[str]:
    """What the intervals don't tell.

    Args:
        rows: With scores, of one pool, best first.
        pool: Theirs.
        metric: What they are ranked by.
        split: What they were scored on.
    """
    if not rows:
        return []
    found = []
    if metric.statistic in ("ece", "ece_scaled"):
        found.append(
            "Scatter counts as error too: where a model is nearly calibrated, its ECE and the interval lean upwards."
        )
    if metric.statistic == "ece_scaled":
        fitted = temperature_split(split) == split
        found.append(
            "The temperatures were fitted to these images, and flatter."
            if fitted
            else "The temperatures are held as validation gave them: what others would do is not in the intervals."
        )
    if pool.sequences == 1 and len(pool.ids) > 1:
        found.append("All frames are of one clip: the intervals are about this street, not about others.")
    blocks = len(pool.ids) // max(1, pool.block)
    if blocks < FEW_BLOCKS:
        found.append(f"{len(pool.ids)} images make {blocks} independent blocks: read every interval as a hint.")
    single = [row for row in rows if len(row.runs) == 1]
    if single and len(rows) > 1:
        which = "Each was" if len(single) == len(rows) else "Some were"
        found.append(
            f"{which} trained once: what another seed would change is not in the intervals. "
            "train.py --repeats 3 trains three."
        )
    if len(rows) > FEW:
        lucky = len(rows) * (len(rows) - 1) / 2 * 0.05
        expected = f"about {lucky:.0f} of their pairs" if lucky > 0.5 else "one pair in 20"
        if metric.higher_is_better is None:
            found.append(f"If all {len(rows)} were equal, {expected} would seem separated.")
        else:
            found.append(
                f"The first of {len(rows)} leads by luck too, and {expected} would seem separated if all were equal."
            )
    return found


def _listed(names: Sequence[str]) -> str:
    if len(names) <= NAMED + 1:
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
