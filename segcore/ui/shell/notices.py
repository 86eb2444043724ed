"""Messages about what is missing or doubtful, each with the command that helps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from segcore.errors import UntrustedCode
from segcore.extensions.code_file import CodeName
from segcore.paths import program
from segcore.runs import RunProblem, RunRecord, RunStore
from segcore.runs.cli_hints import leak_check_command
from segcore.runs.data_places import find_data
from segcore.runs.remake import remake_command
from segcore.runs.run_record import COVERED, NO_CHECK
from segcore.runs.scored_splits import why_no_scores
from segcore.runs.search import SearchRecord
from segcore.runs.split_variant import SplitVariant
from segcore.runs.titles import run_titles
from segcore.ui.shell.app_context import MOST_FINGERPRINTED, AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.command_line import parse_arguments
from segcore.ui.shell.markdown import escape_markdown

LEAK_HELP = (
    "From the leak check of the split that these runs were trained with. The dataset page lists what was found; "
    "segcore data check --run RUN looks again, at every picture, with the split, labels and void setting of the run."
)
# The example of a search space.
SPACE = """\
space:
  lr: {low: 0.0005, high: 0.02, log: true}
  loss: [ce, ce+dice, ohem]
  freeze: [none, encoder]
"""


def train_command(context: AppContext) -> str:
    """Return the command that trains on the active dataset, by the recipe that is there for it."""
    recipe = Path("configs") / f"{context.dataset.name if context.dataset else ''}.yaml"
    words = [program("python"), "train.py", *(["--config", str(recipe)] if recipe.is_file() else [])]
    return shlex.join([*words, *_data_words(context), *context.key.options.words, *_out_words(context)])


def search_command(context: AppContext) -> str:
    """Return the command that searches `SPACE` on the active dataset."""
    words = [program("segcore"), "search", "--space", "space.yaml", "--trials", "20", "--folds", "3"]
    words += [*_data_words(context), *_out_words(context), "--", "--models", "unet", *context.key.options.words]
    return shlex.join(words)


def _data_words(context: AppContext) -> list[str]:
    return [] if context.key.source == "drive" else ["--data", context.key.source]


def _out_words(context: AppContext) -> list[str]:
    return [] if context.folder.name == "checkpoints" else ["--out", str(context.folder)]


def missing_dataset(context: AppContext) -> bool:
    """Say why the dataset can't be opened. Returns False, and says nothing, when it can."""
    if context.dataset is not None:
        return False
    st.warning(f"The dataset can't be opened. {escape_markdown(context.problem or '')}")
    st.caption("Start the app with another one, or without `--data` for the embedded drive:")
    code_block("streamlit run app.py -- --data PATH")
    return True


def missing_runs(context: AppContext, what: str) -> bool:
    """Say how to choose or train a run. Returns False, and says nothing, when one is chosen.

    Args:
        context: The choices of the sidebar.
        what: What a run is needed for, after "to see".
    """
    if context.chosen:
        return False
    if context.runs:
        st.info(f"Tick a run in the sidebar to see {what}.")
        return True
    archived = len(RunStore(context.folder).archived)
    if archived:
        st.info(
            f"All runs here are archived: the sidebar, or `segcore runs restore RUN`, brings them back to see {what}."
        )
        return True
    st.info(f"No runs in {escape_markdown(str(context.folder))} yet. Train some to see {what}:")
    code_block(train_command(context))
    return True


def missing_searches(context: AppContext, searches: Sequence[SearchRecord], problems: Sequence[RunProblem]) -> bool:
    """Name the searches that can't be read, and say how to start one. Returns False when there is a readable one."""
    for problem in problems:
        st.warning(f"**{escape_markdown(problem.path.name)}** can't be read. {escape_markdown(problem.message)}")
    if searches:
        return False
    st.info(
        f"No searches in {escape_markdown(str(context.folder))} yet. A search tries settings: it trains a model "
        "briefly with each, scores it on parts of the training set held out in turn, and keeps the best as a recipe. "
        "Write what to try into a file, space.yaml, and start one:"
    )
    code_block(SPACE)
    code_block(search_command(context))
    return True


def other_data(context: AppContext) -> None:
    """Name the chosen runs that were trained on other data than the active dataset."""
    others = [run for run in context.chosen if not context.fits(run)]
    if others:
        names = ", ".join(
            f"{context.titles[run.id]} ({run.summary.dataset.name}, {run.labels.classes} classes)" for run in others
        )
        here = any(find_data(run.summary.dataset) for run in others)
        way = "Choose their dataset in the sidebar" if here else "Their images are not here: start with --data PATH"
        text = f"Left out, trained on other data: {names}. {way} to see them."
        st.caption(escape_markdown(text))


