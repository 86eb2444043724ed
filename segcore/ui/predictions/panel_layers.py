"""Cached layers that the predictions page draws over the photo, one kind for each view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from segcore.arrays import Bool, U8Mask
from segcore.errors import EvaluationError, RunError, SegcoreError
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.metrics import boundary_band
from segcore.runs import RunRecord
from segcore.runs.remake import remake_command
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


def prediction_layer(
    run: RunRecord, split: str, sample_id: str, data: DataKey, options: ViewOptions, compared_runs: Sequence[RunRecord]
) -> tuple[bytes, str]:
    """Draw a run's stored prediction; return (palette PNG, note under the panel).

    Disagreement is sought among `compared_runs`, of which `run` is one.

    Raises:
        RunError: when the stored prediction can't be read.
        EvaluationError: when there is none of this image, or it has another size.
        SegcoreError: when it can't be drawn.
    """
    others = tuple(compared_runs) if options.view == "disagreement" else ()
    return _prediction_layer(run, split, sample_id, data, options, others)


@st.cache_data(max_entries=800, show_spinner=False, hash_funcs=HASH_FUNCS)
def _prediction_layer(
    run: RunRecord, split: str, sample_id: str, data: DataKey, options: ViewOptions, runs: tuple[RunRecord, ...]
) -> tuple[bytes, str]:
    mask = run_cache.prediction(run, split, sample_id, data)
    labels, truth = run.labels, dataset_cache.sample(data, sample_id).mask
    visible = _visible(labels, options)
    if options.view == "error" and options.mistake is not None:
        true, taken = options.mistake.true, options.mistake.taken
        pixels = int(mistake_mask(mask, truth, true, taken).sum())
        return encode_mistake(mask, truth, labels, true=true, taken=taken, width=PHOTO_WIDTH), f"{pixels} px"
    if options.view == "error" and options.errors == "verdict":
        return encode_correctness(mask, truth, width=PHOTO_WIDTH), ""
    if options.view == "error":
        return encode_errors(mask, truth, labels, visible=visible, width=PHOTO_WIDTH), ""
    if options.view == "boundary":
        band = _boundary_band(data, sample_id, options.band_width(truth.shape))
        layer = encode_band(mask, truth, band, labels, visible=visible, width=PHOTO_WIDTH)
        return layer, _band_accuracy(band, mask, truth)
    if options.view == "disagreement" and len(runs) > 1:
        disputed = _disputed_pixels(runs, split, sample_id, data)
        return encode_where(mask, disputed, labels, visible=visible, width=PHOTO_WIDTH), ""
    return encode_layer(mask, labels, visible=visible, outline=options.view == "contour", width=PHOTO_WIDTH), ""


def truth_layer(
    labels: LabelMap, split: str, sample_id: str, data: DataKey, options: ViewOptions, runs: Sequence[RunRecord]
) -> bytes:
    """Draw the ground truth as the predictions of `runs` are drawn; return a palette PNG."""
    if options.view == "boundary" or (options.view == "disagreement" and len(runs) > 1):
        compared = tuple(runs) if options.view == "disagreement" else ()
        return _masked_truth_layer(split, sample_id, data, options, compared, labels)
    return image_cache.truth_layer(data, sample_id, options.hidden, options.view == "contour")


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def _masked_truth_layer(
    split: str, sample_id: str, data: DataKey, options: ViewOptions, runs: tuple[RunRecord, ...], _labels: LabelMap
) -> bytes:
    """Draw the ground truth in the band along borders, or where the runs disagree."""
    mask = dataset_cache.sample(data, sample_id).mask
    if options.view == "boundary":
        pixels = _boundary_band(data, sample_id, options.band_width(mask.shape))
    else:
        pixels = _disputed_pixels(runs, split, sample_id, data)
    return encode_where(mask, pixels, _labels, visible=_visible(_labels, options), width=PHOTO_WIDTH)


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def agreement_layer(
    runs: tuple[RunRecord, ...], split: str, sample_id: str, data: DataKey, measure: str
) -> tuple[bytes, str]:
    """Draw where models agree; return (palette PNG, note with the share of scored pixels on which all agree).

    Raises:
        SegcoreError: when there are fewer than two runs, or a stored prediction can't be read.
    """
    truth = dataset_cache.sample(data, sample_id).mask
    masks = [run_cache.prediction(run, split, sample_id, data) for run in runs]
    scored = truth != IGNORE_INDEX
    disputed = int((_disputed_pixels(runs, split, sample_id, data) & scored).sum())
    share = 1 - disputed / max(1, int(scored.sum()))
    return encode_disagreement(masks, truth, measure=measure, width=PHOTO_WIDTH), f"{100 * share:.0f} % agree"


@st.cache_data(max_entries=400, show_spinner=False, hash_funcs=HASH_FUNCS)
def _prediction_ids(run: RunRecord, split: str, sample_id: str, data: DataKey) -> Plane:
    return Plane.of(shrunk(run_cache.prediction(run, split, sample_id, data), PHOTO_WIDTH, NEAREST))


def prediction_ids(run: RunRecord, split: str, sample_id: str, data: DataKey) -> Plane | None:
    """Return a run's predicted ids for the browser to read; None where its panel says why there are none."""
    try:
        return _prediction_ids(run, split, sample_id, data)
    except SegcoreError:
        return None


