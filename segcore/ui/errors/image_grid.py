"""The ranked images of the errors page, as thumbnails or as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from segcore.arrays import F64
from segcore.errors import SegcoreError
from segcore.evaluation.image_ranking import Mistake, Ranking, best
from segcore.runs.scored_splits import evaluated_splits
from segcore.ui.errors.evaluated_runs import EvaluatedRuns
from segcore.ui.errors.ranking_query import RankingQuery
from segcore.ui.errors.sentences import format_value
from segcore.ui.predictions import run_evaluations
from segcore.ui.shell import image_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.widgets.table import format_number
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, paged_gallery

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 2000  # of the table


def image_grid(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery, ranking: Ranking) -> None:
    """Draw the images as thumbnails; a click opens one on the predictions page."""
    scores = evaluated.triage.scores(query.score)
    rank_of = {sample_id: rank for rank, sample_id in enumerate(ranking.ids)}
    best_runs = best(scores, query.score)[1]

    def draw(sample_id: str) -> Thumbnail:
        rank = rank_of[sample_id]
        image = int(ranking.places[rank])
        best_run = int(best_runs[image])
        note = format_value(query, float(ranking.values[rank]))
        if query.order == "all-fail":
            note = f"{note} {context.titles[evaluated.runs[best_run].id]}"
        hint = [sample_id, *_score_lines(context, evaluated, scores[:, image])]
        photo = layer = hover = None
        try:
            photo, hover = image_cache.thumbnail(context.key, sample_id, image_cache.WIDE_THUMBNAIL)
            if query.mistake is None and query.order == "disagreement":
                layer = image_cache.disagreement_thumbnail(evaluated.runs, evaluated.split, sample_id, context.key)
            elif query.mistake is None and query.order == "difference":
                layer, hover = (
                    _error_layer(context, evaluated, run, None, sample_id) for run in (query.other_run, query.run)
                )
            else:
                run = best_run if query.order == "all-fail" and query.mistake is None else query.run
                layer = _error_layer(context, evaluated, run, query.mistake, sample_id)
        except SegcoreError as error:
            note, hint = f"unreadable · {note}", [*hint, str(error)]
        return Thumbnail(sample_id, photo, layer, note, hover=hover if layer else None, hint="\n".join(hint))

    versions = tuple((run.id, run.version) for run in evaluated.runs)
    paged_gallery(
        ranking.ids,
        evaluated.image_size,
        draw,
        version=(context.key, evaluated.split, versions, query, context.hidden),
        on_pick=lambda sample_id: open_image(context, evaluated.split, sample_id),
        page="sheet",
        overlay=True,
        exact=True,
        swap=query.order == "difference" and query.mistake is None,
        smallest=200,
    )


def _error_layer(
    context: AppContext, evaluated: EvaluatedRuns, run: int, mistake: Mistake | None, sample_id: str
) -> bytes:
    return image_cache.error_thumbnail(
        evaluated.runs[run], evaluated.split, sample_id, mistake, context.hidden, context.key
    )


def _score_lines(context: AppContext, evaluated: EvaluatedRuns, values: F64) -> list[str]:
    return [
        f"{context.titles[run.id]} {format_number(float(value))}"
        for run, value in zip(evaluated.runs, values, strict=True)
    ]


def open_image(context: AppContext, split: str, sample_id: str) -> None:
    """Open an image on the predictions page: the error view, with the same runs and highlighted pixels."""
    choices = {"image": sample_id, "view": "error", "split": split}
    for name, value in choices.items():
        url_state.put(name, value)
    if split == evaluated_splits(context.fitting, context.default_split)[0]:
        del choices["split"]
    if sample_id == run_evaluations.middle_image(context, split):
        del choices["image"]
    # Exactly the link that the predictions page writes: if that page changed it, the browser's back button would
    # first lead back to the same page.
    kept = {name: st.query_params[name] for name in ("data", "runs", "hide", "lit") if name in st.query_params}
    st.switch_page("pages/predictions.py", query_params=kept | choices)


def image_table(context: AppContext, evaluated: EvaluatedRuns, query: RankingQuery, ranking: Ranking) -> pd.DataFrame:
    """List the ranked images with every run's score, for when there are no pictures: columns `image, value, <runs>`."""
    import pandas as pd

    images = ranking.places[:MAX_ROWS]
    values = [format_value(query, float(value)) for value in ranking.values[:MAX_ROWS]]
    scores = evaluated.triage.scores(query.score)[:, images]
    columns = {context.titles[run.id]: row for run, row in zip(evaluated.runs, scores, strict=True)}
    return pd.DataFrame({"image": ranking.ids[:MAX_ROWS], "value": values, **columns})
