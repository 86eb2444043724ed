"""Pictures that pages ask for again, encoded once: keyed by identity and version, and bounded, as all of `cache`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from segcore.errors import RunError
from segcore.runs import run_files
from segcore.ui.shell import caches
from segcore.ui.shell.caches import DataKey, RunKey
from segcore.visual import encode_disagreement, encode_errors, encode_jpeg, encode_layer, encode_lit

if TYPE_CHECKING:
    from segcore.evaluation.image_ranking import Mistake
    from segcore.runs import RunRecord

PHOTO_WIDTH = 1280  # px: sharp in one panel of a wide screen, and zoomed in
THUMB_WIDTH = 240
WIDE_THUMB = 360


@st.cache_data(max_entries=200, show_spinner=False)
def photo(key: DataKey, sample_id: str, width: int = PHOTO_WIDTH) -> bytes:
    """JPEG of an image."""
    return encode_jpeg(caches.sample(key, sample_id).image, width=width)


@st.cache_data(max_entries=400, show_spinner=False)
def truth_layer(
    key: DataKey, sample_id: str, hidden: frozenset[int], outline: bool = False, width: int = PHOTO_WIDTH
) -> bytes:
    """Palette PNG of the ground truth."""
    opened = caches.dataset(key)
    visible = frozenset(range(opened.labels.classes)) - hidden
    return encode_layer(
        caches.sample(key, sample_id).mask, opened.labels, visible=visible, outline=outline, width=width
    )


@st.cache_data(max_entries=2000, show_spinner=False)
def thumbnail(key: DataKey, sample_id: str, width: int = THUMB_WIDTH) -> tuple[bytes, bytes]:
    """(JPEG of the image, PNG layer of its mask), small. The sample itself is not kept."""
    opened = caches.dataset(key)
    item = opened[sample_id]
    return (
        encode_jpeg(item.image, width=width, quality=80),
        encode_layer(item.mask, opened.labels, width=width),
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _stored_layer(key: RunKey, split: str, sample_id: str, hidden: frozenset[int], _run: RunRecord) -> bytes:
    path = _run.path / run_files.EVALUATION / split / run_files.PREDICTIONS / run_files.file_name(sample_id)
    try:
        with Image.open(path) as picture:
            if picture.mode != "P":
                raise RunError(f"{path} is a {picture.mode} picture; expected a palette PNG of class ids.")
            mask = np.array(picture)
    except (OSError, SyntaxError, ValueError):  # what Pillow raises on missing, truncated and foreign files
        raise RunError(f"No readable prediction of {sample_id!r} at {path}.") from None
    return encode_layer(mask, _run.labels, visible=frozenset(range(_run.labels.classes)) - hidden, width=PHOTO_WIDTH)


def stored_layer(run: RunRecord, split: str, sample_id: str, hidden: frozenset[int]) -> bytes:
    """Palette PNG of a stored prediction, without the tables beside it: those need pandas, which takes a second.

    Raises:
        RunError: when there is none, or it is no palette PNG.
    """
    return _stored_layer(RunKey.of(run), split, sample_id, hidden, run)


@st.cache_data(max_entries=4000, show_spinner=False)
def _error_thumb(
    key: RunKey,
    split: str,
    sample_id: str,
    mistake: Mistake | None,
    hidden: frozenset[int],
    data: DataKey,
    _run: RunRecord,
) -> bytes:
    (mask,) = caches.masks([_run], split, sample_id)
    truth = caches.dataset(data).mask(sample_id)
    if mistake is not None:
        return encode_lit(mask, truth, _run.labels, true=mistake.true, taken=mistake.taken, width=WIDE_THUMB)
    visible = frozenset(range(_run.labels.classes)) - hidden
    return encode_errors(mask, truth, _run.labels, visible=visible, width=WIDE_THUMB)


def error_thumb(
    run: RunRecord, split: str, sample_id: str, mistake: Mistake | None, hidden: frozenset[int], data: DataKey
) -> bytes:
    """Small palette PNG of a run's errors in one image, or of one kind of mistake alone.

    Raises:
        RunError: when the stored prediction can't be read.
        EvaluationError: when there is none of this image.
        SegcoreError: when it doesn't fit the ground truth.
    """
    return _error_thumb(RunKey.of(run), split, sample_id, mistake, hidden, data, run)


@st.cache_data(max_entries=2000, show_spinner=False)
def _dispute_thumb(
    keys: tuple[RunKey, ...], split: str, sample_id: str, data: DataKey, _runs: Sequence[RunRecord]
) -> bytes:
    return encode_disagreement(
        caches.masks(_runs, split, sample_id), caches.dataset(data).mask(sample_id), width=WIDE_THUMB
    )


def dispute_thumb(runs: Sequence[RunRecord], split: str, sample_id: str, data: DataKey) -> bytes:
    """Small palette PNG of where runs disagree; raises what `error_thumb` raises."""
    return _dispute_thumb(tuple(map(RunKey.of, runs)), split, sample_id, data, runs)
