"""Cached pictures, encoded once for all sessions; bounded, and keyed as in `dataset_cache` and `run_cache`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from segcore.labels import LabelMap
from segcore.paths import local_path
from segcore.ui.shell import dataset_cache, run_cache
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.run_cache import HASH_FUNCS
from segcore.ui.shell.thumbnail_files import stored_thumbnail
from segcore.visual import encode_disagreement, encode_errors, encode_jpeg, encode_layer, encode_mistake

if TYPE_CHECKING:
    from segcore.evaluation.image_ranking import Mistake
    from segcore.runs import RunRecord

PHOTO_WIDTH = 1280  # px: sharp in one panel of a wide screen, and zoomed in
THUMBNAIL_WIDTH = 240  # px
WIDE_THUMBNAIL = 360  # px


@st.cache_data(max_entries=200, show_spinner=False)
def photo(key: DataKey, sample_id: str, width: int = PHOTO_WIDTH) -> bytes:
    """JPEG of an image."""
    return encode_jpeg(dataset_cache.sample(key, sample_id).image, width=width)


@st.cache_data(max_entries=400, show_spinner=False)
def truth_layer(
    key: DataKey, sample_id: str, hidden: frozenset[int], outline: bool = False, width: int = PHOTO_WIDTH
) -> bytes:
    """Palette PNG of the ground truth, without the hidden classes."""
    mask, labels = dataset_cache.sample(key, sample_id).mask, dataset_cache.dataset(key).labels
    return encode_layer(mask, labels, visible=_visible(labels, hidden), outline=outline, width=width)


@st.cache_data(max_entries=2000, show_spinner=False)
def thumbnail(key: DataKey, sample_id: str, width: int = THUMBNAIL_WIDTH) -> tuple[bytes, bytes]:
    """(JPEG of the image, PNG layer of its mask), small; kept on disk, too."""
    opened = dataset_cache.dataset(key)
    record = opened.record(sample_id)

    def make() -> tuple[bytes, bytes]:
        full = opened[sample_id]  # not from `dataset_cache.sample`, which would keep it
        return encode_jpeg(full.image, width=width, quality=80), encode_layer(full.mask, opened.labels, width=width)

    place = str(local_path(key.source).absolute())
    return stored_thumbnail((place, *key.options, str(opened.labels.to_dict()), sample_id, record.stamp(), width), make)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def prediction_layer(run: RunRecord, split: str, sample_id: str, hidden: frozenset[int]) -> bytes:
    """Palette PNG of a stored prediction, without the hidden classes; raises `RunError` when it can't be read."""
    mask = run.prediction(split, sample_id)
    return encode_layer(mask, run.labels, visible=_visible(run.labels, hidden), width=PHOTO_WIDTH)


@st.cache_data(max_entries=4000, show_spinner=False, hash_funcs=HASH_FUNCS)
def error_thumbnail(
    run: RunRecord, split: str, sample_id: str, mistake: Mistake | None, hidden: frozenset[int], data: DataKey
) -> bytes:
    """Small palette PNG of a run's errors in one image, or of one kind of mistake alone.

    Raises:
        RunError: when the stored prediction can't be read.
        EvaluationError: when there is none of this image.
        SegcoreError: when it doesn't fit the ground truth.
    """
    (mask,) = run_cache.predictions([run], split, sample_id)
    truth = dataset_cache.dataset(data).mask(sample_id)
    if mistake is not None:
        return encode_mistake(mask, truth, run.labels, true=mistake.true, taken=mistake.taken, width=WIDE_THUMBNAIL)
    return encode_errors(mask, truth, run.labels, visible=_visible(run.labels, hidden), width=WIDE_THUMBNAIL)


@st.cache_data(max_entries=2000, show_spinner=False, hash_funcs=HASH_FUNCS)
def disagreement_thumbnail(runs: Sequence[RunRecord], split: str, sample_id: str, data: DataKey) -> bytes:
    """Small palette PNG of where runs disagree; raises what `error_thumbnail` raises."""
    masks, truth = run_cache.predictions(runs, split, sample_id), dataset_cache.dataset(data).mask(sample_id)
    return encode_disagreement(masks, truth, width=WIDE_THUMBNAIL)


def _visible(labels: LabelMap, hidden: frozenset[int]) -> frozenset[int]:
    return frozenset(range(labels.classes)) - hidden
