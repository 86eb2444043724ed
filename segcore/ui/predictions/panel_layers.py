"""The pictures of the predictions page: what is drawn over the photo in each view. Cached, like all that is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.arrays import Bool
from segcore.errors import EvaluationError, RunError, SegcoreError
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.metrics import boundary_band
from segcore.runs import RunRecord
from segcore.runs.cli_hints import evaluate_command
from segcore.ui.predictions.view_options import ViewOptions
from segcore.ui.shell import dataset_cache, image_cache, run_cache
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.image_cache import PHOTO_WIDTH
from segcore.ui.shell.run_cache import HASH_FUNCS
from segcore.ui.widgets.viewer import Plane
from segcore.visual import (
    encode_band,
    encode_correctness,
    encode_disagreement,
    encode_errors,
    encode_layer,
    encode_mistake,
    encode_where,
    mistake_mask,
    shrunk,
    unanimous,
)
from segcore.visual.layers import quantized
from segcore.visual.overlay import wrong

NEAREST = 0  # cv2.INTER_NEAREST: ids have no mean
CONFIDENCE_WIDTH = 640  # px; confidence changes slowly, and its last digit weighs more than all masks together


def answer(
    run: RunRecord, split: str, sample_id: str, data: DataKey, look: ViewOptions, committee: Sequence[RunRecord]
) -> tuple[bytes, str]:
    """(layer, note) of a run's stored answer.

    Args:
        run: Whose answer.
        split: Of the evaluation.
        sample_id: Of the image.
        data: The dataset.
        look: What is shown.
        committee: The runs that it may disagree with, itself included.

    Raises:
        RunError: when the stored prediction can't be read.
        EvaluationError: when there is none of this image, or it has another size.
        SegcoreError: when it can't be drawn.
    """
    return _answer(run, split, sample_id, data, look, tuple(committee) if look.view == "disagreement" else ())


@st.cache_data(max_entries=800, show_spinner=False, hash_funcs=HASH_FUNCS)
def _answer(
    run: RunRecord, split: str, sample_id: str, data: DataKey, look: ViewOptions, others: tuple[RunRecord, ...]
) -> tuple[bytes, str]:
    mask = run_cache.prediction(run, split, sample_id, data)
    labels, truth = run.labels, dataset_cache.sample(data, sample_id).mask
    visible = _visible(labels, look)
    if look.view == "error" and look.lit is not None:
        true, taken = look.lit.true, look.lit.taken
        pixels = int(mistake_mask(mask, truth, true, taken).sum())
        return encode_mistake(mask, truth, labels, true=true, taken=taken, width=PHOTO_WIDTH), f"{pixels} px"
    if look.view == "error" and look.errors == "verdict":
        return encode_correctness(mask, truth, width=PHOTO_WIDTH), ""
    if look.view == "error":
        return encode_errors(mask, truth, labels, visible=visible, width=PHOTO_WIDTH), ""
    if look.view == "boundary":
        near = _near(data, sample_id, look.band_width(truth.shape))
        layer = encode_band(mask, truth, near, labels, visible=visible, width=PHOTO_WIDTH)
        return layer, _right_in(near, mask, truth)
    if look.view == "disagreement" and len(others) > 1:
        where = _disputed(others, split, sample_id, data)
        return encode_where(mask, where, labels, visible=visible, width=PHOTO_WIDTH), ""
    return encode_layer(mask, labels, visible=visible, outline=look.view == "contour", width=PHOTO_WIDTH), ""


def truth(
    labels: LabelMap, split: str, sample_id: str, data: DataKey, look: ViewOptions, committee: Sequence[RunRecord]
) -> bytes:
    """The layer of the ground truth: what each view of it goes with.

    Args:
        labels: Of the dataset.
        split: Of the evaluations.
        sample_id: Of the image.
        data: The dataset.
        look: What is shown.
        committee: The runs that may disagree.
    """
    if look.view == "boundary" or (look.view == "disagreement" and len(committee) > 1):
        runs = tuple(committee) if look.view == "disagreement" else ()
        return _truth_where(split, sample_id, data, look, labels, runs)
    return image_cache.truth_layer(data, sample_id, look.hidden, look.view == "contour")


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def _truth_where(
    split: str, sample_id: str, data: DataKey, look: ViewOptions, _labels: LabelMap, runs: tuple[RunRecord, ...]
) -> bytes:
    mask = dataset_cache.sample(data, sample_id).mask
    if look.view == "boundary":
        where = _near(data, sample_id, look.band_width(mask.shape))
    else:
        where = _disputed(runs, split, sample_id, data)
    return encode_where(mask, where, _labels, visible=_visible(_labels, look), width=PHOTO_WIDTH)


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def agreement(
    committee: Sequence[RunRecord], split: str, sample_id: str, data: DataKey, measure: str
) -> tuple[bytes, str]:
    """(layer, note) of where models agree: the note says on what share of the scored pixels they all do.

    Raises:
        SegcoreError: when there are fewer than two, or a stored prediction can't be read.
    """
    true = dataset_cache.sample(data, sample_id).mask
    masks = [run_cache.prediction(run, split, sample_id, data) for run in committee]
    scored = true != IGNORE_INDEX
    differ = int((_disputed(tuple(committee), split, sample_id, data) & scored).sum())
    share = 1 - differ / max(1, int(scored.sum()))
    return encode_disagreement(masks, true, measure=measure, width=PHOTO_WIDTH), f"{100 * share:.0f} % agree"


@st.cache_data(max_entries=400, show_spinner=False, hash_funcs=HASH_FUNCS)
def _ids(run: RunRecord, split: str, sample_id: str, data: DataKey) -> Plane:
    return Plane.of(shrunk(run_cache.prediction(run, split, sample_id, data), PHOTO_WIDTH, NEAREST))


def ids(run: RunRecord, split: str, sample_id: str, data: DataKey) -> Plane | None:
    """A run's answer for the browser to read; None where its panel says why there is none."""
    try:
        return _ids(run, split, sample_id, data)
    except SegcoreError:
        return None


