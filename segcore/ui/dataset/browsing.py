"""Browsing a dataset: how it was read, which samples match the filters, and their thumbnails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from segcore.data import Dataset
from segcore.ui.shell import dataset_cache, image_cache, url_state
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, paged_gallery

SORTS = ("time", "name", "most classes")
EVERY = "all"  # the option of a filter that filters nothing


def facts(dataset: Dataset) -> str:
    """Say in Markdown how a dataset was read, and what was left out: a sentence a line.

    Raises:
        DatasetError: when no rule fits all of its masks.
    """
    rule = f" Masks hold {dataset.mask_rule}." if dataset.mask_rule else ""
    read = [f"Layout: {dataset.layout}.{rule}"] if dataset.layout else []
    return "  \n".join(escape_markdown(sentence) for sentence in (*read, *dataset.notes))


def ids_of(dataset: Dataset, split: str) -> tuple[str, ...]:
    """Ids of a split, or of all samples: frames of a video in order of time, other samples split by split."""
    if split != EVERY:
        return dataset.splits[split]
    return dataset.ids if dataset.video else tuple(chain.from_iterable(dataset.splits.values()))


def matching_ids(key: DataKey, ids: Sequence[str], class_id: int | None, sort: str) -> list[str]:
    """Return the ids of samples that hold a class, sorted. Filtering or sorting by classes reads every mask.

    Args:
        key: The dataset.
        ids: Ids of the samples, in the order that the sort "time" keeps.
        class_id: The class; None for all samples.
        sort: One of `SORTS`.
    """
    matching = [
        sample_id for sample_id in ids if class_id is None or class_id in dataset_cache.class_pixels(key, sample_id)
    ]
    if sort == "name":
        matching.sort()
    elif sort == "most classes":
        matching.sort(key=lambda sample_id: -len(dataset_cache.class_pixels(key, sample_id)))
    return matching


def sample_grid(key: DataKey, ids: Sequence[str], selected: str, size: tuple[int, int], *, overlay: bool) -> None:
    """Draw samples as pages of thumbnails; a click chooses one.

    Args:
        key: The dataset.
        ids: Ids of the samples.
        selected: Id of the chosen sample.
        size: (height, width) of the chosen sample.
        overlay: Whether masks show always, not only on hover.
    """
    paged_gallery(
        ids,
        size,
        lambda sample_id: Thumbnail(sample_id, *image_cache.thumbnail(key, sample_id)),
        version=key,
        on_pick=lambda sample_id: url_state.put("sample", sample_id),
        overlay=overlay,
        selected=selected,
    )


def select_neighbour(ids: Sequence[str], selected: str, step: int) -> None:
    """Choose the sample `step` places further, going round at the ends; from a sample not among `ids`, start at 0."""
    place = ids.index(selected) if selected in ids else 0
    url_state.put("sample", ids[(place + step) % len(ids)])
