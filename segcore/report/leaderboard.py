"""Writes a comparison as a leaderboard in Markdown or LaTeX; CSV is written by `comparison.table.to_csv`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from segcore.errors import ReportError, unknown
from segcore.evaluation.comparison import COSTS, METRICS, Comparison, Row
from segcore.evaluation.comparison.costs import FPS
from segcore.evaluation.comparison.sentences import scored_with, without_score
from segcore.evaluation.comparison.table import CSV_BEGINS, ordered, to_csv
from segcore.metrics import POLICY
from segcore.report.leak_notes import leak_notes

MARK = "segcore leaderboard"  # in the first lines of what is written
_LATEX = {letter: rf"\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "±": r"$\pm$",
}
Requested: TypeAlias = "Sequence[str] | Literal['all'] | None"  # columns; None for the default ones
DEFAULT = ("miou", "image_miou", "pixel_accuracy", "boundary_iou", FPS, "parameters")
NARROW = ("miou", "pixel_accuracy", FPS, "parameters")  # where a page is as wide as paper
_SPECIAL = re.compile(r"([\\|*_<>\[\]])")  # what Markdown reads as formatting
_RANKED_BY = 2  # index of the column that is ranked by


@dataclass(frozen=True)
class Column:
    """One column of a Markdown or LaTeX table.

    Args:
        title: Its heading.
        cell: Writes the cell of a row.
        number: It holds numbers, aligned right.
        note: A sentence for below the table.
    """

    title: str
    cell: Callable[[Row], str]
    number: bool = True
    note: str = ""


def score(value: float) -> str:
    """A score to three digits; a dash where there is none."""
    return "–" if value != value else f"{value:.3f}"


def interval(row: Row) -> str:
    """`0.472 to 0.598`; a dash where there is none."""
    if row.interval is None or row.interval.low != row.interval.low:
        return "–"
    return f"{row.interval.low:.3f} to {row.interval.high:.3f}"


def parts_heading(rows: Sequence[Row]) -> str:
    """The heading of `parts_cell`: `mean ± sd of folds`; empty where every row is one run."""
    kinds = sorted({row.parts_are for row in rows if row.parts})
    return f"mean ± sd of {' or '.join(kinds)}" if kinds else ""


def parts_cell(row: Row) -> str:
    """Mean and standard deviation of a row's seeds or folds: `0.512 ± 0.034 of 5`; a dash for one run."""
    return f"{score(row.mean)} ± {score(row.spread)} of {len(row.parts)}" if row.parts else "–"


def columns(
    comparison: Comparison, requested: Requested = None, *, default: Sequence[str], sort: str | None = None
) -> list[Column]:
    """List the columns: rank, model, the score that is ranked by with its interval, then other scores and costs.

    Args:
        comparison: The comparison.
        requested: Keys of the scores and costs, `all` of them, or None for the default ones.
        default: Keys of the default ones; those that no run has are left out.
        sort: Key of a score or cost that is always shown.

    Raises:
        ReportError: when a key names no score or cost.
    """
    first = comparison.metric
    known = [key for key in comparison.metrics if key != first.key] + list(comparison.costs)
    if requested == "all":
        keys = known
    elif requested is None:
        keys = [key for key in known if key in {*default, sort}]
    else:
        choices = [*METRICS, *dict.fromkeys((*COSTS, *comparison.costs))]
        for key in requested:
            if key not in choices:
                raise ReportError(unknown("score or cost", key, choices))
        keys = [key for key in dict.fromkeys(requested) if key != first.key]
    ranks = {run_id: rank for pool in range(len(comparison.pools)) for run_id, rank in comparison.ranks(pool).items()}
    first_columns = [
        Column("rank", lambda row: str(ranks.get(row.id, "–"))),
        Column("model", lambda row: row.title, number=False),
        Column(first.title, partial(_score, first.key)),
        Column("95 % interval", interval),
    ]
    if heading := parts_heading(comparison.rows):
        first_columns.append(Column(heading, parts_cell))
    return first_columns + [_column(comparison, key) for key in keys]


def _column(comparison: Comparison, key: str) -> Column:
    if key in METRICS:
        return Column(METRICS[key].title, partial(_score, key))
    cost = comparison.costs.get(key, COSTS.get(key))
    assert cost is not None
    note = "" if key in COSTS else f"{cost.title}: {cost.help}"  # a latency is one of a machine and a size
    return Column(cost.title, partial(_cost, key, cost.digits), note=note)


def _score(key: str, row: Row) -> str:
    return score(row.scores[key])


def _cost(key: str, digits: int, row: Row) -> str:
    return f"{row.cost[key]:.{digits}f}" if key in row.cost else "–"


