"""The controls of the errors page: which images are ranked, by what, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from segcore.evaluation.image_ranking import JOINT, Mistake, Ranking, class_scores, image_scores, score_titles
from segcore.ui.dataset import tagging
from segcore.ui.dataset.browsing import EVERY
from segcore.ui.errors.evaluated_runs import EvaluatedRuns
from segcore.ui.shell import run_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.incremental import chunks, process_incrementally
from segcore.ui.shell.link_problems import describe_missing
from segcore.ui.widgets.choices import next_option

ORDERS = {
    "worst": "worst first",
    "difference": "biggest difference",
    "all-fail": "all fail",
    "disagreement": "most disagreement",
    "time": "time",
}
MOST_HIGHLIGHTED = "most highlighted pixels"
NEED_TWO_RUNS = ("difference", "all-fail", "disagreement")
SCORE_HELP = (
    "Computed for each image by itself: means are over the classes present in that image. Choose a class for its own "
    "IoU, precision, recall and Dice."
)


@dataclass(frozen=True)
class RankingQuery:
    """What the errors page shows, and in which order; all of it stands in the link.

    Args:
        order: The order in use: a key of `ORDERS`, or `lit` for the most highlighted pixels.
        requested_order: The order that was chosen; a single run can't be put into every order.
        score: A key of `score_titles`.
        run: Index of the run that is shown.
        other_run: Index of the run it is compared with; the same where there is only one.
        class_id: Only images that hold this class; None for all.
        mistake: Only images with this mistake, whose pixels are highlighted; None for all.
        tag: What `tagging.choose_tag` returned.
    """

    order: str
    requested_order: str
    score: str
    run: int
    other_run: int
    class_id: int | None
    mistake: Mistake | None
    tag: str


def choose_split(splits: Sequence[str]) -> None:
    """Draw the choice of the split, where there are several."""
    if len(splits) > 1:
        st.segmented_control("Split", splits, required=True, **url_state.bound("split", splits[0], splits))


def choose_query(context: AppContext, evaluated: EvaluatedRuns, splits: Sequence[str]) -> RankingQuery:
    """Draw one row of controls; return what they say."""
    labels = evaluated.labels
    titles = {run.id: context.titles[run.id] for run in evaluated.runs}
    mistake_name = url_state.get("lit", "")
    mistake = Mistake.parse(mistake_name, labels)
    if mistake is None:
        if mistake_name:
            url_state.report_problem("lit", describe_missing("lit", [mistake_name]))
        url_state.put("lit", "")
    orders = ({"lit": MOST_HIGHLIGHTED} if mistake else {}) | ORDERS
    classes = (EVERY, *labels.names)
    scores = _score_options(evaluated, url_state.get("class", EVERY, classes))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_split(splits)
        requested = st.selectbox(
            "Sort by",
            orders,
            format_func=orders.__getitem__,
            **url_state.bound("rank", "worst", orders, menu=True),
            width=180,
        )
        order = "worst" if requested in NEED_TWO_RUNS and len(titles) < 2 else requested
        score = url_state.get("score", "miou", scores)
        if order not in ("disagreement", "lit"):
            bound = url_state.bound("score", "miou", scores, menu=True)
            score = st.selectbox(
                "Score", scores, format_func=scores.__getitem__, **bound, width=185, help=_score_help(evaluated)
            )
        run = next(iter(titles))
        if len(titles) > 1:
            label = "Where this run is better" if order == "difference" else "Run"
            bound = url_state.bound("of", run, titles, menu=True)
            run = st.selectbox(label, titles, format_func=titles.__getitem__, **bound, width=190)
            next_option("of", list(titles), "m", "model")
        others = {run_id: title for run_id, title in titles.items() if run_id != run}
        other = url_state.get("than", next(iter(others), run), others or titles)
        if order == "difference":
            icon_button("swap_horiz", "Swap the two runs", "errors:swap", _swap, run, other, framed=True)
            bound = url_state.bound("than", next(iter(others)), others, menu=True)
            other = st.selectbox("than this one", others, format_func=titles.__getitem__, **bound, width=165)
        bound = url_state.bound("class", EVERY, classes, menu=True)
        bound |= {"on_change": _class_chosen, "args": (bound["on_change"],)}
        class_name = st.selectbox("With class", classes, **bound, width=140)
        tag = tagging.choose_tag(context.key.source) if context.dataset is not None else EVERY
    run_ids = list(titles)
    class_id = None if class_name == EVERY else labels.index(class_name)
    return RankingQuery(order, requested, score, run_ids.index(run), run_ids.index(other), class_id, mistake, tag)


def _score_options(evaluated: EvaluatedRuns, class_name: str) -> dict[str, str]:
    """Return key -> title of the scores to choose from; one in the link that is not available is refused."""
    titles = evaluated.triage.known | ({} if class_name == EVERY else class_scores(class_name))
    every, requested = score_titles(evaluated.labels), url_state.get("score", "miou")
    if requested in titles:
        return titles
    if requested in every and requested not in image_scores():
        return titles | {requested: every[requested]}  # of another class
    if requested in image_scores():
        reasons = [run.lacks(requested) for run in evaluated.triage.runs]
        reason = next((reason for reason in reasons if reason), "")
        url_state.report_problem("score", f"No run here has stored {every[requested]}. {reason}".strip())
    else:
        url_state.report_problem("score", describe_missing("score", [requested]))
    url_state.put("score", "miou")
    return titles


def _score_help(evaluated: EvaluatedRuns) -> str:
    missing = [
        score.title
        for key, score in image_scores().items()
        if key not in evaluated.triage.known and not score.without_void
    ]
    return SCORE_HELP + (f" Not stored with these runs: {', '.join(missing)}." if missing else "")


def _class_chosen(keep: Callable[[str], None]) -> None:
    """Replace the score of the class before by the same score of the new class."""
    keep("class")
    class_name, (kind, joint, _) = url_state.get("class", EVERY), url_state.get("score", "miou").partition(JOINT)
    if joint:
        url_state.put("score", "miou" if class_name == EVERY else f"{kind}{JOINT}{class_name}")


def _swap(run: str, other: str) -> None:
    url_state.put("of", other)
    url_state.put("than", run)


def highlight_mistake(name: str) -> None:
    """Show the images with the most of one kind of mistake; an empty name shows all again."""
    url_state.put("lit", name)
    url_state.put("rank", "lit" if name else "worst")


def rank_images(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery) -> Ranking:
    """Rank the images that the query selects. Disagreement is counted a few images at a time."""
    triage, keep = evaluated.triage, np.ones(len(evaluated.triage.ids), bool)
    if query.class_id is not None:
        keep &= triage.present(query.class_id)
    if query.tag != EVERY:
        tagged = set(tagging.tagged(context.key.source, query.tag, triage.ids))
        keep &= np.array([sample_id in tagged for sample_id in triage.ids], bool)
    mistaken_pixels = None
    if query.mistake is not None:
        mistaken_pixels = triage.mistaken(query.run, query.mistake)
        keep &= mistaken_pixels > 0
    if query.order == "lit" and mistaken_pixels is not None:
        return triage.ranked(mistaken_pixels.astype(np.float64), True, keep)
    if query.order == "time":
        return triage.in_order(triage.score(query.run, query.score), keep)
    if query.order == "difference":
        return triage.difference(query.run, query.other_run, query.score, keep)
    if query.order == "all-fail":
        return triage.all_fail(query.score, keep)
    if query.order == "disagreement":
        shares = _disagreement(context, evaluated)
        return triage.most(shares, keep & np.array([sample_id in shares for sample_id in triage.ids], bool))
    return triage.worst(query.run, query.score, keep)


def _disagreement(context: AppContext, evaluated: EvaluatedRuns) -> dict[str, float]:
    """Return image id -> share of disputed pixels, of the images counted so far."""
    data = context.key if context.dataset is not None else None
    versions = [(run.id, run.version) for run in evaluated.runs]
    parts = process_incrementally(
        f"disagreement:{data}:{evaluated.split}:{versions}",
        chunks(evaluated.triage.ids),
        lambda ids: run_cache.disagreement(evaluated.runs, evaluated.split, ids, data),
        "Comparing predictions",
        partly=True,
    )
    return {sample_id: share for ids, shares in parts.items() for sample_id, share in zip(ids, shares, strict=True)}
