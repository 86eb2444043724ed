"""The errors page: which runs stand side by side, what is asked of them, and in which order the images answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from segcore.errors import SegcoreError
from segcore.evaluation.image_ranking import JOINT, Mistake, Ranking, Triage, class_scores, image_scores, score_titles
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.dataset.browsing import EVERY
from segcore.ui.shell import notices, run_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.incremental import chunks, process_incrementally
from segcore.ui.shell.link_problems import describe_missing
from segcore.ui.shell.markdown import escape_markdown

RANKS = {
    "worst": "worst first",
    "difference": "biggest difference",
    "all-fail": "all fail",
    "disagreement": "most disagreement",
    "time": "time",
}
LIT = "most lit pixels"
PAIR = ("difference", "all-fail", "disagreement")  # orders that one run can't make
SCORE_HELP = (
    "Of each image by itself: means are over the classes present in that image. Choose a class for its own IoU, "
    "precision, recall and Dice."
)


@dataclass(frozen=True, eq=False)
class ErrorsData:
    """Runs with readable counts of one split, side by side.

    Args:
        split: Its name.
        runs: R of them, the best mIoU first.
        triage: Their scores, in the same order.
        size: (height, width) of the first image.
        missing: Runs without an evaluation of the split.
        problems: Why some can't be read.
    """

    split: str
    runs: tuple[RunRecord, ...]
    triage: Triage
    size: tuple[int, int]
    missing: tuple[RunRecord, ...]
    problems: tuple[str, ...]

    @property
    def labels(self) -> LabelMap:
        """The classes of all of them."""
        return self.runs[0].labels

    @cached_property
    def absent(self) -> list[str]:
        """Names of the classes that no image's ground truth holds."""
        found = np.sum([run.sums.true.sum(axis=0) for run in self.triage.runs], axis=0)
        return [name for name, pixels in zip(self.labels.names, found, strict=True) if not pixels]


@dataclass(frozen=True)
class ErrorsQuery:
    """What the page shows; all of it stands in the link.

    Args:
        rank: A key of `RANKS`, or `lit`: the order that can be made.
        wanted: The order that was asked for; one run alone can't make all.
        score: A key of `score_titles`.
        run: Place of the run that is looked at.
        than: Place of the run it is compared with; the same where there is one alone.
        class_id: Only images that hold this class; None for all.
        mistake: Only images with pixels mistaken so, which are lit; None for all.
    """

    rank: str
    wanted: str
    score: str
    run: int
    than: int
    class_id: int | None
    mistake: Mistake | None


def comparable(view: AppContext) -> tuple[RunRecord, ...]:
    """Chosen runs that can stand side by side: those of the active dataset; without one, those like the first."""
    if view.dataset is not None or not view.chosen:
        return view.fitting
    first = view.chosen[0]
    return tuple(
        run
        for run in view.chosen
        if run.summary.dataset.name == first.summary.dataset.name and run.labels.names == first.labels.names
    )


def load(view: AppContext, runs: tuple[RunRecord, ...], split: str) -> ErrorsData:
    """The runs' stored counts of a split; what can't be read is named, not raised."""
    found, missing, problems = [], [], []
    for run in runs:
        try:
            scored = run_cache.image_scores(run, split)
        except SegcoreError as error:
            problems.append(f"{view.titles[run.id]}: {error}")
            continue
        if scored is None or not scored.ids:
            missing.append(run)
        else:
            found.append((run, scored))
    found.sort(key=lambda each: -np.nan_to_num(each[1].evaluation.scores.miou))
    size = (3, 4)
    if found:
        evaluation = run_cache.evaluation(found[0][0], split)
        assert evaluation is not None
        size = evaluation.size(evaluation.ids[0])
    triage = Triage.of([scored for _, scored in found])
    return ErrorsData(split, tuple(run for run, _ in found), triage, size, tuple(missing), tuple(problems))


def left_out(view: AppContext, board: ErrorsData) -> None:
    """Name the chosen runs that can't be shown, and why."""
    if view.dataset is not None:
        notices.other_data(view)
        notices.other_version(view)
    else:
        notices.different_data(view.chosen, view.titles)
    for problem in board.problems:
        st.warning(escape_markdown(problem))
    notices.unevaluated(view, board.missing, board.split)


def choose_split(splits: Sequence[str]) -> None:
    """A switch, where there is more than one."""
    if len(splits) > 1:
        st.segmented_control("Split", splits, required=True, **url_state.bound("split", splits[0], splits))


