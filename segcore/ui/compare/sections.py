"""The sections of the compare page, top to bottom: each draws its controls and its chart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from segcore.evaluation.comparison import COSTS, METRICS
from segcore.evaluation.comparison.costs import FPS, has_speed
from segcore.evaluation.comparison.sentences import without_score
from segcore.evaluation.comparison.table import to_csv
from segcore.evaluation.comparison.tidy_tables import total_confusion
from segcore.metrics import CLASS_SCORES, HELP, POLICY
from segcore.runs.cli_hints import profile_command
from segcore.runs.curves import CURVES
from segcore.runs.split_variant import SplitVariant
from segcore.ui.compare import chart_tables, leaderboard
from segcore.ui.compare.chart_tables import Part
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.page_style import is_dark
from segcore.ui.shell.result_cache import cached_result, chart_spec
from segcore.ui.widgets.choices import choose, menu
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.headings import scores_heading
from segcore.ui.widgets.run_legend import run_legend
from segcore.ui.widgets.table import Cell, format_number
from segcore.ui.widgets.table import table as small_table
from segcore.visual import charts, compare_charts, swatch

if TYPE_CHECKING:
    import pandas as pd

    from segcore.evaluation.comparison import Comparison
    from segcore.visual.render import Height
    from segcore.visual.vega_lite import Charts

CLICKED = "pick"  # name of the selection of a clicked dot
SPEEDS = {"0": "any speed"} | {str(fps): f"{fps}+ frames/s" for fps in (1, 5, 10, 15, 24, 30, 60, 100)}
FEW_CLASSES = 14  # whose confusion leaves room for a chart beside it


def title(comparison: Comparison) -> None:
    """The page's title with the scoring policy below, and a button that explains the numbers."""
    scores_heading("Compare", page=True, more=chart_tables.interval_notes(comparison))
    st.caption(POLICY)


def controls(comparison: Comparison, splits: Sequence[str]) -> list[str]:
    """Draw the controls of the leaderboard; return the keys of the columns beside the score that ranks."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if len(splits) > 1:
            choose("Split", "split", splits)
        offered = [key for key in METRICS if key in comparison.metrics or key == comparison.metric.key]
        st.selectbox(
            "Ranked by",
            offered,
            format_func=lambda key: METRICS[key].title,
            **url_state.bound("metric", "miou", offered, menu=True),
            width=230,
            label_visibility="collapsed",
        )
        if comparison.has_seeds or comparison.by_seed:
            st.toggle(
                "Group seeds",
                **url_state.bound("seeds", False),
                help="Shows trainings that differ in their seed alone as one line: their mean. Folds are always one.",
            )
        st.space("stretch")
        first, names = leaderboard.first_columns(comparison), leaderboard.columns(comparison)
        shown = [key for key in url_state.get("columns", first, {*names, *METRICS, *COSTS}) if key in names]
        with st.popover("Columns", type="tertiary", icon=":material/view_column:"):
            picked = st.pills(
                "Columns",
                names,
                selection_mode="multi",
                default=shown,
                format_func=lambda key: leaderboard.title_of(comparison, key),
                key=f"columns:{','.join(names)}:{','.join(shown)}",
                label_visibility="collapsed",
            )
            if picked != shown:
                url_state.put("columns", [key for key in names if key in picked])
                st.rerun()
        st.download_button(
            "CSV",
            lambda: to_csv(comparison),
            f"leaderboard-{comparison.split}.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            type="tertiary",
        )
    return shown


def choose_part(parts: Sequence[Part]) -> Part:
    """Choose the kind of data that the sections below show, since runs on different data can't be compared."""
    if len(parts) == 1:
        return parts[0]
    by_key = {part.label_space.key: part for part in parts}
    return by_key[choose("Data", "part", {key: part.title for key, part in by_key.items()})]


def significance(context: AppContext, comparison: Comparison, part: Part) -> None:
    """Which differences are larger than chance explains: as sentences, and every pair as a matrix."""
    kind_rows = [
        row
        for row in comparison.rows
        if row.pool >= 0
        and comparison.pools[row.pool].label_space == part.label_space
        and row.scores[comparison.metric.key] == row.scores[comparison.metric.key]
    ]
    if len(kind_rows) < 2:
        return
    st.subheader(
        "Is it real?", anchor=False, help="Whether a difference is more than the luck of which images there are."
    )
    ids = [row.id for row in part.rows]
    left, right = st.columns([3, 2], gap="large")
    with left:
        sentences = comparison.sentences(ids)
        if sentences:
            st.markdown("\n".join(f"- {escape_markdown(text)}" for text in sentences))
        else:
            st.markdown("Choose two models to see which is better.")
        for text in cached_result(part.token("caveats"), lambda: comparison.caveats(ids)):
            st.caption(escape_markdown(text))
        for text in without_score(part.rows, comparison.evaluations, [comparison.metric.key]):
            st.caption(escape_markdown(text))
    with right:
        rows = part.rows
        more = len(kind_rows) > len(rows)
        if more:
            which = "highest" if comparison.metric.higher_is_better is None else "best"
            scopes = {"chosen": "chosen", "best": f"{which} {min(len(kind_rows), chart_tables.MOST_PAIRED)}"}
            if choose("Models in the matrix", "pairs", scopes) == "best" or len(rows) < 2:
                rows = tuple(kind_rows[: chart_tables.MOST_PAIRED])
        if len(rows) > 1:
            dark = is_dark()
            _chart(
                part.token("pairs", *(row.id for row in rows), dark),
                lambda printed: compare_charts.significance(
                    *chart_tables.pairs(comparison, rows), dark=dark and not printed
                ),
                key="pairs",
                alt="Every model against every other one: " + " ".join(sentences),
            )
            words = ("higher", "lower") if comparison.metric.higher_is_better is None else ("better", "worse")
            st.caption(
                f"Blue: the row is {words[0]} than the column. Orange: {words[1]}. Grey: neither. "
                "No colour: there is no interval. Points of 100."
            )


