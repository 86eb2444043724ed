"""The parts of a report about scores: in short, leaderboard, is it real, all scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segcore.evaluation.comparison import METRICS
from segcore.evaluation.comparison.sentences import points
from segcore.report.axis import Axis
from segcore.report.charts import strip, ticks, who
from segcore.report.leaderboard import score
from segcore.report.leak_notes import checks_of, leak_notes, leak_sentence
from segcore.report.markup import Html, el, inner, prose
from segcore.report.report_data import Subject

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Pair, Row

MOST_PAIRED = 10  # rows of the matrix of pairs
_PAIRS = (
    "{} of the row minus that of the column, in points, ± half its 95 % interval; below, the probability that the row "
    "is higher."
)
_TINTED = " Tinted: the interval leaves out 0."


def paragraphs(texts: Sequence[str], class_: str | None = None) -> Html:
    """A sentence a paragraph."""
    return inner(el("p", prose(text), class_=class_) for text in texts if text)


def leaks(subject: Subject, pool: int) -> Html:
    """What speaks against the split, or that nothing was found or looked for."""
    runs = [run for run in subject.runs if run.id in subject.comparison.pools[pool].runs]
    split = subject.comparison.split
    dataset = subject.data[pool]
    checked = {} if isinstance(dataset, str) else checks_of(runs, dataset)
    said = paragraphs(leak_notes(runs, split, checked))
    bad = any(leak_sentence(run, split, checked.get(run.id)) for run in runs)
    return el("div", said, class_="leak bad" if bad else "leak", role="note")


def short(subject: Subject, pool: int) -> Html:
    """Who is best, and who can't be told from it."""
    comparison = subject.comparison
    rows = comparison.ranked(pool)
    if not rows:
        return el("p", f"No run has a value of {comparison.metric.title}.")
    if comparison.metric.higher_is_better is None:
        return el("p", _between(subject, rows), class_="lead")
    best, key = rows[0], comparison.metric.key
    known = subject.mark(best)
    between = f" (95 % interval {known.low:.3f} to {known.high:.3f})" if known.low == known.low else ""
    first = (
        f"{best.title} has the {_superlative(subject)} {comparison.metric.title}, {score(best.scores[key])}{between}."
    )
    level = comparison.level(pool)
    equal = [row.title for row in rows[1:] if row.id in level]
    where = comparison.pools[pool].where
    if equal:
        first += f" {where[0].upper()}{where[1:]} can't separate it from {_listed(equal)}."
    unknown = [row.title for row in rows[1:] if not comparison.pair(best.id, row.id).judged]
    if unknown:
        first += f" Whether it is better than {_listed(unknown)} by more than chance is unknown: there is no interval."
    elif len(rows) > 1 and not equal:
        others = rows[1].title if len(rows) == 2 else "each of the others"
        first += f" It is better than {others} by more than chance explains."
    return inner(el("p", first, class_="lead"), paragraphs([_chosen(subject, pool, best)]))


def _between(subject: Subject, rows: Sequence[Row]) -> str:
    """Of a score of which no value is better: where it lies."""
    metric = subject.comparison.metric
    low, high = (score(end(row.scores[metric.key] for row in rows)) for end in (min, max))
    return f"{metric.title} is {low} to {high}; no value of it is better than another."


def _chosen(subject: Subject, pool: int, best: Row) -> str:
    """Whether validation, by which a model is chosen, agrees."""
    rows = subject.by_validation(pool)
    if len(rows) < 2 or subject.validation(rows[0]) < 0:
        return ""
    if rows[0] is best:
        return "It is the best on validation too."
    return f"On validation, by which a model should be chosen, {rows[0].title} is the best."


def _superlative(subject: Subject) -> str:
    return "lowest" if subject.comparison.metric.higher_is_better is False else "highest"


