"""Numbers on the active dataset: class balance, splits and image sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from segcore.data import SPLITS
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.incremental import chunks, process_incrementally
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.table import Cell, table
from segcore.visual import charts

if TYPE_CHECKING:
    from segcore.data import ClassBalance


def class_balance(key: DataKey, ids: Sequence[str]) -> ClassBalance | None:
    """Count pixels and images of each class, a few images at a time; None, with a progress bar, until all are read."""
    parts = process_incrementally(
        f"balance:{key}", chunks(ids), lambda some: dataset_cache.class_balance(key, some), "Counting pixels"
    )
    return _sum(list(parts.values())) if sum(map(len, parts)) == len(ids) else None


def _sum(parts: Sequence[ClassBalance]) -> ClassBalance:
    from segcore.data import ClassBalance

    return ClassBalance(
        np.sum([part.pixels for part in parts], axis=0),
        np.sum([part.images for part in parts], axis=0),
        sum(part.ignored for part in parts),
        sum(part.total for part in parts),
        sum(part.copies for part in parts),
    )


def class_balance_charts(labels: LabelMap, counts: ClassBalance) -> None:
    """Draw pixels and images by class, and say below what the charts leave out."""
    data = pd.DataFrame({"class": labels.names, "pixels": counts.pixels, "images": counts.images})
    titles = {"pixels": "pixels (log scale)", "images": f"images of {counts.total}"}
    for column, (value, title) in zip(st.columns(2, gap="large"), titles.items(), strict=True):
        draw = partial(charts.balance, data, labels, value=value, title=title, log=value == "pixels")
        with column, saved_as(f"class-balance-{value}", draw):
            st.altair_chart(draw(), key=value)
    st.caption(balance_note(labels, counts))


def balance_note(labels: LabelMap, counts: ClassBalance) -> str:
    """Say which pixels and classes are not in the charts, and how many images are augmented copies."""
    absent = [name for name, pixels in zip(labels.names, counts.pixels, strict=True) if not pixels]
    share = 100 * counts.ignored / max(1, counts.ignored + int(counts.pixels.sum()))
    missing = f" Classes that never occur: {', '.join(absent)}." if absent else ""
    copies = f" {counts.copies} of the {counts.total} images are augmented copies." if counts.copies else ""
    return f"{share:.1f} % of all pixels are ignored.{missing}{copies}"


def split_table(context: AppContext) -> None:
    """Draw how many images each split has, and how many the chosen runs used."""
    head = [Cell("split"), Cell("images", True), Cell("in the chosen runs, before → after augmentation", True)]
    table(head, [[Cell(split), Cell(count, True), Cell(used, True)] for split, count, used in _split_rows(context)])


def _split_rows(context: AppContext) -> list[tuple[str, str, str]]:
    """(split, images of the dataset, images used by the chosen runs)."""
    assert context.dataset is not None
    rows = []
    for split in SPLITS:
        used = sorted({_images_used(run, split) for run in context.fitting})
        count = len(context.dataset.splits.get(split, ()))
        if count or used:
            rows.append((split, str(count or "–"), ", ".join(used) or "–"))
    return rows


def _images_used(run: RunRecord, split: str) -> str:
    info = run.summary.dataset
    if split == "train":
        return f"{info.train} → {info.train_augmented}"
    return str(info.val if split == "val" else info.test)


def image_size_chart(sizes: Mapping[tuple[int, int], int]) -> None:
    """Draw how many images there are of each (height, width); one sentence where all have the same."""
    if len(sizes) == 1:
        ((height, width), count), *_ = sizes.items()
        st.caption(f"All {count} images are {width} × {height}.")
        return
    rows = [{"width": width, "height": height, "images": count} for (height, width), count in sizes.items()]
    draw = partial(charts.image_sizes, pd.DataFrame(rows))
    with saved_as("image-sizes", draw):
        st.altair_chart(draw(), key="sizes", width=560)
