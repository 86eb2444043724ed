"""A comparison as one HTML file that needs nothing else: no server, no script, no picture or font from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.errors import number
from segcore.report.markup import Html, el, inner
from segcore.report.report_data import Subject
from segcore.report.safe_output import new_file
from segcore.report.sections import (
    classes,
    cost,
    example_images,
    origin,
    scores,
)

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison

MARK = '<meta name="generator" content="Segcore report">'  # by which an earlier report is known
_STYLE = Path(__file__).with_name("report.css")


def write_report(
    comparison: Comparison, out: str | Path, *, data: str | None = None, examples: int = 3, command: str = ""
) -> list[str]:
    """Write the report.

    Args:
        comparison: What to report.
        out: The file; an earlier report is replaced, anything else is not.
        data: The dataset, for pictures; None for what the runs were trained on.
        examples: Images shown.
        command: The command that makes the report, to stand in it.

    Returns:
        What a user should know: why there are no pictures, where there are none.

    Raises:
        ReportError: when `out` can't take it, or `data` doesn't fit.
        DatasetError: when `data` can't be opened.
    """
    with new_file(out, MARK) as path:
        subject = Subject.of(comparison, source=data, examples=examples, command=command)
        path.write_text(document(subject), "utf-8")
    if not examples:
        return []
    return [f"No pictures. {found}" for found in subject.data.values() if isinstance(found, str)]


def document(subject: Subject) -> str:
    """The whole page as text."""
    from segcore import __version__

    parts: list[tuple[str, str, Html]] = []
    photos: list[str] = []
    several = len(subject.comparison.pools) > 1

    def add(name: str, title: str, content: Html | None) -> None:
        if content:
            parts.append((name, title, content))

    def each(part: Callable[[Subject, int], Html | None]) -> Html | None:
        """A part for every set of runs that rank each other, under its name where there are several."""
        found = [(pool.title, part(subject, place)) for place, pool in subject.pools()]
        return inner((el("h3", title) if several else None, content) for title, content in found if content) or None

    def pictures(subject: Subject, pool: int) -> Html:
        content, style = example_images.examples(subject, pool)
        photos.append(style)
        return content

    add("leaderboard", "Leaderboard", each(scores.leaderboard))
    add("differences", "What can't be compared", origin.differences(subject))
    add("real", "Is it real?", each(scores.real))
    add("classes", "Classes", each(classes.per_class))
    add("mistakes", "What is taken for what", each(classes.confusion))
    if subject.examples:
        add("examples", "Examples", each(pictures))
    add("cost", "Quality and cost", cost.cost(subject))
    add("training", "Training", cost.training(subject))
    add("scores", "All scores", each(scores.all_scores))
    add("counted", "How this is counted", origin.counted(subject))
    add("compared", "What was compared", origin.compared(subject))
    add("again", "Make it again", origin.commands(subject))
    made = subject.made.strftime("%Y-%m-%d %H:%M UTC")
    body = el(
        "body",
        el("header", _heading(subject, made), _links(parts)),
        el(
            "main", each(_opening), [el("section", el("h2", title), content, id=name) for name, title, content in parts]
        ),
        el("footer", f"Made by Segcore {__version__} on {made} from stored evaluations; no model was run for it."),
    )
    return _page(subject, body, "\n".join([_STYLE.read_text("utf-8"), *photos]))


def _opening(subject: Subject, pool: int) -> Html:
    return inner(scores.leaks(subject, pool), scores.short(subject, pool))


def _title(subject: Subject) -> str:
    names = dict.fromkeys(pool.kind.dataset for pool in subject.comparison.pools)
    scored = sum(not row.problem for row in subject.comparison.rows)
    return f"{number(scored, 'model')} on {' and '.join(names)}: {subject.comparison.split}"


def _heading(subject: Subject, made: str) -> Html:
    pools = "; ".join(pool.title for pool in subject.comparison.pools)
    return inner(el("h1", _title(subject)), el("p", f"{pools} · {made}", class_="sub"))


def _links(parts: list[tuple[str, str, Html]]) -> Html:
    return el("nav", [el("a", title, href=f"#{name}") for name, title, _ in parts], aria_label="Contents")


def _page(subject: Subject, body: Html, style: str) -> str:
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Html(MARK),
        el("meta", name="color-scheme", content="light dark"),
        # Nothing may be loaded, whatever a name or a message in the page says.
        el(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        ),
        el("title", f"{_title(subject)} - Segcore"),
        el("style", Html(style)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"
