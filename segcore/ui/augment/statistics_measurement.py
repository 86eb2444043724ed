"""Measures what a pipeline does to the training images, a few examples at a time, with results kept in the session."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from typing import NamedTuple

import streamlit as st

from segcore.augment import Pipeline
from segcore.augment.effect import Effect, measure
from segcore.errors import SegcoreError
from segcore.runs import RunRecord
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey

DEFAULT_SIZE = (224, 320)  # (height, width) that train.py resizes to by default
EXAMPLES = 200
MAX_SAMPLES = 60  # training images that the examples are made of
MAX_BYTES = 64_000_000  # of those images, decoded
MAX_SECONDS = 10.0  # of augmenting; a slow pipeline gets fewer examples
MIN_EXAMPLES = 12  # however slow: while one is made, OpenCV has but one thread, for the previews too
MAX_RESULTS = 24  # in a session
RESULTS = "effect:results"  # key in the session


class MeasurementKey(NamedTuple):
    """What is measured: a dataset at a (height, width), under a pipeline in YAML."""

    data: DataKey
    size: tuple[int, int]
    pipeline: str


def measurement_key(context: AppContext, pipeline: Pipeline, size: tuple[int, int] | None = None) -> MeasurementKey:
    """Return the key of a measurement; the size is that of training where none is given."""
    return MeasurementKey(context.key, size or training_size(context), pipeline.to_yaml())


def measured_effect(key: MeasurementKey) -> Effect | None:
    """Return what is measured so far."""
    return _results().get(key)


def is_complete(effect: Effect | None) -> bool:
    """Whether no more examples are needed."""
    if effect is None:
        return False
    slow = sum(effect.seconds) > MAX_SECONDS and effect.tried >= MIN_EXAMPLES
    hopeless = effect.draws == 0 and effect.tried >= 3
    return slow or hopeless or effect.tried >= EXAMPLES


def measure_for(context: AppContext, pipeline: Pipeline, seconds: float, size: tuple[int, int] | None = None) -> Effect:
    """Measure for so many seconds, at least one example, or until complete; return the result so far."""
    assert context.dataset is not None
    key = measurement_key(context, pipeline, size)
    classes = context.dataset.labels.classes
    effect = measured_effect(key) or Effect.empty(classes)
    ids, deadline = spread_samples(context, key.size), time.perf_counter() + seconds
    while not is_complete(effect):
        seed = effect.tried
        try:
            pair = dataset_cache.resized_pair(context.key, ids[seed % len(ids)], key.size)
            effect += measure(pipeline, [pair], [seed], classes)
        except SegcoreError as error:  # a sample that can't be read
            effect += replace(Effect.empty(classes), failures=((str(error), 1),))
        if time.perf_counter() >= deadline:
            break
    results = _results()
    results[key] = effect
    results.move_to_end(key)
    while len(results) > MAX_RESULTS:
        results.popitem(last=False)
    return effect


def spread_samples(context: AppContext, size: tuple[int, int]) -> list[str]:
    """List training images spread evenly over the split, without augmented copies; the first few are spread too."""
    assert context.dataset is not None
    copies = {copy for sample_copies in context.dataset.copies.values() for copy in sample_copies}
    train = context.dataset.splits.get("train", context.dataset.ids)
    ids = [sample_id for sample_id in train if sample_id not in copies] or list(train)
    count = max(1, min(len(ids), MAX_SAMPLES, MAX_BYTES // (4 * size[0] * size[1])))
    spread = [ids[index * len(ids) // count] for index in range(count)]
    # A stride of the golden section: a measurement that ends early is not of the beginning of the drive alone.
    stride = next(step for step in range(max(1, round(0.618 * count)), 2 * count + 1) if gcd(step, count) == 1)
    return [spread[index * stride % count] for index in range(count)]


def training_size(context: AppContext) -> tuple[int, int]:
    """Return the (height, width) that the first run on this data was trained at, chosen runs first."""
    for run in runs_on_dataset(context):
        size = run.summary.input
        if size.height and size.width:
            return size.height, size.width
    return DEFAULT_SIZE


def runs_on_dataset(context: AppContext) -> Sequence[RunRecord]:
    """Return the chosen runs on the active dataset; if none is chosen, all of them."""
    return context.fitting or tuple(run for run in context.runs if context.fits(run))


def _results() -> OrderedDict[MeasurementKey, Effect]:
    results: OrderedDict[MeasurementKey, Effect] = st.session_state.setdefault(RESULTS, OrderedDict())
    return results