def _listed(names: Sequence[str]) -> str:
    if len(names) > 5:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def leaderboard(subject: Subject, pool: int) -> Html:
    """Rank, model, score with its interval as number and bar, and what else is asked first."""
    comparison = subject.comparison
    rows = [row for row in comparison.rows if row.pool == pool]
    marks = [subject.mark(row) for row in rows]
    axis = Axis.around([value for mark in marks for value in (mark.value, mark.low, mark.high)], floor=0)
    level = comparison.level(pool) if len(rows) > 1 else frozenset()
    ranks = comparison.ranks(pool)
    seeds = any(len(row.runs) > 1 for row in rows)
    beside = [key for key in ("image_miou", "pixel_accuracy", "mean_accuracy") if key != comparison.metric.key]
    head = el(
        "tr",
        el("th", "#", scope="col") if ranks else None,
        el("th", "model", scope="col"),
        el("th", comparison.metric.title, scope="col", class_="num"),
        el("th", el("span", "95 % interval"), ticks(axis), scope="col", class_="bar"),
        el("th", "low to high", scope="col", class_="num"),
        el("th", "sd of seeds", scope="col", class_="num") if seeds else None,
        [el("th", METRICS[key].title, scope="col", class_="num", title=METRICS[key].help) for key in beside],
    )
    body = []
    for row, mark in zip(rows, marks, strict=True):
        best = "num best" if row.id in level else "num"
        ends = f"{mark.low:.3f} to {mark.high:.3f}" if mark.low == mark.low else "–"
        body.append(
            el(
                "tr",
                el("td", ranks.get(row.id, "–"), class_="num") if ranks else None,
                el("th", who(subject.color(row), row.title), scope="row"),
                el("td", score(mark.value), class_=best),
                el("td", strip([mark], axis, least=30), class_="bar"),
                el("td", ends, class_="num"),
                el("td", score(row.spread), class_="num") if seeds else None,
                [el("td", score(row.scores[key]), class_="num") for key in beside],
            )
        )
    table = el("table", el("thead", head), el("tbody", body))
    said = f"Bold: the best, and what {comparison.pools[pool].where} can't separate from it." if len(level) > 1 else ""
    kept = comparison.pools[pool]
    drawn = f"blocks of {kept.block} frames" if kept.block > 1 else "images"
    how = f"Intervals: 95 %, from {comparison.resamples:,} draws of {drawn}."
    if not any(mark.low == mark.low for mark in marks):
        how = "There is no interval of this score."
    return inner(el("div", table, class_="scroll"), el("p", said, " ", how, class_="note"))


def real(subject: Subject, pool: int) -> Html | None:
    """Sentences on pairs, what the intervals don't tell, and the matrix of all pairs."""
    comparison = subject.comparison
    rows = comparison.ranked(pool)
    if len(rows) < 2:
        return None
    names = [run_id for row in rows for run_id in row.runs]
    sentences = comparison.sentences(names)
    tinted = "" if comparison.metric.higher_is_better is None else _TINTED
    return inner(
        el("ul", [el("li", text[0].upper() + text[1:]) for text in sentences]) if sentences else None,
        el("p", _PAIRS.format(comparison.metric.title) + tinted, class_="note"),
        el("div", _pairs(subject, rows[:MOST_PAIRED]), class_="scroll"),
        el("p", f"The first {MOST_PAIRED} of {len(rows)}.", class_="note") if len(rows) > MOST_PAIRED else None,
        paragraphs(comparison.caveats(names), "note"),
    )


def _pairs(subject: Subject, rows: Sequence[Row]) -> Html:
    head = el("tr", el("td"), [el("th", who(subject.color(row), row.title), scope="col") for row in rows])
    body = []
    for row in rows:
        cells = [el("td", "·") if row is other else _pair(subject, row, other) for other in rows]
        body.append(el("tr", el("th", who(subject.color(row), row.title), scope="row"), cells))
    return el("table", el("thead", head), el("tbody", body), class_="pairs", aria_label="Every pair of models")


def _pair(subject: Subject, row: Row, other: Row) -> Html:
    pair: Pair = subject.comparison.pair(row.id, other.id)
    if pair.low != pair.low:
        return el("td", "–", title=pair.problem or None)
    tint = None if pair.better is None else "more" if pair.better == row.id else "less"
    size = points(abs(pair.difference), pair.half)
    sign = "" if float(size) == 0 else "+" if pair.difference > 0 else "−"
    odds = (
        "> 99 %"
        if pair.probability > 0.99
        else "< 1 %"
        if pair.probability < 0.01
        else f"{100 * pair.probability:.0f} %"
    )
    return el("td", f"{sign}{size} ± {points(pair.half)}", el("small", odds), class_=tint)


def all_scores(subject: Subject, pool: int) -> Html:
    """Every score of every run, a row a score where runs are few."""
    comparison = subject.comparison
    rows = [row for row in comparison.rows if row.pool == pool]
    keys = list(comparison.metrics)
    if len(rows) > 8:
        head = [el("th", "model", scope="col"), [_metric_head(key, "col", "num") for key in keys]]
        body = [
            el(
                "tr",
                el("th", who(subject.color(row), row.title), scope="row"),
                [el("td", score(row.scores[key]), class_="num") for key in keys],
            )
            for row in rows
        ]
    else:
        titles = [el("th", who(subject.color(row), row.title), scope="col", class_="num") for row in rows]
        head = [el("th", "score", scope="col"), titles]
        body = [
            el("tr", _metric_head(key, "row"), [el("td", score(row.scores[key]), class_="num") for row in rows])
            for key in keys
        ]
    table = el("div", el("table", el("thead", el("tr", head)), el("tbody", body)), class_="scroll")
    return inner(table, paragraphs(comparison.stale(comparison.pools[pool].runs), "note"))


def _metric_head(key: str, scope: str, class_: str | None = None) -> Html:
    return el("th", METRICS[key].title, scope=scope, class_=class_, title=METRICS[key].help)
