"""What the errors page says and draws of the images that answer a question: one line, thumbnails, or a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.errors import SegcoreError
from segcore.evaluation.image_ranking import Mistake, Ranking, best, lower_is_better, score_titles
from segcore.ui.errors.query import RANKS, ErrorsData, ErrorsQuery
from segcore.ui.predictions import panel_data
from segcore.ui.shell import image_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.table import format_number
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, paged_gallery

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 2000  # of the table


def refused(view: AppContext, board: ErrorsData, asked: ErrorsQuery) -> None:
    """Say why one run alone can't be sorted so."""
    if asked.rank != asked.wanted:
        only = escape_markdown(view.titles[board.runs[0].id])
        st.info(
            f"The order “{RANKS[asked.wanted]}” needs two runs with scores on {board.split}; there is only {only}. "
            "Tick another in the sidebar. Until then its worst images come first."
        )


def words(view: AppContext, board: ErrorsData, asked: ErrorsQuery, found: Ranking) -> str:
    """One line over the pictures: how many there are, and in which order."""
    title = score_titles(board.labels)[asked.score]
    run, than = (view.titles[board.runs[place].id] for place in (asked.run, asked.than))
    less, ahead = lower_is_better(asked.score), int(np.count_nonzero(found.values > 0))
    shown = f"{len(found.ids):,} of {len(board.triage.ids):,} images"
    end = "highest" if less else "lowest"
    more, aside, best_ = "is ahead of", " (less is better)" if less else "", "best"
    if asked.score == "entropy":  # neither more nor less of it is better
        more, aside, best_ = "is more certain than", "", "most certain"
    line = {
        "worst": f"{shown}, the {end} {title} of {run} first.",
        "difference": f"{run} {more} {than} in {ahead:,} of {len(found.ids):,} images, "
        f"sorted by the difference in {title}{aside}.",
        "all-fail": f"{shown}, the {end} {title} of the {best_} of {len(board.runs)} runs first.",
        "disagreement": f"{shown}, by the share of scored pixels on which the {len(board.runs)} runs don't all agree.",
        "time": f"{shown} in the split's order, with the {title} of {run}.",
        "lit": f"{shown} have such pixels of {run}; those with the most come first.",
    }[asked.rank]
    return line + _left_out(board, asked, found, title)


def _left_out(board: ErrorsData, asked: ErrorsQuery, found: Ranking, title: str) -> str:
    if not found.left_out:
        return ""
    if asked.rank == "disagreement":
        return f" {found.left_out:,} are not compared: a stored prediction of them can't be read."
    return f" {found.left_out:,} have no {title} to go by."


def nothing(view: AppContext, board: ErrorsData, asked: ErrorsQuery) -> str:
    """Why no image is left."""
    if asked.class_id is not None and board.labels.names[asked.class_id] in board.absent:
        return f"No image of {board.split} has {board.labels.names[asked.class_id]}. Choose another class."
    if asked.mistake is not None:
        return f"No image is left with {asked.mistake.sentence(board.labels)}. Choose another cell, class or run."
    if asked.rank == "disagreement":
        return "No image is compared yet."
    title = score_titles(board.labels)[asked.score]
    for place in dict.fromkeys((asked.run, asked.than) if asked.rank == "difference" else (asked.run,)):
        lacking = board.triage.runs[place].lacks(asked.score)
        if lacking:
            return f"{view.titles[board.runs[place].id]} has no {title}. {lacking}"
    return f"No image has a score to go by: {title}. Choose another score or class."


def pictures(view: AppContext, board: ErrorsData, asked: ErrorsQuery) -> str:
    """What the thumbnails show."""
    run, than = (view.titles[board.runs[place].id] for place in (asked.run, asked.than))
    hover = "Hover to see the ground truth."
    if asked.mistake is not None:
        return f"Lit: the pixels that {run} took so, in the colour of the class it took them for. {hover}"
    if asked.rank == "disagreement":
        return f"The brighter, the more answers there are; pink: all agree and are wrong. {hover}"
    legend = "right = faded photo, wrong = the colour of the class it was taken for, hatched = never scored"
    if asked.rank == "difference":
        return f"Errors of {than}, and on hover those of {run}: {legend}."
    return f"Errors of {'the best run' if asked.rank == 'all-fail' else run}: {legend}. {hover}"


