"""Every cache of the app: keyed by identity and version, bounded, and never handing out what someone may change.

Datasets, evaluations and tables are shared between sessions (`cache_resource`), so they are only read. Pictures are in
`encoded`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.data import Dataset, OpenOptions, Sample, class_balance, resize_pair
from segcore.errors import EvaluationError, SegcoreError
from segcore.labels import IGNORE_INDEX
from segcore.runs.cli_hints import evaluate_command
from segcore.runs.reproduce import open_options_of
from segcore.visual import unanimous

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import pandas as pd

    from segcore.augment import Pipeline
    from segcore.augment.effect import Pair
    from segcore.data import ClassBalance
    from segcore.data.leaks import LeakReport
    from segcore.evaluation.comparison import Comparison
    from segcore.evaluation.image_ranking import ImageScores
    from segcore.runs import Evaluation, RunRecord
    from segcore.runs.search import SearchRecord
    from segcore.visual.vega_lite import Charts

T = TypeVar("T")
FEW_RUNS = 16  # compared over 10,000 draws of the images; more over 2,000

DEFAULTS = OpenOptions()


class DataKey(NamedTuple):
    """What was opened and how; `version` changes when the folder or file does."""

    source: str
    options: OpenOptions
    version: int

    @classmethod
    def of(cls, source: str, options: OpenOptions = DEFAULTS) -> DataKey:
        """The key of a dataset as it is now; a missing path is version 0."""
        path = Path(source).expanduser()
        return cls(source, options, path.stat().st_mtime_ns if path.exists() else 0)


class RunKey(NamedTuple):
    """A run, or a search, as it is now."""

    path: str
    version: int

    @classmethod
    def of(cls, run: RunRecord | SearchRecord) -> RunKey:
        """The key of a run, or of a search."""
        return cls(str(run.path), run.version)


@st.cache_resource(max_entries=8, show_spinner="Opening the dataset")
def dataset(key: DataKey) -> Dataset:
    """An open dataset; raises what `open_dataset` raises."""
    return key.options.open(key.source)


@st.cache_resource(max_entries=1000, show_spinner=False)
def _open_options(key: RunKey, _run: RunRecord) -> OpenOptions:
    return open_options_of(_run)


def open_options(run: RunRecord) -> OpenOptions:
    """How a run's training opened its data. Raises `RunError` when its settings can't be read."""
    return _open_options(RunKey.of(run), run)


@st.cache_resource(max_entries=24, show_spinner=False)
def sample(key: DataKey, sample_id: str) -> Sample:
    """A decoded sample; its arrays are read-only."""
    return dataset(key)[sample_id]


@st.cache_resource(max_entries=64, show_spinner=False)
def fed(key: DataKey, sample_id: str, size: tuple[int, int]) -> Pair:
    """Image and mask at the (height, width) of a training, as it resizes them. The sample itself is not kept."""
    item = dataset(key)[sample_id]
    return resize_pair(item.image, item.mask, *size)


@st.cache_data(max_entries=2000, show_spinner=False)
def classes_in(key: DataKey, sample_id: str) -> dict[int, int]:
    """Class id -> pixels, of one sample."""
    found, pixels = np.unique(dataset(key).mask(sample_id), return_counts=True)
    return {int(index): int(count) for index, count in zip(found, pixels, strict=True)}


@st.cache_resource(max_entries=2000, show_spinner=False)
def balance(key: DataKey, ids: tuple[str, ...]) -> ClassBalance:
    """Pixels and images by class over some samples."""
    return class_balance(dataset(key), ids)


@st.cache_data(max_entries=16, show_spinner=False)
def sizes(key: DataKey) -> dict[tuple[int, int], int]:
    """(height, width) -> number of images, most frequent first."""
    from collections import Counter

    opened = dataset(key)
    return dict(Counter(opened.size(sample_id) for sample_id in opened.ids).most_common())


@st.cache_resource(max_entries=160, show_spinner=False)  # 60 runs on two splits; about 1 MB each
def _evaluation(key: RunKey, split: str, _run: RunRecord) -> Evaluation | None:
    return _run.evaluation(split)


def evaluation(run: RunRecord, split: str) -> Evaluation | None:
    """A stored evaluation; None when there is none. Raises `RunError` when it can't be read."""
    return _evaluation(RunKey.of(run), split, run)


@st.cache_resource(max_entries=64, show_spinner=False)
def _history(key: RunKey, _run: RunRecord) -> pd.DataFrame:
    return _run.history


