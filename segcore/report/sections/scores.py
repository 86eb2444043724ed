"""The parts of a report about scores: who is best, the leaderboard, every pair of models, all scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segcore.errors import enumerated
from segcore.evaluation.comparison import METRICS
from segcore.evaluation.comparison.sentences import points, scored_with, without_score
from segcore.report.leaderboard import interval, parts_heading, score
from segcore.report.leak_notes import checks_of, leak_notes, leak_sentence
from segcore.report.report_data import ReportData
from segcore.runs.split_variant import SplitVariant
from segcore.visual.whisker import Whisker, common_ends

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Row

MOST_PAIRED = 10  # rows of the table of pairs
MOST_COLUMNS = 8  # models side by side; with more, each model is a row


def opening(data: ReportData, pool: int) -> dict[str, Any]:
    """Leaks of the split, who is best, and which models may be as good."""
    runs = [run for run in data.runs if run.id in data.comparison.pools[pool].runs]
    split, dataset = data.comparison.split, data.datasets[pool]
    checked = {} if isinstance(dataset, str) else checks_of(runs, dataset)
    rows = data.comparison.ranked(pool)
    return {
        "leak_notes": leak_notes(runs, split, checked),
        "leaks": any(leak_sentence(run, split, checked.get(run.id)) for run in runs),
        "verdict": _verdict(data, pool, rows) if rows else "",
        "of_validation": data.comparison.validation_note(pool),
        "no_values": "" if rows else f"No run has a value of {data.comparison.metric.title}.",
        "validation": _validation(data, pool, rows),
    }


def _verdict(data: ReportData, pool: int, rows: Sequence[Row]) -> str:
    comparison = data.comparison
    metric, best = comparison.metric, rows[0]
    if metric.higher_is_better is None:
        low, high = (score(end(row.scores[metric.key] for row in rows)) for end in (min, max))
        return f"{metric.title} is {low} to {high}; no value of it is better than another."
    most = "lowest" if metric.higher_is_better is False else "highest"
    known = "" if interval(best) == "–" else f" (95 % interval {interval(best)})"
    sentences = [f"{best.title} has the {most} {metric.title}, {score(best.scores[metric.key])}{known}."]
    tied = comparison.tied_with_best(pool)
    equal = [row.title for row in rows[1:] if row.id in tied]
    where = scored_with(comparison.pools[pool].where, *(row for row in rows if row.id in tied))
    if equal:
        sentences.append(f"{where} are too few to show a difference between it and {_listed(equal)}.")
    unknown = [row.title for row in rows[1:] if not comparison.pair(best.id, row.id).has_interval]
    if unknown:
        names = _listed(unknown)
        sentences.append(f"Whether it is better than {names} by more than chance is unknown: there is no interval.")
    elif len(rows) > 1 and not equal:
        others = rows[1].title if len(rows) == 2 else "each of the others"
        sentences.append(f"It is better than {others} by more than chance explains.")
    return " ".join(sentences)


def _validation(data: ReportData, pool: int, rows: Sequence[Row]) -> str:
    """A sentence on whether validation, by which a model is chosen, names the same best model."""
    first = data.by_validation(pool)
    if len(first) < 2 or data.validation(rows[0]) < 0 or data.comparison.metric.higher_is_better is None:
        return ""
    if SplitVariant.parse(data.comparison.split).split == "val":
        return ""
    if first[0] is rows[0]:
        return "It is the best on validation too."
    return f"On validation, by which a model should be chosen, {first[0].title} is the best."


def _listed(names: Sequence[str]) -> str:
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return enumerated(names)


def leaderboard(data: ReportData, pool: int) -> dict[str, Any]:
    """Rank, model, score with its interval as number and bar, and a few other scores."""
    comparison = data.comparison
    key, shown = comparison.metric.key, comparison.pools[pool]
    rows = [row for row in comparison.rows if row.pool == pool]
    ends = {row.id: (row.interval.low, row.interval.high) for row in rows if row.interval and interval(row) != "–"}
    axis = common_ends([*(row.scores[key] for row in rows), *(end for pair in ends.values() for end in pair)])
    none = (float("nan"), float("nan"))
    tied = comparison.tied_with_best(pool) if len(rows) > 1 else frozenset()
    drawn = f"blocks of {shown.block} frames" if shown.block > 1 else "images"
    how = f"Intervals: 95 %, from {comparison.resamples:,} draws of {drawn}."
    where = scored_with(shown.where, *(row for row in rows if row.id in tied))
    return {
        "rows": rows,
        "metric": comparison.metric,
        "axis": axis,
        "whiskers": {
            row.id: Whisker.between(axis, data.colors[row.id], row.scores[key], *ends.get(row.id, none)) for row in rows
        },
        "ranks": comparison.ranks(pool),
        "tied": tied,
        "parts": parts_heading(rows),
        "others": [METRICS[name] for name in ("image_miou", "pixel_accuracy", "mean_accuracy") if name != key],
        "notes": [
            f"Bold: the best; {where} are too few to show a difference between these." if len(tied) > 1 else "",
            how if ends else "There is no interval of this score.",
        ],
    }


def pairs(data: ReportData, pool: int) -> dict[str, Any] | None:
    """Sentences on pairs, a table of all pairs, and what the intervals don't cover."""
    comparison = data.comparison
    rows = comparison.ranked(pool)
    if len(rows) < 2:
        return None
    names = [run_id for row in rows for run_id in row.runs]
    shown = rows[:MOST_PAIRED]
    return {
        "sentences": [text[0].upper() + text[1:] for text in comparison.sentences(names)],
        "rows": shown,
        "metric": comparison.metric,
        "cells": {row.id: [None if row is other else _pair(data, row, other) for other in shown] for row in shown},
        "cut": f"The first {MOST_PAIRED} of {len(rows)}." if len(rows) > MOST_PAIRED else "",
        "caveats": comparison.caveats(names),
    }


def _pair(data: ReportData, row: Row, other: Row) -> dict[str, str]:
    """A cell: the difference with half its interval, and the probability that the row is higher."""
    pair = data.comparison.pair(row.id, other.id)
    if pair.low != pair.low:
        return {"difference": "–", "problem": pair.problem}
    size = points(abs(pair.difference), pair.half_width)
    sign = "" if float(size) == 0 else "+" if pair.difference > 0 else "−"
    chance = f"{100 * pair.probability:.0f} %"
    if not 0.01 <= pair.probability <= 0.99:
        chance = "> 99 %" if pair.probability > 0.99 else "< 1 %"
    tint = "" if pair.better is None else "more" if pair.better == row.id else "less"
    return {"difference": f"{sign}{size} ± {points(pair.half_width)}", "chance": chance, "tint": tint}


def all_scores(data: ReportData, pool: int) -> dict[str, Any]:
    """Every score of every run."""
    comparison = data.comparison
    rows = [row for row in comparison.rows if row.pool == pool]
    return {
        "rows": rows,
        "metrics": comparison.metrics,
        "model_a_row": len(rows) > MOST_COLUMNS,
        "notes": [
            *without_score(rows, comparison.evaluations, comparison.metrics),
            *comparison.stale(comparison.pools[pool].runs),
        ],
    }