@st.cache_data(max_entries=100, show_spinner=False)
def truth_ids(data: DataKey, sample_id: str) -> Plane:
    """The ground truth for the browser to read."""
    return Plane.of(shrunk(dataset_cache.sample(data, sample_id).mask, PHOTO_WIDTH, NEAREST))


@st.cache_data(max_entries=400, show_spinner=False, hash_funcs=HASH_FUNCS)
def confidence(run: RunRecord, split: str, sample_id: str) -> Plane:
    """A run's stored confidence for the browser to paint and read.

    Raises:
        RunError: when none is stored, as in older evaluations, or it can't be read.
        EvaluationError: when the run was not evaluated on this image.
    """
    evaluation = run_cache.evaluation(run, split)
    if evaluation is None:
        raise EvaluationError(f"Not evaluated on {split}. Do it: {evaluate_command(run.path, split)}")
    return Plane.of(quantized(evaluation.confidence(sample_id), width=CONFIDENCE_WIDTH))


def confidence_if_any(run: RunRecord, split: str, sample_id: str) -> Plane | None:
    """The same, or None."""
    try:
        return confidence(run, split, sample_id)
    except (EvaluationError, RunError):
        return None


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _disputed(runs: tuple[RunRecord, ...], split: str, sample_id: str, data: DataKey) -> Bool:
    """`[H, W]` bool: not all models agree; read-only."""
    found = ~unanimous([run_cache.prediction(run, split, sample_id, data) for run in runs])
    found.flags.writeable = False
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def _near(data: DataKey, sample_id: str, width: int) -> Bool:
    """`[H, W]` bool: the band along true borders; read-only."""
    found = boundary_band(dataset_cache.sample(data, sample_id).mask, width)
    found.flags.writeable = False
    return found


def _right_in(near: Bool, mask: npt.NDArray[np.uint8], true: npt.NDArray[np.uint8]) -> str:
    """How much of the band is right."""
    scored = int((near & (true != IGNORE_INDEX)).sum())
    if not scored:
        return "band: none"
    return f"band: {100 * (1 - int((wrong(mask, true) & near).sum()) / scored):.0f} % right"


def _visible(labels: LabelMap, look: ViewOptions) -> frozenset[int]:
    return frozenset(range(labels.classes)) - look.hidden
