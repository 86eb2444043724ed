"""Cached datasets and samples: bounded, keyed by identity and version, shared between sessions, so read-only."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from segcore.data import Dataset, OpenOptions, Sample, resize_pair
from segcore.data.index.known_facts import KnownFacts
from segcore.errors import DatasetError
from segcore.paths import local_path, path_exists

if TYPE_CHECKING:
    from segcore.augment.effect import ImageMaskArrays
    from segcore.data.leaks import LeakReport

DEFAULTS = OpenOptions()


class DataKey(NamedTuple):
    """Key of a dataset: where it is, how it is opened, and a version that changes with it (`reopen`)."""

    source: str
    options: OpenOptions
    version: int

    @classmethod
    def of(cls, source: str, options: OpenOptions = DEFAULTS) -> DataKey:
        """Return the key of a dataset as it is now; a missing path has version 0."""
        time = local_path(source).stat().st_mtime_ns if path_exists(source) else 0
        return cls(source, options, time + _reopened[source, options])


_reopened: Counter[tuple[str, OpenOptions]] = Counter()


@st.cache_resource(max_entries=8, show_spinner="Opening the dataset")
def dataset(key: DataKey) -> Dataset:
    """Open a dataset; raises what `OpenOptions.open` raises."""
    return key.options.open(key.source)


@st.cache_resource(max_entries=24, show_spinner=False)
def sample(key: DataKey, sample_id: str) -> Sample:
    """Decode a sample; its arrays are read-only."""
    return dataset(key)[sample_id]


@st.cache_resource(max_entries=64, show_spinner=False)
def resized_pair(key: DataKey, sample_id: str, size: tuple[int, int]) -> ImageMaskArrays:
    """Return image and mask at the (height, width) of a training, as training resizes them."""
    full = dataset(key)[sample_id]  # not from `sample`, which would keep it
    return resize_pair(full.image, full.mask, *size)


@st.cache_resource(max_entries=8, show_spinner=False)
def known_facts(key: DataKey, _before: KnownFacts | None = None) -> KnownFacts:
    """What is known of the dataset's images, shared by all sessions: each image is read once."""
    return KnownFacts(dataset(key), _before)


def reopen(key: DataKey, known: KnownFacts) -> None:
    """Open a dataset again, whose files changed, came or went: from now on `DataKey.of` returns another key.

    Args:
        key: Its key so far.
        known: What is still true of its images.

    Raises:
        SegcoreError: what `dataset` raises; the key is then as it was.
    """
    now = DataKey.of(key.source, key.options)
    known_facts(now._replace(version=now.version + 1), known).check_files()
    _reopened[key.source, key.options] += 1


def store_facts(key: DataKey) -> None:
    """Keep what is known in the user's cache for the next server, once all of a dataset without an index is known."""
    known = known_facts(key)
    if key.source != "drive" and known.dataset.index is None and not known.missing(known.dataset.ids):
        _store_facts(key, known.version)


@st.cache_resource(max_entries=8, show_spinner=False)
def _store_facts(key: DataKey, version: tuple[int, int]) -> bool:
    from segcore.data.index_building import save

    known = known_facts(key)
    path = save(known, beside=False)
    known.settle()
    return path is not None


def class_pixels(key: DataKey, sample_id: str) -> dict[int, int]:
    """Class id -> pixels of one mask.

    Raises:
        DatasetError: when it can't be read.
    """
    facts = known_facts(key).facts(sample_id)
    if not facts.counted:
        raise DatasetError(facts.problem)
    return facts.by_class


@st.cache_resource(max_entries=8, show_spinner="Looking for a leak report of this data")
def leak_report(key: DataKey) -> LeakReport:
    """Return the stored leak report of the dataset's own splits; without one, check ids and frame numbers alone."""
    from segcore.data.leaks import check, stored

    opened = dataset(key)
    return stored(opened) or check(opened, pictures=False)


def store_leak_report(key: DataKey, report: LeakReport) -> None:
    """Store a report that the app made, so that `leak_report` returns it from now on."""
    from segcore.data.leaks import store

    store(report)
    leak_report.clear(key)