def different_data(runs: Sequence[RunRecord], titles: dict[str, str]) -> None:
    """Warn when runs were scored on different data or classes, and say which on which."""
    by_data: dict[str, list[str]] = {}
    for run in runs:
        by_data.setdefault(f"{run.summary.dataset.name}, {run.labels.classes} classes", []).append(titles[run.id])
    if len(by_data) > 1:
        listed = "; ".join(f"{data}: {', '.join(names)}" for data, names in by_data.items())
        text = f"These runs were scored on different data, so their numbers don't rank each other. {listed}."
        st.warning(escape_markdown(text))


def leak_note(runs: Sequence[RunRecord], split: str) -> None:
    """Under a title, warn of leaks: a line for each sentence, and a quiet one for runs that were never checked."""
    opened = parse_arguments().data or "drive"  # the data may have been checked where it is now
    by_sentence: dict[str, list[RunRecord]] = {}
    for run in runs:
        if sentence := run.leak(split, opened):
            by_sentence.setdefault(sentence, []).append(run)
    titles = run_titles(runs)

    def prefix(some: Sequence[RunRecord]) -> str:
        """Name the runs, unless these are all that are shown."""
        return "" if len(some) == len(runs) else f"{', '.join(titles[run.id] for run in some)}: "

    for sentence, leaking in by_sentence.items():
        st.markdown(f":orange[:material/warning:] {escape_markdown(prefix(leaking) + sentence)}", help=LEAK_HELP)
    plain = SplitVariant.parse(split).split
    unchecked = [
        run
        for run in runs
        if plain in COVERED and run.summary.dataset.leaks is None and run.leak_report(opened) is None
    ]
    unknown = [run for run in unchecked if run.training_unknown]
    unchecked = [run for run in unchecked if run not in unknown]
    if unknown:
        st.caption(escape_markdown(prefix(unknown) + NO_CHECK))
    if unchecked:
        text = escape_markdown(f"{prefix(unchecked)}Leak check: none was made of {plain}; ")
        # Runs of one split share its check.
        paths = {
            (run.summary.dataset.fingerprint, run.summary.dataset.split_fingerprint): run.path for run in unchecked
        }
        commands = " and ".join(f"`{leak_check_command(path)}`" for path in paths.values())
        st.caption(f"{text}{commands} {'makes one' if len(paths) == 1 else 'make them'}.")


def other_version(context: AppContext) -> None:
    """Name the shown runs that were trained on another version of the active dataset: images may differ from it."""
    if context.dataset is None or len(context.dataset) > MOST_FINGERPRINTED:
        return
    others = [run for run in context.fitting if run.summary.dataset.fingerprint != context.dataset.fingerprint]
    if others:
        names = ", ".join(context.titles[run.id] for run in others)
        st.caption(
            f":material/history: {escape_markdown(names)}: trained on another version of "
            f"{escape_markdown(context.dataset.name)} than the one shown."
        )


def untrusted_code(error: UntrustedCode) -> None:
    """Show the code of a run that nobody has agreed to run, and the command that agrees."""
    st.warning(
        f"**{escape_markdown(error.run.name)}** is a network of somebody's own, and came with its code. Code can do "
        "anything that you may do, and nobody on this machine has agreed to run this. Read it; if it does nothing bad, "
        "run the command and load this page again."
    )
    with st.expander(escape_markdown(error.path.name), icon=":material/code:"):
        code_block(CodeName(error.path, error.path.stem).read().decode("utf-8", "replace"))
    code_block(shlex.join([program("segcore"), "trust", str(error.run)]))


def unevaluated(context: AppContext, runs: Sequence[RunRecord], split: str) -> None:
    """Name the runs without a readable evaluation: with the commands that make one, or why none can be made."""
    missing: list[RunRecord] = []
    for run in runs:
        reason = why_no_scores(run, split)
        if reason == f"not evaluated on {split}":
            missing.append(run)
        else:
            st.caption(f":material/info: {escape_markdown(f'{context.titles[run.id]}: {reason}')}.")
    if missing:
        names = escape_markdown(", ".join(context.titles[run.id] for run in missing))
        st.info(f"No scores on {escape_markdown(split)} for {names}. Make them:")
        code_block("\n".join(remake_command(run, split) for run in missing))
