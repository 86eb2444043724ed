"""A comparison as one HTML file that needs nothing else: no server, no script, no image or font from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from segcore.errors import number
from segcore.labels import hex_color
from segcore.report.atomic_output import new_file
from segcore.report.leaderboard import interval, parts_cell, score
from segcore.report.report_data import ReportData
from segcore.report.sections import classes, cost, example_images, origin, scores

if TYPE_CHECKING:
    from segcore.evaluation.comparison import Comparison

MARK = '<meta name="generator" content="Segcore report">'  # an earlier report is known by it
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Args:
        id: Its anchor, and the name of its template.
        title: Its heading.
        parts: (heading or nothing, what the template shows); a part for each pool, or one.
    """

    id: str
    title: str
    parts: list[tuple[str, Mapping[str, Any]]]


def write_report(
    comparison: Comparison,
    out: str | Path,
    *,
    data: str | None = None,
    examples: int = 3,
    command: str = "",
    siblings: Sequence[str] = (),
) -> list[str]:
    """Write the report.

    Args:
        comparison: What to report.
        out: The file; an earlier report is replaced, anything else is not.
        data: The dataset, for pictures; None for the one that the runs were trained on.
        examples: Number of images to show.
        command: The command that makes the report; the report shows it.
        siblings: Ids of all runs in the folder of runs: with them each run has the colour that it has in the app.

    Returns:
        Why there are no pictures, a sentence a pool; empty where there are.

    Raises:
        ReportError: when `out` can't be written, or `data` doesn't fit.
        DatasetError: when `data` can't be opened.
    """
    with new_file(out, MARK) as path:
        report = ReportData.of(comparison, source=data, examples=examples, command=command, siblings=siblings)
        path.write_text(document(report), "utf-8")
    problems = [dataset for dataset in report.datasets.values() if isinstance(dataset, str)]
    return [f"No pictures. {problem}" for problem in problems] if examples else []


def document(data: ReportData) -> str:
    """The whole page as text."""
    from segcore import __version__

    names = dict.fromkeys(pool.label_space.dataset for pool in data.comparison.pools)
    scored = sum(not row.problem for row in data.comparison.rows)
    page = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            colors=data.colors,
            title=f"{number(scored, 'model')} on {' and '.join(names)}: {data.comparison.split}",
            subtitle="; ".join(pool.title for pool in data.comparison.pools),
            made=data.made.strftime("%Y-%m-%d %H:%M UTC"),
            version=__version__,
            style=Markup((_TEMPLATES / "report.css").read_text("utf-8")),
            opening=_by_pool(data, scores.opening),
            sections=_sections(data),
        )
    )
    return f"{page}\n"


def _sections(data: ReportData) -> list[Section]:
    """The sections that have something to show, in order."""
    sections = [
        Section("leaderboard", "Leaderboard", _by_pool(data, scores.leaderboard)),
        Section("differences", "What can't be compared", _whole(data, origin.differences)),
        Section("real", "Is it real?", _by_pool(data, scores.pairs)),
        Section("classes", "Classes", _by_pool(data, classes.scores_of_classes)),
        Section("mistakes", "What is taken for what", _by_pool(data, classes.mistakes)),
        Section("examples", "Examples", _by_pool(data, example_images.examples) if data.examples else []),
        Section("cost", "Quality and cost", _whole(data, cost.costs)),
        Section("training", "Training", _whole(data, cost.training)),
        Section("scores", "All scores", _by_pool(data, scores.all_scores)),
        Section("counted", "How this is counted", _whole(data, origin.counted)),
        Section("compared", "What was compared", _whole(data, origin.compared)),
        Section("again", "Make it again", _whole(data, origin.commands)),
    ]
    return [section for section in sections if section.parts]


def _whole(
    data: ReportData, build: Callable[[ReportData], Mapping[str, Any] | None]
) -> list[tuple[str, Mapping[str, Any]]]:
    """A section's one part, if there is something to show."""
    part = build(data)
    return [] if part is None else [("", part)]


def _by_pool(
    data: ReportData, build: Callable[[ReportData, int], Mapping[str, Any] | None]
) -> list[tuple[str, Mapping[str, Any]]]:
    """A part for every pool, under its name where there are several."""
    several = len(data.comparison.pools) > 1
    parts = [(pool.title if several else "", build(data, place)) for place, pool in data.pools()]
    return [(heading, part) for heading, part in parts if part is not None]


@cache
def _environment() -> Environment:
    """The templates; everything that they put into a page is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"score": score, "interval": interval, "parts": parts_cell, "prose": prose, "hex": hex_color}
    return environment


def prose(text: str) -> Markup:
    """A sentence as HTML; what stands between backticks is code.

    >>> str(prose("`train.py` trains < 3"))
    '<code>train.py</code> trains &lt; 3'
    """
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )
