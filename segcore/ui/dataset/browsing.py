"""Browsing a dataset: how it was read, which samples match the filters, and their thumbnails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from segcore.data import Dataset
from segcore.data.index.selection import Selection
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


def matching_ids(key: DataKey, ids: Sequence[str], text: str, wanted: Selection, sort: str) -> list[str]:
    """Return the ids of the images that are looked for, sorted; of those that must be read, the ones read so far.

    Args:
        key: The dataset.
        ids: Ids of the samples, in the order that the sort "time" keeps.
        text: Part of the id, in any case; empty for all.
        wanted: What the images hold.
        sort: One of `SORTS`.
    """
    part = text.casefold()
    matching = [sample_id for sample_id in ids if part in sample_id.casefold()] if part else list(ids)
    if wanted.reads_images or sort == "most classes":
        table = dataset_cache.known_facts(key).table()
        meant, row = wanted.mask(table), table.row
        matching = [sample_id for sample_id in matching if sample_id in row and meant[row[sample_id]]]
        if sort == "most classes":
            matching.sort(key=lambda sample_id: -int(table.classes_scored[row[sample_id]]))
    if sort == "name":
        matching.sort()
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
