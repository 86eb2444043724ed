"""A comparison as a leaderboard in Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from segcore.errors import ReportError, unknown
from segcore.evaluation.comparison import COSTS, METRICS, Comparison, Row
from segcore.metrics import POLICY
from segcore.report.notes import leak_notes
from segcore.runs.files import cell

MARK = "segcore leaderboard"  # in the first lines of what is written
CSV_BEGINS = "pool,rank,run,title,"  # likewise, since a CSV file has no room for a comment
_LATEX = {letter: rf"\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "±": r"$\pm$",
}
_SHORT = ("pixel_accuracy",)  # scores beside the one that is ranked by, where a page is narrow
_SHORT_COSTS = ("parameters", "minutes")


@dataclass(frozen=True)
class Column:
    """One column of a table for people.

    Args:
        title: Its head.
        cell: The text of a row in it.
        number: Set right.
    """

    title: str
    cell: Callable[[Row], str]
    number: bool = True


def ordered(comparison: Comparison, pool: int, sort: str | None) -> list[Row]:
    """The rows of a pool, by the metric of the comparison or by another score or cost.

    Raises:
        ReportError: when there is no such score or cost.
    """
    rows = [row for row in comparison.rows if row.pool == pool]
    if sort is None or sort == comparison.metric.key:
        return rows
    choices = [*METRICS, *comparison.costs]
    if sort not in choices:
        raise ReportError(unknown("score or cost", sort, choices))
    falling = sort in METRICS and METRICS[sort].higher_is_better is not False
    values = {row.id: row.scores.get(sort, row.cost.get(sort, float("nan"))) for row in rows}
    known = [row for row in rows if values[row.id] == values[row.id]]
    rest = [row for row in rows if values[row.id] != values[row.id]]
    return sorted(known, key=lambda row: values[row.id], reverse=falling) + rest


def score(value: float) -> str:
    """A score to three digits; a dash where there is none."""
    return "–" if value != value else f"{value:.3f}"


def interval(row: Row) -> str:
    """`0.472 to 0.598`; a dash where there is none."""
    if row.interval is None or row.interval.low != row.interval.low:
        return "–"
    return f"{row.interval.low:.3f} to {row.interval.high:.3f}"


def columns(comparison: Comparison, *, short: bool = False) -> list[Column]:
    """The model, what is ranked by with its interval, the other scores, and the costs.

    Args:
        comparison: What it can tell.
        short: Only a few of the scores and costs, for a narrow page.
    """
    first = comparison.metric
    others = [key for key in comparison.metrics if key != first.key and (key in _SHORT or not short)]
    found = [
        Column("model", lambda row: row.title, number=False),
        Column(first.title, partial(_score, first.key)),
        Column("95 % interval", interval),
    ]
    if any(len(row.runs) > 1 for row in comparison.rows):
        found.append(Column("sd of seeds", lambda row: score(row.spread)))
    found += [Column(METRICS[key].title, partial(_score, key)) for key in others]
    costs = {key: cost for key, cost in comparison.costs.items() if key in _SHORT_COSTS or not short}
    return found + [Column(cost.title, partial(_cost, key, cost.digits)) for key, cost in costs.items()]


def _score(key: str, row: Row) -> str:
    return score(row.scores[key])


def _cost(key: str, digits: int, row: Row) -> str:
    return f"{row.cost[key]:.{digits}f}" if key in row.cost else "–"


def notes(comparison: Comparison, pool: int) -> list[str]:
    """What has to stand under a table: how it is counted, what the intervals are, what speaks against the split."""
    found = [POLICY]
    rows = comparison.ranked(pool)
    kept = comparison.pools[pool]
    if any(interval(row) != "–" for row in rows):
        drawn = f"blocks of {kept.block} frames" if kept.block > 1 else "images"
        found.append(f"Intervals: 95 %, bootstrap over {drawn}, {comparison.resamples:,} draws.")
    if len(comparison.level(pool)) > 1:
        found.append(f"Bold: the best, and what {kept.where} can't separate from it.")
    inside = [run for run in comparison.runs if run.id in kept.runs]
    return [*found, *comparison.stale(kept.runs), *leak_notes(inside, comparison.split)]


def problems(comparison: Comparison) -> list[str]:
    """Runs without scores, and what keeps runs from being compared."""
    lacking = [f"{row.title}: {row.problem}." for row in comparison.rows if row.problem]
    return [*comparison.differences, *(text.replace("..", ".") for text in lacking)]


def title(comparison: Comparison, pool: int) -> str:
    """`drive, 31 classes, 11 frames of one clip: test`."""
    return f"{comparison.pools[pool].title}: {comparison.split}"


def markdown(comparison: Comparison, sort: str | None = None) -> str:
    """A table for each set of runs that rank each other, with its notes under it."""
    parts = [f"<!-- {MARK} -->"]
    for pool in range(len(comparison.pools)):
        shown, level = columns(comparison), _bold(comparison, pool)
        lines = [
            _line([each.title for each in shown]),
            _line(["---:" if each.number else "---" for each in shown]),
        ]
        for row in ordered(comparison, pool, sort):
            cells = [_markdown(each.cell(row)) for each in shown]
            if row.id in level:
                cells[1] = f"**{cells[1]}**"
            lines.append(_line(cells))
        listed = "\n".join(f"- {_markdown(text)}" for text in notes(comparison, pool))
        parts += [f"### {_markdown(title(comparison, pool))}", "\n".join(lines), listed]
    if problems(comparison):
        parts.append("\n".join(f"- {_markdown(text)}" for text in problems(comparison)))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*_<>\[\]])", r"\\\1", " ".join(text.split()))


def _bold(comparison: Comparison, pool: int) -> frozenset[str]:
    """Rows to print bold: the best and its equals, where there is somebody to be better than."""
    rows = comparison.ranked(pool)
    return comparison.level(pool) if len(rows) > 1 else frozenset()


def _standing(comparison: Comparison, pool: int) -> dict[str, bool]:
    """Whether a row is level with the best, by its id; those of which that is not known are left out."""
    rows, level = comparison.ranked(pool), comparison.level(pool)
    known = [row for row in rows if row is rows[0] or comparison.pair(rows[0].id, row.id).judged] if level else []
    return {row.id: row.id in level for row in known}


def table(comparison: Comparison, sort: str | None = None) -> str:
    """CSV for programs: one table, the same columns each time, numbers as they are; an empty cell is not known."""
    extra = [key for key in comparison.costs if key not in COSTS]
    head = [*CSV_BEGINS.strip(",").split(","), "runs", "split", "dataset", "classes", "void", "images", "block"]
    head += ["ranked_by", "value", "low", "high", "level_with_best", "sd_of_seeds", *METRICS, *COSTS, *extra]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, "leak", "problem"])
    for pool in range(len(comparison.pools)):
        level = _standing(comparison, pool)
        ranks = comparison.ranks(pool)  # whatever they are sorted by
        for row in ordered(comparison, pool, sort):
            values = _values(comparison, row, ranks.get(row.id), level.get(row.id), extra)
            writer.writerow([cell(value) for value in values])
    for row in comparison.rows:
        if row.pool < 0:
            writer.writerow([cell(value) for value in _values(comparison, row, None, None, extra)])
    return text.getvalue()


def _values(
    comparison: Comparison, row: Row, rank: int | None, level: bool | None, extra: Sequence[str]
) -> list[object]:
    pool = comparison.pools[row.pool] if row.pool >= 0 else None
    first = next(run for run in comparison.runs if run.id == row.id)
    info, known = first.summary.dataset, row.interval
    values: list[object] = [row.pool + 1 if pool else None, rank, row.id, row.title, " ".join(row.runs)]
    values += [comparison.split, info.name, first.labels.classes, info.void, row.images, pool.block if pool else None]
    values += [comparison.metric.key, row.scores[comparison.metric.key]]
    values += [known.low, known.high] if known else [None, None]
    values += [level, row.spread, *(row.scores[key] for key in METRICS)]
    values += [row.cost.get(key) for key in (*COSTS, *extra)]
    return [*values, row.leak or None, row.problem]


def latex(comparison: Comparison, sort: str | None = None) -> str:
    """A `table` with booktabs for each set of runs that rank each other, its notes under it."""
    parts = [f"% {MARK}; \\usepackage{{booktabs}}"]
    for pool in range(len(comparison.pools)):
        shown, level = columns(comparison, short=True), _bold(comparison, pool)
        lines = [" & ".join(escaped(each.title) for each in shown) + r" \\", r"\midrule"]
        for row in ordered(comparison, pool, sort):
            cells = [escaped(each.cell(row).replace(" to ", "–")) for each in shown]
            if row.id in level:
                cells[1] = rf"\textbf{{{cells[1]}}}"
            lines.append(" & ".join(cells) + r" \\")
        name = re.sub(r"[^a-z0-9]+", "-", f"{comparison.pools[pool].kind.dataset}-{comparison.split}".lower())
        kind = "".join("r" if each.number else "l" for each in shown)
        body = "\n    ".join([r"\toprule", *lines, r"\bottomrule"])
        said = escaped(" ".join(notes(comparison, pool)))
        parts.append(
            "\\begin{table}\n  \\centering\\small\\setlength{\\tabcolsep}{3pt}\n"
            f"  \\caption{{{escaped(title(comparison, pool))}. {said}}}\\smallskip\n"
            f"  \\label{{tab:{name.strip('-')}{'-' + str(pool + 1) if pool else ''}}}\n"
            f"  \\begin{{tabular}}{{{kind}}}\n    {body}\n  \\end{{tabular}}\n\\end{{table}}"
        )
    parts += [f"% {' '.join(text.split())}" for text in problems(comparison)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""Text as LaTeX shows it; what stands between backticks is code.

    >>> print(escaped("a_b & 95 %"))
    a\_b \& 95 \%
    """
    parts = " ".join(text.split()).split("`")
    plain = ["".join(_LATEX.get(letter, letter) for letter in part) for part in parts]
    return "".join(rf"\texttt{{{part}}}" if index % 2 else part for index, part in enumerate(plain))


FORMATS: Mapping[str, Callable[[Comparison, str | None], str]] = {"md": markdown, "csv": table, "latex": latex}
MARKS = {"md": MARK, "csv": CSV_BEGINS, "latex": MARK}
