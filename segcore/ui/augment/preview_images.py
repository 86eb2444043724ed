"""Applies a pipeline to an input with several seeds, and encodes the results; cached."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import streamlit as st

from segcore.arrays import U8, U8Image, U8Mask
from segcore.augment import AppliedTransform, Pipeline
from segcore.data import Sample
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.ui.shell.threads import parallel
from segcore.visual import encode_jpeg, encode_layer

LARGE, SMALL = 1280, 320  # px wide; 320 is a third of 960, which OpenCV shrinks to twice as fast as to a width near it
_GREY = (128, 128, 128)  # around an image of another shape


@dataclass(frozen=True)
class PreviewInput:
    """What the pipeline is tried on.

    Args:
        key: Its key in the caches.
        sample: Image and mask.
        labels: The mask's classes.
        hidden: Class ids that overlays leave out.
    """

    key: tuple[Any, ...]
    sample: Sample
    labels: LabelMap
    hidden: frozenset[int]


@dataclass(frozen=True)
class Example:
    """The result of applying a pipeline with one seed.

    Args:
        seed: The seed; in code it gives the same result.
        size: (height, width) of the result.
        photo: Small JPEG of the image.
        layer: Small PNG layer of the mask.
        applied: The transforms that were applied, in order.
    """

    seed: int
    size: tuple[int, int]
    photo: bytes
    layer: bytes
    applied: tuple[AppliedTransform, ...]


def needs_albumentations(pipeline: Pipeline) -> bool:
    """Whether applying the pipeline must first import albumentations, which takes seconds."""
    return bool(pipeline.active) and "albumentations" not in sys.modules


def make_examples(source: PreviewInput, pipeline: Pipeline, seeds: Sequence[int]) -> list[Example]:
    """Make an example for each seed.

    Raises:
        AugmentError: when the pipeline can't be applied.
    """
    text = _yaml(pipeline)

    def make(seed: int) -> Example:
        image, _, applied = _apply(source.key, text, seed, source, pipeline)
        height, width = image.shape[:2]
        return Example(seed, (height, width), *encode_stage(source, pipeline, seed, None, SMALL), applied)

    return parallel(make, seeds)


def encode_stage(
    source: PreviewInput, pipeline: Pipeline, seed: int, stage: int | None, width: int
) -> tuple[bytes, bytes]:
    """Encode the result of a pipeline, or the image after the first transforms that were applied.

    Args:
        source: Image and mask.
        pipeline: The pipeline.
        seed: Seed of the example.
        stage: How many transforms; None for the result, 0 for the image itself.
        width: In px, of both pictures.

    Returns:
        (JPEG of the image, PNG layer of the mask).
    """
    text = _yaml(pipeline)
    if stage == 0:
        text, seed = "", 0  # the image itself is the same for all
    return _encode_stage((*source.key, text, seed, stage), source.hidden, width, source, pipeline, text, seed, stage)


def fit_into(image: U8Image, mask: U8Mask, size: tuple[int, int]) -> tuple[U8Image, U8Mask]:
    """Scale image and mask to fit into the middle of a (height, width), undistorted, with grey around them."""
    height, width = size
    if mask.shape == size:
        return image, mask
    scale = min(height / mask.shape[0], width / mask.shape[1])
    rows, columns = max(1, round(mask.shape[0] * scale)), max(1, round(mask.shape[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas, canvas_mask = np.full((height, width, 3), _GREY, np.uint8), np.full(size, IGNORE_INDEX, np.uint8)
    inside = slice(top, top + rows), slice(left, left + columns)
    canvas[inside] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas_mask[inside] = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return canvas, canvas_mask


@lru_cache(maxsize=8)
def _yaml(pipeline: Pipeline) -> str:
    """Return a pipeline's YAML, its key in the caches."""
    return pipeline.to_yaml()


@st.cache_resource(max_entries=24, show_spinner=False)
def _apply(
    key: tuple[Any, ...], text: str, seed: int, _source: PreviewInput, _pipeline: Pipeline
) -> tuple[U8, U8, tuple[AppliedTransform, ...]]:
    return _pipeline.apply(_source.sample.image, _source.sample.mask, seed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _stages(
    key: tuple[Any, ...], text: str, seed: int, _source: PreviewInput, _pipeline: Pipeline
) -> list[tuple[U8, U8]]:
    """Return image and mask before the pipeline, and after each transform that was applied."""
    stages = _pipeline.stages(_source.sample.image, _source.sample.mask, seed)
    return [(_source.sample.image, _source.sample.mask), *((stage.image, stage.mask) for stage in stages)]


@st.cache_data(max_entries=200, show_spinner=False)
def _encode_stage(
    key: tuple[Any, ...],
    hidden: frozenset[int],
    width: int,
    _source: PreviewInput,
    _pipeline: Pipeline,
    _text: str,
    _seed: int,
    _stage: int | None,
) -> tuple[bytes, bytes]:
    if _stage == 0:
        image, mask = _source.sample.image, _source.sample.mask
    elif _stage is None:
        image, mask, _ = _apply(_source.key, _text, _seed, _source, _pipeline)
    else:
        image, mask = _stages(_source.key, _text, _seed, _source, _pipeline)[_stage]
    image, mask = fit_into(image, mask, _source.sample.size)
    visible = frozenset(range(_source.labels.classes)) - hidden
    return encode_jpeg(image, width=width), encode_layer(mask, _source.labels, visible=visible, width=width)