def choose(view: AppContext, board: ErrorsData, splits: Sequence[str]) -> ErrorsQuery:
    """One row of controls."""
    labels = board.labels
    names = {run.id: view.titles[run.id] for run in board.runs}
    lit = url_state.get("lit", "")
    mistake = Mistake.parse(lit, labels)
    if mistake is None:
        if lit:
            url_state.report_problem("lit", describe_missing("lit", [lit]))
        url_state.put("lit", "")
    ranks = ({"lit": LIT} if mistake else {}) | RANKS
    classes = (EVERY, *labels.names)
    titles = _offered(board, url_state.get("class", EVERY, classes))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_split(splits)
        rank = st.selectbox(
            "Sort by", ranks, format_func=lambda each: ranks[each], **url_state.bound("rank", "worst", ranks), width=180
        )
        able = "worst" if rank in PAIR and len(names) < 2 else rank
        score = url_state.get("score", "miou", titles)
        if able not in ("disagreement", "lit"):
            bound = url_state.bound("score", "miou", titles)
            score = st.selectbox(
                "Score", titles, format_func=lambda each: titles[each], **bound, width=185, help=_score_help(board)
            )
        run = next(iter(names))
        if len(names) > 1:
            label = "Where this run is better" if able == "difference" else "Run"
            run = st.selectbox(
                label, names, format_func=lambda each: names[each], **url_state.bound("of", run, names), width=190
            )
        others = {key: name for key, name in names.items() if key != run}
        than = url_state.get("than", next(iter(others), run), others or names)
        if able == "difference":
            st.button("", icon=":material/swap_horiz:", help="Swap the two runs", on_click=_swap, args=(run, than))
            bound = url_state.bound("than", next(iter(others)), others)
            than = st.selectbox("than this one", others, format_func=lambda each: names[each], **bound, width=165)
        bound = url_state.bound("class", EVERY, classes)
        bound |= {"on_change": _class_chosen, "args": (bound["on_change"],)}
        name = st.selectbox("With class", classes, **bound, width=140)
    places = list(names)
    class_id = None if name == EVERY else labels.index(name)
    asked = ErrorsQuery(able, rank, score, places.index(run), places.index(than), class_id, mistake)
    _first_page(view, board, asked)
    return asked


def _offered(board: ErrorsData, class_name: str) -> dict[str, str]:
    """Key -> title of the scores to choose from; one in the link that can't be had is dropped, and told."""
    titles = board.triage.known | ({} if class_name == EVERY else class_scores(class_name))
    every, asked = score_titles(board.labels), url_state.get("score", "miou")
    if asked in titles:
        return titles
    if asked in every and asked not in image_scores():
        return titles | {asked: every[asked]}  # of another class
    if asked in image_scores():
        lacking = next((said for run in board.triage.runs if (said := run.lacks(asked))), "")
        url_state.report_problem("score", f"No run here has stored {every[asked]}. {lacking}".strip())
    else:
        url_state.report_problem("score", describe_missing("score", [asked]))
    url_state.put("score", "miou")
    return titles


def _score_help(board: ErrorsData) -> str:
    lacking = [
        score.title for key, score in image_scores().items() if key not in board.triage.known and not score.without_void
    ]
    return SCORE_HELP + (f" Not stored with these runs: {', '.join(lacking)}." if lacking else "")


def _class_chosen(keep: Callable[[str], None]) -> None:
    """Another class: its own score in place of that of the class before."""
    keep("class")
    name, (kind, joint, _) = url_state.get("class", EVERY), url_state.get("score", "miou").partition(JOINT)
    if joint:
        url_state.put("score", "miou" if name == EVERY else f"{kind}{JOINT}{name}")


def _swap(run: str, than: str) -> None:
    url_state.put("of", than)
    url_state.put("than", run)


def _first_page(view: AppContext, board: ErrorsData, asked: ErrorsQuery) -> None:
    """Another question begins on its first page; a link's own page stays."""
    question = (view.key, board.split, tuple(run.id for run in board.runs), asked)
    if st.session_state.get("segcore:question", question) != question:
        url_state.put("sheet", 1)
    st.session_state["segcore:question"] = question


def light(name: str) -> None:
    """Show the images with the most of one kind of mistake; an empty name shows all again."""
    url_state.put("lit", name)
    url_state.put("rank", "lit" if name else "worst")


def ranking(view: AppContext, board: ErrorsData, asked: ErrorsQuery) -> Ranking:
    """The images that answer what is asked, in order. Disagreement is counted a few images at a time."""
    triage, keep = board.triage, np.ones(len(board.triage.ids), bool)
    if asked.class_id is not None:
        keep &= triage.present(asked.class_id)
    lit = None
    if asked.mistake is not None:
        lit = triage.mistaken(asked.run, asked.mistake)
        keep &= lit > 0
    if asked.rank == "lit" and lit is not None:
        return triage.ranked(lit.astype(np.float64), True, keep)
    if asked.rank == "time":
        return triage.in_order(triage.score(asked.run, asked.score), keep)
    if asked.rank == "difference":
        return triage.difference(asked.run, asked.than, asked.score, keep)
    if asked.rank == "all-fail":
        return triage.all_fail(asked.score, keep)
    if asked.rank == "disagreement":
        shares = _disagreement(view, board)
        return triage.most(shares, keep & np.array([each in shares for each in triage.ids], bool))
    return triage.worst(asked.run, asked.score, keep)


def _disagreement(view: AppContext, board: ErrorsData) -> dict[str, float]:
    data = view.key if view.dataset is not None else None
    versions = [(run.id, run.version) for run in board.runs]
    wanted = chunks(board.triage.ids)
    parts = process_incrementally(
        f"disagreement:{data}:{board.split}:{versions}",
        wanted,
        lambda ids: run_cache.disagreement(board.runs, board.split, ids, data),
        "Comparing predictions",
        partly=True,
    )
    return {sample_id: share for ids, shares in parts.items() for sample_id, share in zip(ids, shares, strict=True)}