def classes(comparison: Comparison, part: Part) -> None:
    """The score of each class and model, with its interval."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Classes", anchor=False, width="content", help="Those on which the models differ most come first.")
        score = choose("Score of a class", "score", {key: score.title for key, score in CLASS_SCORES.items()})
    table = cached_result(part.token("classes", score), lambda: chart_tables.per_class(comparison, part, score))
    present = compare_charts.by_spread(table.dropna(subset=["value"]))
    every = True
    if len(present) > chart_tables.MOST_CLASSES:
        every = st.toggle(f"All {len(present)} classes", **url_state.bound("every", False))
    shown = present if every else present[: chart_tables.MOST_CLASSES]
    _chart(
        part.token("classes", score, every),
        lambda printed: compare_charts.per_class(
            table[table["class"].isin(shown)], part.colors, title=CLASS_SCORES[score].title, printed=printed
        ),
        key="classes",
        alt=f"{HELP[score]} By class and model.",
    )
    absent = [name for name in part.label_space.classes if name not in present]
    if absent:
        st.caption(f"Not in the ground truth, so not counted: {escape_markdown(', '.join(absent))}.")


def quality_and_cost(context: AppContext, comparison: Comparison, part: Part) -> None:
    """Quality against cost, a dot for each model; models that no other one beats are joined. A click chooses."""
    st.subheader("Quality and cost", anchor=False, help="Joined: no other model is both cheaper and better.")
    costs = {key: cost.title for key, cost in comparison.costs.items()}
    qualities = {key: metric.title for key, metric in comparison.metrics.items()}
    first = comparison.metric.key if comparison.metric.key in qualities else next(iter(qualities))
    if not costs:
        return
    with st.container(horizontal=True):
        quality = menu("Quality", "quality", qualities, first)
        cost = menu("Cost", "cost", costs)
        speed = menu("Speed", "fps", SPEEDS) if FPS in costs else next(iter(SPEEDS))
    if float(speed):
        st.markdown(escape_markdown(chart_tables.best_at_speed(comparison, part, quality, float(speed))))
    table, note = chart_tables.quality_and_cost(comparison, part, cost, quality, float(speed))
    if table.dropna(subset=["x", "y"]).empty:
        measured = has_speed(SplitVariant.parse(comparison.split))
        how = f" Measure it: `{profile_command('RUN', comparison.split)}`." if measured else ""
        st.caption(f"{escape_markdown(note)}{how}")
        return
    event = _chart(
        part.token("cost", cost, quality, speed),
        lambda printed: compare_charts.trade_off(
            table,
            part.colors,
            x_title=costs[cost],
            y_title=qualities[quality],
            higher=METRICS[quality].higher_is_better,
            more=comparison.costs[cost].higher_is_better,
            points=CLICKED,
        ),
        # Made from what is chosen: after a click the chart begins with nothing clicked.
        key=f"cost:{','.join(run.id for run in context.chosen)}",
        on_select="rerun",
        selection_mode=CLICKED,
        alt=f"{qualities[quality]} against {costs[cost]}",
    )
    clicked = event["selection"].get(CLICKED, [])
    if clicked and leaderboard.toggle(context, comparison, str(clicked[0]["id"])):
        st.rerun()
    st.caption(f"{escape_markdown(note)} A click on a dot adds or drops a model.".strip())


def mistakes(comparison: Comparison, part: Part) -> None:
    """The confusion matrix, with calibration beside it where there is room."""
    if len(part.label_space.classes) > FEW_CLASSES or not chart_tables.has_calibration(comparison, part):
        _confusion(comparison, part)
        _calibration(comparison, part)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        _confusion(comparison, part)
    with right:
        _calibration(comparison, part)


def _confusion(comparison: Comparison, part: Part) -> None:
    """The confusion matrix of one model, or its difference to another's."""
    st.subheader("Confusion", anchor=False, help="What each true class was taken for, as a share of its pixels.")
    names = {row.id: row.title for row in part.rows}
    rows = {row.id: row for row in part.rows}
    with st.container(horizontal=True, vertical_alignment="center"):
        of = menu("Model", "of", names, width=280)
        comparable = {row.id: row.title for row in part.rows if row.pool == rows[of].pool and row.id != of}
        against = ""
        if comparable:
            options = {"": "alone"} | {row_id: f"against {name}" for row_id, name in comparable.items()}
            against = menu("Against", "minus", options, width=280)
    run = next(run for run in comparison.runs if run.id == of)
    counts = total_confusion(comparison, rows[of])
    other = total_confusion(comparison, rows[against]) if against else None
    if against:
        legend = f"Blue: {names[of]} does better, more often right or less often wrong. Orange: {names[against]} does."
        st.caption(escape_markdown(legend))

    dark, all_counts = is_dark(), counts if other is None else counts + other

    def draw(printed: bool) -> Charts:
        look = {"dark": dark and not printed, "printed": printed}
        if other is None:
            return compare_charts.confusion(counts, run.labels, hue=part.colors[names[of]], **look)
        named = (names[of], names[against])
        return compare_charts.confusion_difference(counts, other, run.labels, names=named, **look)

    many = len(part.label_space.classes) > FEW_CLASSES
    _chart(
        part.token("confusion", of, against, dark),
        draw,
        key="confusion",
        box="wide-confusion" if many else "confusion-box",  # room for their names on a small screen
        height=compare_charts.square_cells(all_counts),
        width=compare_charts.confusion_width(all_counts),
        alt=f"Confusion of {names[of]}" + (f" less that of {names[against]}" if against else ""),
    )


