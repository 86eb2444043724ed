"""Cached contents of run folders and what is computed from them: bounded, shared between sessions, so read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from segcore.arrays import U8Mask
from segcore.errors import EvaluationError, SegcoreError
from segcore.labels import IGNORE_INDEX
from segcore.runs.remake import remake_command
from segcore.runs.reproduce import open_options_of
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.dataset_cache import DataKey
from segcore.visual import unanimous

if TYPE_CHECKING:
    import pandas as pd

    from segcore.augment import Pipeline
    from segcore.data import OpenOptions
    from segcore.evaluation.comparison import Comparison
    from segcore.evaluation.image_ranking import ImageScores
    from segcore.runs import Evaluation, RunProblem, RunRecord, RunStore
    from segcore.runs.search import SearchRecord

MOST_RUNS = 4000  # whose settings are kept: small
FEW_RUNS = 16  # compared over 10,000 draws of the images; more over 2,000


def _hash_record(record: RunRecord | SearchRecord) -> str:
    return f"{record.version} {record.path}"


# For `hash_funcs`: runs and searches are keyed by folder and version. By name: importing searches takes pandas.
HASH_FUNCS: dict[str | type[Any], Callable[[Any], Any]] = {
    "segcore.runs.run_record.RunRecord": _hash_record,
    "segcore.runs.search.SearchRecord": _hash_record,
}


@st.cache_resource(max_entries=4, show_spinner=False)
def _known_runs(root: Path) -> dict[Path, RunRecord]:
    """The runs of a folder as they were read last, by folder: what has not changed since is not read again."""
    return {}


def runs(store: RunStore) -> tuple[tuple[RunRecord, ...], tuple[RunProblem, ...]]:
    """(every readable run, the folders that can't be read), as they are now."""
    known = _known_runs(store.root.absolute())
    readable, problems = store.read(known)
    known.clear()
    known.update({run.path: run for run in readable})
    return tuple(readable), problems


@st.cache_resource(max_entries=MOST_RUNS, show_spinner=False, hash_funcs=HASH_FUNCS)
def open_options(run: RunRecord) -> OpenOptions:
    """How a run's training opened its data. Raises `RunError` when its settings can't be read."""
    return open_options_of(run)


@st.cache_resource(max_entries=160, show_spinner=False, hash_funcs=HASH_FUNCS)  # 60 runs on two splits; 1 MB each
def evaluation(run: RunRecord, split: str) -> Evaluation | None:
    """A stored evaluation; None when there is none. Raises `RunError` when it can't be read."""
    return run.evaluation(split)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def history(run: RunRecord) -> pd.DataFrame:
    """A run's `metrics.csv`. Raises `RunError` when it can't be read."""
    return run.history


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def trials(search: SearchRecord) -> pd.DataFrame:
    """A search's `trials.csv`. Raises `RunError` when it can't be read."""
    return search.trials


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def prediction(run: RunRecord, split: str, sample_id: str, data: DataKey) -> U8Mask:
    """A stored prediction, `[H, W]` uint8 ids of the image's size, read-only.

    Raises:
        RunError: when it can't be read.
        EvaluationError: when there is none of this image, or it has another size.
    """
    mask, (height, width) = _required(run, split).prediction(sample_id), dataset_cache.sample(data, sample_id).size
    if mask.shape != (height, width):
        raise EvaluationError(
            f"The stored prediction is {mask.shape[0]}x{mask.shape[1]}, the image {height}x{width}; they must match. "
            f"Evaluate it again: {remake_command(run, split)}"
        )
    mask.flags.writeable = False
    return mask


def predictions(runs: Sequence[RunRecord], split: str, sample_id: str) -> list[U8Mask]:
    """Read stored predictions of an image by several runs, `[H, W]` uint8 each, without caching them.

    Raises:
        RunError: when one can't be read.
        EvaluationError: when a run has none.
    """
    return [_required(run, split).prediction(sample_id) for run in runs]


def _required(run: RunRecord, split: str) -> Evaluation:
    stored = evaluation(run, split)
    if stored is None:
        raise EvaluationError(f"Not evaluated on {split}. Do it: {remake_command(run, split)}")
    return stored


@st.cache_resource(max_entries=MOST_RUNS, show_spinner=False, hash_funcs=HASH_FUNCS)
def pipeline(run: RunRecord) -> Pipeline | None:
    """The augmentation a run was trained with; None where its config can't be read, or it was not trained."""
    from segcore.runs.settings import pipeline_of

    return pipeline_of(run)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def image_scores(run: RunRecord, split: str) -> ImageScores | None:
    """A stored evaluation's scores by image; None when there is none. Raises `RunError` when it can't be read."""
    from segcore.evaluation.image_ranking import ImageScores

    stored = evaluation(run, split)
    return None if stored is None else ImageScores.of(stored)


@st.cache_data(max_entries=20_000, show_spinner=False, hash_funcs=HASH_FUNCS)
def disagreement(
    runs: Sequence[RunRecord], split: str, ids: tuple[str, ...], data: DataKey | None
) -> tuple[float, ...]:
    """The share of each image's scored pixels (of all, without a dataset) for which the runs differ in their answer.

    NaN where a prediction, or the ground truth, can't be read.
    """
    shares = []
    for sample_id in ids:
        try:
            disputed = ~unanimous(predictions(runs, split, sample_id))
            truth = None if data is None else dataset_cache.dataset(data).mask(sample_id)
            if truth is not None and truth.shape == disputed.shape:
                disputed = disputed[truth != IGNORE_INDEX]
            shares.append(float(disputed.mean()) if disputed.size else float("nan"))
        except SegcoreError:
            shares.append(float("nan"))
    return tuple(shares)


@st.cache_resource(max_entries=12, show_spinner="Comparing", hash_funcs=HASH_FUNCS)
def comparison(runs: Sequence[RunRecord], split: str, metric: str, titles: Mapping[str, str]) -> Comparison:
    """Compare runs. Many runs are drawn fewer times, so that the page stays quick.

    Args:
        runs: The runs.
        split: Name of a stored evaluation.
        metric: Key of the score that ranks them.
        titles: Run id -> name, of at least these runs.
    """
    from segcore.evaluation.comparison import RESAMPLES, Comparison

    resamples = RESAMPLES if len(runs) <= FEW_RUNS else RESAMPLES // 5
    mine = {run.id: titles[run.id] for run in runs}
    return Comparison.of(runs, split, metric, titles=mine, resamples=resamples, read=evaluation)
