"""The sidebar: the dataset, the runs and the classes that all pages show."""

from __future__ import annotations

import streamlit as st

from segcore.data import Dataset
from segcore.errors import SegcoreError
from segcore.runs import RunStore
from segcore.runs.titles import run_titles
from segcore.ui.shell import dataset_cache, run_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.class_legend import class_legend
from segcore.ui.shell.command_line import parse_arguments
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.dataset_menu import dataset_menu, dataset_options, missing_data
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.run_menu import chosen_ids, run_menu
from segcore.visual.run_colors import run_colors


def sidebar() -> AppContext:
    """Draw the sidebar; return what is chosen in it."""
    arguments = parse_arguments()
    store = RunStore(arguments.runs)
    runs, problems = run_cache.runs(store)
    titles = run_titles(runs)
    with st.sidebar:
        key = DataKey.of(*dataset_menu(dataset_options(arguments, runs)))
        dataset, problem = _open_dataset(key)
        if missing := missing_data(runs, dataset):
            with st.expander("Data not found", icon=":material/warning:"):
                for sentence in missing:
                    st.caption(escape_markdown(sentence))
        chosen = chosen_ids(runs, dataset)
        colors = run_colors([run.id for run in runs], chosen)
        run_menu(runs, problems, titles=titles, colors=colors, dataset=dataset, chosen=chosen, store=store)
        with st.container(key="legend"):
            hidden = class_legend(dataset.labels) if dataset is not None else frozenset()
    chosen_runs = tuple(run for run in runs if run.id in chosen)
    return AppContext(key, dataset, problem, runs, chosen_runs, problems, colors, titles, hidden, store.root)


def _open_dataset(key: DataKey) -> tuple[Dataset | None, str | None]:
    """(dataset, None), or (None, why it can't be opened); says below the menu how large it is."""
    try:
        dataset = dataset_cache.dataset(key)
    except SegcoreError as error:
        st.caption("can't be opened")
        return None, str(error)
    counts = "  ·  ".join(f"{escape_markdown(split)} {len(ids)}" for split, ids in dataset.splits.items())
    st.caption(f"{len(dataset)} images, {dataset.labels.classes} classes  \n{counts}")
    return dataset, None
