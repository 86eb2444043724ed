"""The sidebar's run menu: which runs all pages show."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

import streamlit as st

from segcore.data import Dataset
from segcore.errors import RunError
from segcore.runs import RunProblem, RunRecord, RunStore, RunWriter
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import MAX_CHOSEN, fits
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.shell.link_problems import describe_too_many
from segcore.ui.shell.markdown import escape_markdown

MOST_LISTED = 12  # runs with a checkbox each
_RESTORED = "segcore:restored"  # key of the menu of archived runs


def chosen_ids(runs: Sequence[RunRecord], dataset: Dataset | None) -> list[str]:
    """Ids of the chosen runs. At first these are the runs of the dataset, of many the ones with the best mIoU."""
    ids = [run.id for run in runs]
    candidates = [run for run in runs if dataset is None or fits(run, dataset)] or list(runs)
    if len(candidates) > MAX_CHOSEN:
        candidates = sorted(candidates, key=lambda run: -_miou(run))[:MAX_CHOSEN]
    first = {run.id for run in candidates}
    chosen = url_state.get("runs", [run_id for run_id in ids if run_id in first], ids)
    if len(chosen) > MAX_CHOSEN:
        url_state.report_problem("runs", describe_too_many(len(chosen), MAX_CHOSEN))
    return chosen[:MAX_CHOSEN]


def other_datasets(runs: Sequence[RunRecord], chosen: Collection[str]) -> dict[str, list[str]]:
    """Datasets that none of the chosen runs was trained on -> ids of the runs on it, of many the best ones."""
    known = {run.summary.dataset.name for run in runs if run.id in chosen}
    others: dict[str, list[str]] = {}
    for run in sorted(runs, key=lambda run: -_miou(run)):
        if run.summary.dataset.name not in known:
            others.setdefault(run.summary.dataset.name, []).append(run.id)
    return {name: ids[:MAX_CHOSEN] for name, ids in others.items()}


def _miou(run: RunRecord) -> float:
    """MIoU on test, else on validation, else -1."""
    score = run.summary.test or run.summary.val
    return score.miou if score else -1.0


def run_menu(
    runs: Sequence[RunRecord],
    problems: Sequence[RunProblem],
    *,
    titles: dict[str, str],
    colors: dict[str, str],
    dataset: Dataset | None,
    chosen: Collection[str],
    store: RunStore,
) -> None:
    """Draw a checkbox for each run, and a button that opens what the run is (`segcore.ui.run_details`).

    Runs of the active dataset come first. Of many runs, the chosen ones alone are drawn, with a menu to add others.

    Args:
        runs: Every readable run.
        problems: Folders that can't be read, listed behind a button.
        titles: Run id -> name.
        colors: Run id -> hex colour.
        dataset: The active dataset; runs of another one are marked.
        chosen: Ids of the chosen runs.
        store: The folder of the runs, for those archived in it.
    """
    st.markdown("**Runs**")
    ids = [run.id for run in runs]
    if not runs:
        st.caption("none yet")
    many, full = len(runs) > MOST_LISTED, len(chosen) >= MAX_CHOSEN
    with st.container(border=False, gap="xxsmall"):
        drawn = [place for place, run in enumerate(runs) if not many or run.id in chosen]
        styles = (f".st-key-run-line-{place} {{ --run: {colors[runs[place].id]}; }}" for place in drawn)
        st.html(f"<style>{' '.join(styles)}</style>")
        foreign = [dataset is not None and not fits(run, dataset) for run in runs]
        for place in sorted(drawn, key=foreign.__getitem__):
            run, fitting = runs[place], not foreign[place]
            label, name = escape_markdown(titles[run.id]), run.summary.dataset.name
            with st.container(key=f"run-line-{place}", horizontal=True, vertical_alignment="center", gap="xxsmall"):
                st.checkbox(
                    label
                    if fitting or titles[run.id].endswith(f"({name})")
                    else f"{label} :gray[{escape_markdown(name)}]",
                    value=run.id in chosen,
                    key=f"run:{run.id}:{run.id in chosen}",
                    help=None if fitting else f"Trained on {name} ({run.labels.classes} classes).",
                    on_change=_toggle,
                    args=(run.id, ids, sorted(chosen)),
                    disabled=full and run.id not in chosen,
                    width="stretch",
                )
                icon_button(
                    "info", f"{titles[run.id]}: model and settings", f"about:{run.id}", url_state.put, "about", run.id
                )
        if many:
            _add_menu([run for run in runs if run.id not in chosen], titles, sorted(chosen))
    if problems:
        with st.popover(f"{len(problems)} can't be read", icon=":material/warning:", type="tertiary"):
            for problem in problems:
                st.markdown(f"**{escape_markdown(problem.path.name)}**  \n{escape_markdown(problem.message)}")
    if (archived := store.archived) and os.access(store.root, os.W_OK):
        _archived_menu(store, archived)


def _archived_menu(store: RunStore, archived: Sequence[str]) -> None:
    """Offer to put archived runs back."""
    with st.popover(f"{len(archived)} archived", icon=":material/archive:", type="tertiary"):
        st.selectbox(
            "Put back", archived, index=None, placeholder="a run", key=_RESTORED, on_change=_restore, args=(store,)
        )


def _restore(store: RunStore) -> None:
    """Put back the archived run that was chosen, once: what can't be written is said, and not tried again."""
    run_id = st.session_state[_RESTORED]
    st.session_state[_RESTORED] = None
    if run_id is not None:
        try:
            RunWriter(store.root / run_id).archive(archived=False)
        except RunError as error:
            st.toast(escape_markdown(str(error)), icon=":material/error:")


def _toggle(run_id: str, ids: Sequence[str], chosen: list[str]) -> None:
    """Choose a run, or drop it. Several may be toggled before the page runs again."""
    current = url_state.current("runs", chosen)
    url_state.put("runs", [other for other in ids if (other in current) != (other == run_id)])


def _add_menu(others: Sequence[RunRecord], titles: dict[str, str], chosen: list[str]) -> None:
    """Offer the runs that the sidebar has no room for: found by typing, added by a click."""
    names = {run.id: f"{titles[run.id]}, {run.summary.dataset.name}" for run in others}
    full, key = len(chosen) >= MAX_CHOSEN, f"run-added:{len(chosen)}"
    st.selectbox(
        "Add a run",
        names,
        format_func=names.__getitem__,
        index=None,
        placeholder=f"{len(names)} more" + (f", at most {MAX_CHOSEN} at once" if full else ": add one"),
        key=key,
        label_visibility="collapsed",
        disabled=full,
        on_change=_add,
        args=(key, chosen),
    )


def _add(key: str, chosen: list[str]) -> None:
    """Add the run that was chosen in a menu to those chosen before."""
    added = st.session_state[key]
    if added is not None:
        url_state.put("runs", [*url_state.current("runs", chosen), added])
