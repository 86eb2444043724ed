"""The sentences of the errors page: what is ranked and shown, and why nothing is."""

from __future__ import annotations

import numpy as np

from segcore.evaluation.image_ranking import Ranking, lower_is_better, score_titles
from segcore.ui.dataset import tagging
from segcore.ui.dataset.browsing import EVERY
from segcore.ui.errors.evaluated_runs import EvaluatedRuns
from segcore.ui.errors.ranking_query import ORDERS, RankingQuery
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.table import format_number


def order_refused(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery) -> str:
    """Tell why a single run can't be put into the requested order; empty where it can."""
    if query.order == query.requested_order:
        return ""
    return (
        f"The order “{ORDERS[query.requested_order]}” needs two runs with scores on {evaluated.split}; there is only "
        f"{context.titles[evaluated.runs[0].id]}. Tick another in the sidebar. Until then its worst images come first."
    )


def ranking_sentence(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery, ranking: Ranking) -> str:
    """Tell in one line how many images are shown, and in which order."""
    title = score_titles(evaluated.labels)[query.score]
    run, other = (context.titles[evaluated.runs[index].id] for index in (query.run, query.other_run))
    less, ahead = lower_is_better(query.score), int(np.count_nonzero(ranking.values > 0))
    count = f"{len(ranking.ids):,} of {len(evaluated.triage.ids):,} images"
    extreme = "highest" if less else "lowest"
    ahead_of, hint, best = "is ahead of", " (less is better)" if less else "", "best"
    if query.score == "entropy":  # neither more nor less of it is better
        ahead_of, hint, best = "is more certain than", "", "most certain"
    sentence = {
        "worst": f"{count}, the {extreme} {title} of {run} first.",
        "difference": f"{run} {ahead_of} {other} in {ahead:,} of {len(ranking.ids):,} images, "
        f"sorted by the difference in {title}{hint}.",
        "all-fail": f"{count}, the {extreme} {title} of the {best} of {len(evaluated.runs)} runs first.",
        "disagreement": f"{count}, sorted by the share of scored pixels on which the {len(evaluated.runs)} runs don't "
        "all agree.",
        "time": f"{count} in the split's order, with the {title} of {run}.",
        "lit": f"{count} have such pixels of {run}; those with the most come first.",
    }[query.order]
    lacking = [
        f" {context.titles[stored.id]} has no {title}. {reason}"
        for stored, scored in zip(evaluated.runs, evaluated.triage.runs, strict=True)
        if query.order == "all-fail" and (reason := scored.lacks(query.score))
    ]
    return sentence + _left_out(query, ranking, title) + "".join(lacking)


def _left_out(query: RankingQuery, ranking: Ranking, title: str) -> str:
    if not ranking.left_out:
        return ""
    if query.order == "disagreement":
        return f" {ranking.left_out:,} are not compared, because a stored prediction of them can't be read."
    return f" {ranking.left_out:,} are left out, because they have no {title}."


def no_images(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery) -> str:
    """Tell why no image is left."""
    class_name = None if query.class_id is None else evaluated.labels.names[query.class_id]
    if class_name is not None and class_name in evaluated.absent_classes:
        return f"No image of {evaluated.split} has {class_name}. Choose another class."
    if query.tag != EVERY and not tagging.tagged(context.key.source, query.tag, evaluated.triage.ids):
        return f"No image of {evaluated.split} is {tagging.described(query.tag)}. Choose another tag."
    if query.mistake is not None:
        mistake = query.mistake.sentence(evaluated.labels)
        return f"No image is left with {mistake}. Choose another cell, class or run."
    if query.order == "disagreement":
        return "No image is compared yet."
    title = score_titles(evaluated.labels)[query.score]
    runs = (query.run, query.other_run) if query.order == "difference" else (query.run,)
    for index in dict.fromkeys(runs):
        reason = evaluated.triage.runs[index].lacks(query.score)
        if reason:
            return f"{context.titles[evaluated.runs[index].id]} has no {title}. {reason}"
    return f"No image has the score to sort by: {title}. Choose another score or class."


def thumbnail_legend(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery) -> str:
    """Tell what the thumbnails show."""
    run, other = (context.titles[evaluated.runs[index].id] for index in (query.run, query.other_run))
    hover = "Hover to see the ground truth."
    if query.mistake is not None:
        return f"Highlighted: the pixels that {run} mistook in this way, in the colour of the predicted class. {hover}"
    if query.order == "disagreement":
        return f"Brighter: models disagree more; pink: all make the same mistake. {hover}"
    colors = "right = faded photo, wrong = the colour of the class it was taken for, hatched = never scored"
    if query.order == "difference":
        return f"Errors of {other}, and on hover those of {run}: {colors}."
    return f"Errors of {'the best run' if query.order == 'all-fail' else run}: {colors}. {hover}"


def format_value(query: RankingQuery, value: float) -> str:
    """Format the value that an image is ranked by."""
    if query.order == "lit":
        return f"{value:,.0f} px"
    if query.order == "disagreement":
        return f"{100 * value:.1f} %"
    if query.order == "difference":
        return f"{value:+.3f}".replace("-", "−")
    return format_number(value)


def matrix_note(evaluated: EvaluatedRuns) -> str:
    """Tell what a click on the confusion matrix does, and which classes it leaves out."""
    note = (
        "Click a cell to highlight these mistakes and see the images with most of them; click a class name for all "
        "of its mistakes."
    )
    absent = evaluated.absent_classes
    return note + (f" Classes that never occur in {evaluated.split}: {', '.join(absent)}." if absent else "")