@st.cache_data(max_entries=100, show_spinner=False)
def truth_ids(data: DataKey, sample_id: str) -> Plane:
    """Return the true ids for the browser to read."""
    return Plane.of(shrunk(dataset_cache.sample(data, sample_id).mask, PHOTO_WIDTH, NEAREST))


@st.cache_data(max_entries=400, show_spinner=False, hash_funcs=HASH_FUNCS)
def confidence(run: RunRecord, split: str, sample_id: str) -> Plane:
    """Return a run's stored confidence for the browser to paint and read.

    Raises:
        RunError: when none is stored, as in older evaluations, or it can't be read.
        EvaluationError: when the run was not evaluated on this image.
    """
    evaluation = run_cache.evaluation(run, split)
    if evaluation is None:
        raise EvaluationError(f"Not evaluated on {split}. Do it: {remake_command(run, split)}")
    return Plane.of(quantized(evaluation.confidence(sample_id), width=CONFIDENCE_WIDTH))


def confidence_if_stored(run: RunRecord, split: str, sample_id: str) -> Plane | None:
    """Return a run's stored confidence, or None where there is none to read."""
    try:
        return confidence(run, split, sample_id)
    except (EvaluationError, RunError):
        return None


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _disputed_pixels(runs: tuple[RunRecord, ...], split: str, sample_id: str, data: DataKey) -> Bool:
    """`[H, W]` bool, read-only: the pixels on which not all models agree."""
    disputed = ~unanimous([run_cache.prediction(run, split, sample_id, data) for run in runs])
    disputed.flags.writeable = False
    return disputed


@st.cache_resource(max_entries=32, show_spinner=False)
def _boundary_band(data: DataKey, sample_id: str, width: int) -> Bool:
    """`[H, W]` bool, read-only: the band along true borders."""
    band = boundary_band(dataset_cache.sample(data, sample_id).mask, width)
    band.flags.writeable = False
    return band


def _band_accuracy(band: Bool, mask: U8Mask, truth: U8Mask) -> str:
    """Tell how much of the band is right."""
    scored = int((band & (truth != IGNORE_INDEX)).sum())
    if not scored:
        return "band: none"
    return f"band: {100 * (1 - int((wrong(mask, truth) & band).sum()) / scored):.0f} % right"


def _visible(labels: LabelMap, options: ViewOptions) -> frozenset[int]:
    return frozenset(range(labels.classes)) - options.hidden