def notes(comparison: Comparison, pool: int, shown: Sequence[Column] = ()) -> list[str]:
    """The sentences below a table: how scores are counted, what the intervals are, whether the split leaks."""
    sentences = [POLICY]
    rows = comparison.ranked(pool)
    kept = comparison.pools[pool]
    if any(interval(row) != "–" for row in rows):
        drawn = f"blocks of {kept.block} frames" if kept.block > 1 else "images"
        sentences.append(f"Intervals: 95 %, bootstrap over {drawn}, {comparison.resamples:,} draws.")
    tied = comparison.tied_with_best(pool)
    if len(tied) > 1:
        where = scored_with(kept.where, *(row for row in rows if row.id in tied))
        sentences.append(f"Bold: the best; {where} are too few to show a difference between these.")
    measured = [column.note for column in shown if column.note and any(column.cell(row) != "–" for row in rows)]
    sentences += measured[:1]  # the others were measured at the same place
    inside = [run for run in comparison.runs if run.id in kept.runs]
    sentences += filter(None, [comparison.validation_note(pool)])
    pooled = [row for row in comparison.rows if row.pool == pool]
    sentences += without_score(pooled, comparison.evaluations, [comparison.metric.key])
    return [*sentences, *comparison.stale(kept.runs), *leak_notes(inside, comparison.split)]


def problems(comparison: Comparison) -> list[str]:
    """Runs without scores, and what keeps runs from being compared."""
    lacking = [f"{row.title}: {row.problem}." for row in comparison.rows if row.problem]
    return [*comparison.differences, *(text.replace("..", ".") for text in lacking)]


def title(comparison: Comparison, pool: int) -> str:
    """`drive, 31 classes, 11 frames of one clip: test`."""
    return f"{comparison.pools[pool].title}: {comparison.split}"


def markdown(comparison: Comparison, sort: str | None = None, requested: Requested = None) -> str:
    """A table for each set of runs that rank each other, with its notes under it."""
    parts = [f"<!-- {MARK} -->"]
    for pool in range(len(comparison.pools)):
        shown, level = columns(comparison, requested, default=DEFAULT, sort=sort), _bold(comparison, pool)
        lines = [
            _line([column.title for column in shown]),
            _line(["---:" if column.number else "---" for column in shown]),
        ]
        for row in ordered(comparison, pool, sort):
            cells = [_markdown(column.cell(row)) for column in shown]
            if row.id in level:
                cells[_RANKED_BY] = f"**{cells[_RANKED_BY]}**"
            lines.append(_line(cells))
        ids = comparison.pools[pool].runs
        texts = [*comparison.sentences(ids), *comparison.caveats(ids), *notes(comparison, pool, shown)]
        listed = "\n".join(f"- {_sentence(text)}" for text in dict.fromkeys(texts))
        parts += [f"### {_markdown(title(comparison, pool))}", "\n".join(lines), listed]
    if problems(comparison):
        parts.append("\n".join(f"- {_sentence(text)}" for text in problems(comparison)))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _sentence(text: str) -> str:
    """Markdown of a sentence; commands between backticks stay as they are to be typed."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def _bold(comparison: Comparison, pool: int) -> frozenset[str]:
    """Ids of the rows to print bold: the best and those tied with it; none where there is one row."""
    rows = comparison.ranked(pool)
    return comparison.tied_with_best(pool) if len(rows) > 1 else frozenset()


def latex(comparison: Comparison, sort: str | None = None, requested: Requested = None) -> str:
    """A `table` with booktabs for each set of runs that rank each other, its notes under it."""
    parts = [f"% {MARK}; \\usepackage{{booktabs}}"]
    for pool in range(len(comparison.pools)):
        shown, level = columns(comparison, requested, default=NARROW, sort=sort), _bold(comparison, pool)
        lines = [" & ".join(escaped(column.title) for column in shown) + r" \\", r"\midrule"]
        for row in ordered(comparison, pool, sort):
            texts = [(column.cell(row), column.number) for column in shown]
            cells = [escaped(text.replace(" to ", "–") if number else text) for text, number in texts]
            if row.id in level:
                cells[_RANKED_BY] = rf"\textbf{{{cells[_RANKED_BY]}}}"
            lines.append(" & ".join(cells) + r" \\")
        name = re.sub(r"[^a-z0-9]+", "-", f"{comparison.pools[pool].label_space.dataset}-{comparison.split}".lower())
        kind = "".join("r" if column.number else "l" for column in shown)
        body = "\n    ".join([r"\toprule", *lines, r"\bottomrule"])
        caption = escaped(" ".join(notes(comparison, pool, shown)))
        parts.append(
            "\\begin{table}\n  \\centering\\small\\setlength{\\tabcolsep}{3pt}\n"
            f"  \\caption{{{escaped(title(comparison, pool))}. {caption}}}\\smallskip\n"
            f"  \\label{{tab:{name.strip('-')}{'-' + str(pool + 1) if pool else ''}}}\n"
            f"  \\begin{{tabular}}{{{kind}}}\n    {body}\n  \\end{{tabular}}\n\\end{{table}}"
        )
        ids = comparison.pools[pool].runs
        parts += [f"% {' '.join(text.split())}" for text in (*comparison.sentences(ids), *comparison.caveats(ids))]
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


def table(comparison: Comparison, sort: str | None = None, requested: Requested = None) -> str:
    """Write CSV, always with every column.

    Raises:
        ReportError: when columns are requested.
    """
    if requested not in (None, "all"):
        raise ReportError("CSV is for programs and always has every column; --columns is for md and latex.")
    return to_csv(comparison, sort)


FORMATS: Mapping[str, Callable[[Comparison, str | None, Requested], str]] = {
    "md": markdown,
    "csv": table,
    "latex": latex,
}
MARKS = {"md": MARK, "csv": CSV_BEGINS, "latex": MARK}
