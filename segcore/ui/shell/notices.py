"""What the app says when something is missing: what, and the exact command to go on with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from segcore.runs import RunProblem, RunRecord
from segcore.runs.cli_hints import evaluate_command
from segcore.runs.run_record import COVERED
from segcore.runs.search import SearchRecord
from segcore.runs.split_variant import SplitVariant
from segcore.runs.titles import run_titles
from segcore.ui.shell import url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown

MOST_STAMPED = 5000  # samples; stamping more would keep the page waiting
LEAK_HELP = (
    "From the leak check of the split that these runs were trained with. The dataset page lists what was found; "
    "segcore data check --data PATH looks again, at every picture."
)
SPACE = """\
space:
  lr: {low: 0.0005, high: 0.02, log: true}
  loss: [ce, ce+dice, ohem]
  freeze: [none, encoder]
"""


def train_command(view: AppContext) -> str:
    """The command that trains on the active dataset."""
    words = ["python", "train.py"]
    if view.key.source != "drive":
        words += ["--data", view.key.source]
    words += view.key.options.words
    if view.folder.name != "checkpoints":
        words += ["--out", str(view.folder)]
    return shlex.join(words)


def search_command(view: AppContext) -> str:
    """The command that searches `SPACE` on the active dataset."""
    words = ["segcore", "search", "--space", "space.yaml", "--trials", "20", "--folds", "3"]
    if view.key.source != "drive":
        words += ["--data", view.key.source]
    if view.folder.name != "checkpoints":
        words += ["--out", str(view.folder)]
    words += ["--", "--models", "unet"]
    words += view.key.options.words
    return shlex.join(words)


def missing_dataset(view: AppContext) -> bool:
    """Say why the dataset can't be opened; False when it can."""
    if view.dataset is not None:
        return False
    st.warning(f"The dataset can't be opened. {view.problem}")
    st.caption("Start the app with another one, or without `--data` for the embedded drive:")
    st.code("streamlit run app.py -- --data PATH", language="bash")
    return True


def missing_runs(view: AppContext, what: str) -> bool:
    """Say what to do when no run is chosen; False when there is one."""
    if view.chosen:
        return False
    if view.runs:
        st.info(f"Tick a run in the sidebar to see {what}.")
        return True
    st.info(f"No runs in {view.folder} yet. Train some to see {what}:")
    st.code(train_command(view), language="bash")
    return True


def missing_searches(view: AppContext, searches: Sequence[SearchRecord], problems: Sequence[RunProblem]) -> bool:
    """Name the searches that can't be read, and say what to do when there is no other; False when there is one."""
    for problem in problems:
        st.warning(f"**{escape_markdown(problem.path.name)}** can't be read. {escape_markdown(problem.message)}")
    if searches:
        return False
    st.info(
        f"No searches in {escape_markdown(str(view.folder))} yet. A search tries settings: it trains a model "
        "briefly with each, scores it on parts of the training set held out in turn, and keeps the best as a recipe. "
        "Write what to try into a file, space.yaml, and start one:"
    )
    st.code(SPACE, language="yaml")
    st.code(search_command(view), language="bash", wrap_lines=True)
    return True


def other_data(view: AppContext) -> None:
    """Name the chosen runs that were trained on something else than the active dataset."""
    others = [run for run in view.chosen if not view.fits(run)]
    if others:
        names = ", ".join(
            f"{view.titles[run.id]} ({run.summary.dataset.name}, {run.labels.classes} classes)" for run in others
        )
        st.caption(f"Left out, trained on other data: {names}. Choose their dataset in the sidebar to see them.")


def different_data(runs: Sequence[RunRecord], titles: dict[str, str]) -> bool:
    """Say which runs were scored on other data or classes than the rest; True when all are alike."""
    kinds: dict[str, list[str]] = {}
    for run in runs:
        kinds.setdefault(f"{run.summary.dataset.name}, {run.labels.classes} classes", []).append(titles[run.id])
    if len(kinds) > 1:
        listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
        st.warning(f"These runs were scored on different data, so their numbers don't rank each other. {listed}.")
    return len(kinds) <= 1


def leak_note(runs: Sequence[RunRecord], split: str) -> None:
    """Under a title: what speaks against scores on `split`, a line for each sentence; quietly, where nobody looked."""
    shared: dict[str, list[RunRecord]] = {}
    opened = url_state.arguments().data or "drive"  # it may have been checked where it is now
    for run in runs:
        if text := run.leak(split, opened):
            shared.setdefault(text, []).append(run)
    titles = run_titles(runs)
    for text, found in shared.items():
        # Named only where it isn't true of all that are shown.
        names = "" if len(found) == len(runs) else f"{', '.join(titles[run.id] for run in found)}: "
        st.markdown(f":orange[:material/warning:] {escape_markdown(names + text)}", help=LEAK_HELP)
    plain = SplitVariant.parse(split).split
    unknown = [
        run
        for run in runs
        if plain in COVERED and run.summary.dataset.leaks is None and run.leak_report(opened) is None
    ]
    if unknown:
        names = "" if len(unknown) == len(runs) else f"{', '.join(titles[run.id] for run in unknown)}: "
        text = escape_markdown(f"{names}Leak check: none was made of {plain}; ")
        st.caption(f"{text}`segcore data check --data PATH --run RUN` makes one.")


def other_version(view: AppContext) -> None:
    """Name the shown runs that were scored on another version of the active dataset: pictures may not match then."""
    if view.dataset is None or len(view.dataset) > MOST_STAMPED:
        return
    others = [run for run in view.fitting if run.summary.dataset.fingerprint != view.dataset.fingerprint]
    if others:
        names = ", ".join(view.titles[run.id] for run in others)
        st.caption(f":material/history: {names}: trained on another version of {view.dataset.name} than the one shown.")


def unevaluated(view: AppContext, runs: Sequence[RunRecord], split: str) -> None:
    """Name the runs without a readable evaluation, with the command that makes one."""
    if runs:
        names = ", ".join(view.titles[run.id] for run in runs)
        st.info(f"No scores on {split} for {names}. Make them:")
        st.code("\n".join(evaluate_command(run.path, split) for run in runs), language="bash")
