"""Browsing a dataset: which samples match the filters, and drawing their thumbnails a few at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from segcore.data import SPLITS
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.shell import dataset_cache, image_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.incremental import chunks, process_incrementally
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, paged_gallery

if TYPE_CHECKING:
    from segcore.data import ClassBalance

SORTS = ("time", "name", "most classes")
EVERY = "all"


def matching(key: DataKey, ids: Sequence[str], class_id: int | None, sort: str) -> list[str]:
    """Ids that hold a class, in the wanted order. Reads every mask where a class or their number matters."""
    found = list(ids)
    if class_id is not None:
        found = [each for each in found if class_id in dataset_cache.class_pixels(key, each)]
    if sort == "name":
        found.sort()
    elif sort == "most classes":
        found.sort(key=lambda each: -len(dataset_cache.class_pixels(key, each)))
    return found


def thumb(key: DataKey, sample_id: str) -> Thumbnail:
    """One sample, small."""
    return Thumbnail(sample_id, *image_cache.thumbnail(key, sample_id))


def grid(view: AppContext, ids: Sequence[str], selected: str, size: tuple[int, int], *, overlay: bool) -> None:
    """The samples as thumbnails; a click opens one."""
    paged_gallery(
        ids,
        size,
        lambda sample_id: thumb(view.key, sample_id),
        version=view.key,
        on_pick=lambda sample_id: url_state.put("sample", sample_id),
        overlay=overlay,
        selected=selected,
    )


def balance(view: AppContext, split: str) -> ClassBalance | None:
    """Class counts of a split. Masks are read a few at a time; None (and a progress bar) until all are."""
    assert view.dataset is not None
    wanted = chunks(view.dataset.ids if split == EVERY else view.dataset.splits[split])
    parts = process_incrementally(
        f"balance:{view.key}", wanted, lambda ids: dataset_cache.class_balance(view.key, ids), "Counting pixels"
    )
    return _sum(list(parts.values())) if len(parts) == len(wanted) else None


def _sum(parts: Sequence[ClassBalance]) -> ClassBalance:
    from segcore.data import ClassBalance

    return ClassBalance(
        np.sum([part.pixels for part in parts], axis=0),
        np.sum([part.images for part in parts], axis=0),
        sum(part.ignored for part in parts),
        sum(part.total for part in parts),
        sum(part.copies for part in parts),
    )


def balance_note(labels: LabelMap, counts: ClassBalance) -> str:
    """What the charts leave out."""
    absent = [name for name, pixels in zip(labels.names, counts.pixels, strict=True) if not pixels]
    share = 100 * counts.ignored / max(1, counts.ignored + int(counts.pixels.sum()))
    missing = f" Not one pixel: {', '.join(absent)}." if absent else ""
    copies = f" {counts.copies} of the {counts.total} images are augmented copies." if counts.copies else ""
    return f"{share:.1f} % of all pixels are ignored.{missing}{copies}"


def split_table(view: AppContext) -> list[tuple[str, str, str]]:
    """(split, images on disk, what the chosen runs made of it) of the active dataset."""
    assert view.dataset is not None
    rows = []
    for split in SPLITS:
        used = sorted({_used(run, split) for run in view.fitting})
        count = len(view.dataset.splits.get(split, ()))
        if count or used:
            rows.append((split, str(count or "–"), ", ".join(used) or "–"))
    return rows


def _used(run: RunRecord, split: str) -> str:
    info = run.summary.dataset
    if split == "train":
        return f"{info.train} → {info.train_augmented}"
    return str(info.val if split == "val" else info.test)


def size_chart(found: Mapping[tuple[int, int], int]) -> None:
    """One sentence where all images are alike, else a chart."""
    if len(found) == 1:
        ((height, width), count), *_ = found.items()
        st.caption(f"All {count} images are {width} × {height}.")
        return
    import pandas as pd

    from segcore.visual import charts

    rows = [{"width": width, "height": height, "images": count} for (height, width), count in found.items()]
    st.altair_chart(charts.image_sizes(pd.DataFrame(rows)), key="sizes", width=560)