def grid(view: AppContext, board: ErrorsData, asked: ErrorsQuery, found: Ranking) -> None:
    """The images as thumbnails; a click opens one on the predictions page."""
    table = board.triage.scores(asked.score)
    index = {sample_id: place for place, sample_id in enumerate(found.ids)}
    leader = best(table, asked.score)[1]

    def draw(sample_id: str) -> Thumbnail:
        place = int(found.places[index[sample_id]])
        lead = int(leader[place])
        note = value_text(asked, float(found.values[index[sample_id]]))
        if asked.rank == "all-fail":
            note = f"{note} {view.titles[board.runs[lead].id]}"
        hint = [sample_id, *_scores(view, board, table[:, place])]
        photo = layer = hover = None
        try:
            photo, hover = image_cache.thumbnail(view.key, sample_id, image_cache.WIDE_THUMBNAIL)
            if asked.mistake is None and asked.rank == "disagreement":
                layer = image_cache.disagreement_thumbnail(board.runs, board.split, sample_id, view.key)
            elif asked.mistake is None and asked.rank == "difference":
                layer, hover = (_layer(view, board, run, None, sample_id) for run in (asked.than, asked.run))
            else:
                run = lead if asked.rank == "all-fail" and asked.mistake is None else asked.run
                layer = _layer(view, board, run, asked.mistake, sample_id)
        except SegcoreError as error:
            note, hint = f"unreadable · {note}", [*hint, str(error)]
        return Thumbnail(sample_id, photo, layer, note, hover=hover if layer else None, hint="\n".join(hint))

    versions = tuple((run.id, run.version) for run in board.runs)
    paged_gallery(
        found.ids,
        board.size,
        draw,
        version=(view.key, board.split, versions, asked, view.hidden),
        on_pick=lambda sample_id: open_image(view, board.split, sample_id),
        page="sheet",
        overlay=True,
        exact=True,
        swap=asked.rank == "difference" and asked.mistake is None,
        smallest=200,
    )


def _layer(view: AppContext, board: ErrorsData, run: int, mistake: Mistake | None, sample_id: str) -> bytes:
    return image_cache.error_thumbnail(board.runs[run], board.split, sample_id, mistake, view.hidden, view.key)


def _scores(view: AppContext, board: ErrorsData, values: npt.NDArray[np.float64]) -> list[str]:
    return [
        f"{view.titles[run.id]} {format_number(float(value))}" for run, value in zip(board.runs, values, strict=True)
    ]


def value_text(asked: ErrorsQuery, value: float) -> str:
    """What an image is ranked by, for people."""
    if asked.rank == "lit":
        return f"{value:,.0f} px"
    if asked.rank == "disagreement":
        return f"{100 * value:.1f} %"
    if asked.rank == "difference":
        return f"{value:+.3f}".replace("-", "−")
    return format_number(value)


def open_image(view: AppContext, split: str, sample_id: str) -> None:
    """Go to the predictions page, on this image, in the error view, with the same runs and the same pixels lit."""
    chosen = {"image": sample_id, "view": "error", "split": split}
    for name, value in chosen.items():
        url_state.put(name, value)
    if split == panel_data.splits(view)[0]:
        del chosen["split"]
    # What that page would write itself: were it to change the link, going back would first lead to itself.
    same = {name: st.query_params[name] for name in ("data", "runs", "hide", "lit") if name in st.query_params}
    st.switch_page("pages/predictions.py", query_params=same | chosen)


def listed(view: AppContext, board: ErrorsData, asked: ErrorsQuery, found: Ranking) -> pd.DataFrame:
    """The ranked images with every run's score, where there are no pictures: columns `image, value, <runs>`."""
    import pandas as pd

    places = found.places[:MOST_ROWS]
    values = [value_text(asked, float(value)) for value in found.values[:MOST_ROWS]]
    table = board.triage.scores(asked.score)[:, places]
    columns = {view.titles[run.id]: row for run, row in zip(board.runs, table, strict=True)}
    return pd.DataFrame({"image": found.ids[:MOST_ROWS], "value": values, **columns})


def matrix_note(board: ErrorsData) -> str:
    """What the matrix says, and which classes it leaves out."""
    note = "A click on a cell shows the images with the most such pixels, lit; a click on a name, all of its mistakes."
    absent = f" Not one pixel in {board.split}: {', '.join(board.absent)}." if board.absent else ""
    return note + absent