def _calibration(comparison: Comparison, part: Part) -> None:
    """How often models are right against how sure they are; nothing where no evaluation stored it."""
    table, lines = cached_result(part.token("calibration"), lambda: chart_tables.calibration(comparison, part))
    if not lines:
        return
    st.subheader("Calibration", anchor=False, help="Whether a model that is 80 % sure is right 8 times in 10.")
    _chart(
        part.token("calibration"),
        lambda printed: compare_charts.reliability(table, part.colors, printed=printed),
        key="calibration",
        width=460,
        alt=f"Share that is right against confidence. {HELP['ece']}",
    )
    head = [
        Cell("model"),
        Cell("ECE", True, title=HELP["ece"]),
        Cell("scaled", True, title=METRICS["ece_scaled"].help),
        Cell("temperature", True, title=HELP["temperature"]),
    ]
    rows = [
        [
            Cell(line.title, icon=swatch(part.colors[line.title], round_=True)),
            Cell(format_number(line.before), True),
            Cell(format_number(line.after), True),
            Cell(format_number(line.temperature, 2), True),
        ]
        for line in lines
    ]
    small_table(head, rows)
    for text in cached_result(
        part.token("uncalibrated"), lambda: without_score(part.rows, comparison.evaluations, ["ece"])
    ):
        st.caption(escape_markdown(text))
    st.caption(
        "Below the dashed line a model is too sure. The temperature is fitted on validation: where test differs, it "
        "may not help."
    )
    shown = [run_id for row in part.rows for run_id in row.runs]
    for text in cached_result(part.token("stale"), lambda: comparison.stale(shown)):
        st.caption(f":orange[:material/warning:] {escape_markdown(text)}")


def training(context: AppContext, comparison: Comparison, part: Part) -> None:
    """Small training curves of the chosen runs."""
    table, colors, notes = cached_result(
        part.token("curves"), lambda: chart_tables.curves(context, comparison, part, "epoch")
    )
    if table.empty:
        return
    st.subheader(
        "Training", anchor=False, help="Training dashed, validation solid, ◆ the epoch whose weights were kept."
    )
    run_legend(colors)
    for column, name in zip(st.columns(2, gap="large"), ("loss", "miou"), strict=True):
        heading = CURVES[name]
        with column:
            _chart(
                part.token("curve", name),
                partial(_curve, table, colors, name, heading),
                key=f"curve-{name}",
                alt=f"{heading} by epoch of {', '.join(colors)}",
            )
    for note in notes:
        st.caption(escape_markdown(note))


def _curve(table: pd.DataFrame, colors: dict[str, str], name: str, heading: str, printed: bool) -> Charts:
    shown = table.rename(columns={name: "value"})[["run", "phase", "x", "value", "kept"]]
    score = name != "loss"
    return charts.history(shown, colors, title=heading, x_title="epoch", score=score, height=190, printed=printed)


def _chart(
    token: tuple[Hashable, ...],
    build: Callable[[bool], Charts],
    *,
    key: str,
    box: str = "",
    height: Height = None,
    **options: Any,  # noqa: ANN401 - handed on
) -> Any:  # noqa: ANN401
    """Draw a chart that is built once, and the button that saves it.

    Args:
        token: As in `chart_spec`.
        build: Makes the chart, for the screen (False) or for paper (True).
        key: Streamlit key; up to a colon the name of the saved file.
        box: Key of a container for the chart, where it has one; the button then stands below.
        height: Of the saved file.
        options: Those of `st.vega_lite_chart`.
    """
    with (
        saved_as(key.partition(":")[0], partial(build, True), height=height, style="pictures" if box else "figure"),
        st.container(key=box or None),
    ):
        return st.vega_lite_chart(spec=chart_spec(token, partial(build, False)), key=key, **options)