def history(run: RunRecord) -> pd.DataFrame:
    """A run's `metrics.csv`. Raises `RunError` when it can't be read."""
    return _history(RunKey.of(run), run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _trials(key: RunKey, _search: SearchRecord) -> pd.DataFrame:
    return _search.trials


def trials(search: SearchRecord) -> pd.DataFrame:
    """A search's `trials.csv`. Raises `RunError` when it can't be read."""
    return _trials(RunKey.of(search), search)


@st.cache_resource(max_entries=64, show_spinner=False)
def _prediction(key: RunKey, split: str, sample_id: str, data: DataKey, _run: RunRecord) -> npt.NDArray[np.uint8]:
    found = evaluation(_run, split)
    again = evaluate_command(_run.path, split)
    if found is None:
        raise EvaluationError(f"Not evaluated on {split}. Do it: {again}")
    mask, (height, width) = found.prediction(sample_id), sample(data, sample_id).size
    if mask.shape != (height, width):
        raise EvaluationError(
            f"The stored prediction is {mask.shape[0]}x{mask.shape[1]}, the image {height}x{width}; they must match. "
            f"Evaluate it again: {again}"
        )
    mask.flags.writeable = False
    return mask


def prediction(run: RunRecord, split: str, sample_id: str, data: DataKey) -> npt.NDArray[np.uint8]:
    """A stored prediction, `[H, W]` uint8 ids of the image's size, read-only.

    Raises:
        RunError: when it can't be read.
        EvaluationError: when there is none of this image, or it has another size.
    """
    return _prediction(RunKey.of(run), split, sample_id, data, run)


@st.cache_resource(max_entries=256, show_spinner=False)
def _pipeline(key: RunKey, _run: RunRecord) -> Pipeline | None:
    from segcore.augment import load_pipeline

    try:
        return load_pipeline(_run.config.get("augment", "none"))
    except SegcoreError:
        return None


def pipeline(run: RunRecord) -> Pipeline | None:
    """What a run was trained with; None where its config can't be read."""
    return _pipeline(RunKey.of(run), run)


@st.cache_resource(max_entries=64, show_spinner=False)
def _image_scores(key: RunKey, split: str, _run: RunRecord) -> ImageScores | None:
    from segcore.evaluation.image_ranking import ImageScores

    found = evaluation(_run, split)
    return None if found is None else ImageScores.of(found)


def image_scores(run: RunRecord, split: str) -> ImageScores | None:
    """A stored evaluation summed by image; None when there is none. Raises `RunError` when it can't be read."""
    return _image_scores(RunKey.of(run), split, run)


def masks(runs: Sequence[RunRecord], split: str, sample_id: str) -> list[npt.NDArray[np.uint8]]:
    """Stored predictions of an image by several runs, `[H, W]` uint8 each, not kept.

    Raises:
        RunError: when one can't be read.
        EvaluationError: when a run has none.
    """
    stored = []
    for run in runs:
        found = evaluation(run, split)
        if found is None:
            raise EvaluationError(f"Not evaluated on {split}. Do it: {evaluate_command(run.path, split)}")
        stored.append(found.prediction(sample_id))
    return stored


@st.cache_data(max_entries=20_000, show_spinner=False)
def _disagreement(
    keys: tuple[RunKey, ...], split: str, ids: tuple[str, ...], data: DataKey | None, _runs: Sequence[RunRecord]
) -> tuple[float, ...]:
    shares = []
    for sample_id in ids:
        try:
            disputed = ~unanimous(masks(_runs, split, sample_id))
            truth = None if data is None else dataset(data).mask(sample_id)
            if truth is not None and truth.shape == disputed.shape:
                disputed = disputed[truth != IGNORE_INDEX]
            shares.append(float(disputed.mean()) if disputed.size else float("nan"))
        except SegcoreError:
            shares.append(float("nan"))
    return tuple(shares)


def disagreement(
    runs: Sequence[RunRecord], split: str, ids: tuple[str, ...], data: DataKey | None
) -> tuple[float, ...]:
    """The share of each image's scored pixels (of all, without a dataset) on which not all runs say the same.

    NaN where a prediction, or the ground truth, can't be read.
    """
    return _disagreement(tuple(map(RunKey.of, runs)), split, ids, data, runs)


@st.cache_resource(max_entries=12, show_spinner="Comparing")
def _comparison(
    keys: tuple[RunKey, ...], split: str, metric: str, titles: tuple[tuple[str, str], ...], _runs: Sequence[RunRecord]
) -> Comparison:
    from segcore.evaluation.comparison import RESAMPLES, Comparison

    resamples = RESAMPLES if len(_runs) <= FEW_RUNS else RESAMPLES // 5
    return Comparison.of(_runs, split, metric, titles=dict(titles), resamples=resamples, read=evaluation)


def comparison(runs: Sequence[RunRecord], split: str, metric: str, titles: Mapping[str, str]) -> Comparison:
    """Runs against each other. Many runs are drawn fewer times, so that the page stays quick."""
    keys = tuple(RunKey.of(run) for run in runs)
    return _comparison(keys, split, metric, tuple((run.id, titles[run.id]) for run in runs), runs)


@st.cache_resource(max_entries=8, show_spinner="Looking for a leak report of this data")
def leaks(key: DataKey) -> LeakReport:
    """The stored leak report of a dataset's own splits; else what ids and frame numbers alone tell."""
    from segcore.data.leaks import check, stored

    opened = dataset(key)
    return stored(opened) or check(opened, pictures=False)


def keep_leaks(key: DataKey, report: LeakReport) -> None:
    """Store a report that the app made, and show it from now on."""
    from segcore.data.leaks import store

    store(report)
    leaks.clear(key)


@st.cache_data(max_entries=400, show_spinner=False)
def kept(token: tuple[Hashable, ...], _make: Callable[[], T]) -> T:
    """What `make` gives, made once; everybody gets a copy.

    Args:
        token: All that it depends on, in plain values.
        _make: Makes it.
    """
    return _make()


@st.cache_data(max_entries=400, show_spinner=False)
def chart_spec(token: tuple[Hashable, ...], _build: Callable[[], Charts]) -> dict[str, Any]:
    """A chart for `st.vega_lite_chart`. Building one takes Altair 10 to 30 ms, on every run of a page if not kept.

    Args:
        token: All that the chart depends on, in plain values.
        _build: Makes it.
    """
    from segcore.visual.vega_lite import vega_lite

    return vega_lite(_build)
