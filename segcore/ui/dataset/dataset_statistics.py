"""Numbers on the active dataset: class balance, splits and image sizes."""

from __future__ import annotations

import html
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import altair
import numpy as np
import pandas as pd
import streamlit as st

from segcore.data import SPLITS
from segcore.data.class_statistics import balance
from segcore.data.index.image_facts import CELLS
from segcore.data.index.selection import share_counts
from segcore.errors import SegcoreError, number
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.dataset.browsing import EVERY
from segcore.ui.shell import dataset_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.incremental import chunks, process_incrementally
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.result_cache import cached_result
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.table import Cell, table
from segcore.visual import charts, data_uri
from segcore.visual.image_encoding import encode_heat

if TYPE_CHECKING:
    from segcore.data import ClassBalance

PICKED = "picked"  # the selection of a chart whose marks can be clicked
MOST_READ = 2000  # images that a page reads itself without naming the command that is quicker
MOST_CLASSES = 40  # of a matrix
MOST_PLACES = 12  # pictures of where a class lies


def read_images(key: DataKey, ids: Sequence[str]) -> bool:
    """Read what is not known of some images, a few at a time behind a progress bar; whether all are known now."""
    known = dataset_cache.known_facts(key)
    missing = known.missing(ids)
    if not missing:
        return True
    # Files that changed are forgotten and read again, though this session has read them before.
    forgotten = known.version[1]
    process_incrementally(f"facts:{key}:{forgotten}", chunks(missing), known.read, "Reading masks")
    if len(missing) > MOST_READ:
        words = ["segcore", "data", "index", key.source, *key.options.words]
        st.caption("Once for all, and quicker:")
        code_block(shlex.join(words))
    return not known.missing(ids)


def class_balance(key: DataKey, split: str, ids: Sequence[str]) -> ClassBalance | None:
    """Count pixels and images of each class of images that were read; None, with a note, where one can't be."""
    known = dataset_cache.known_facts(key)
    try:
        return cached_result(("balance", key, known.version, split), lambda: balance(known, ids))
    except SegcoreError as error:
        st.caption(f"Can't be counted: {escape_markdown(str(error))}")
        return None


def class_balance_charts(labels: LabelMap, counts: ClassBalance) -> None:
    """Draw pixels and images by class, whose bars choose the class; say below what the charts leave out."""
    data = pd.DataFrame({"class": labels.names, "pixels": counts.pixels, "images": counts.images})
    titles = {"pixels": "pixels (log scale)", "images": f"images of {counts.total}"}
    for column, (value, title) in zip(st.columns(2, gap="large"), titles.items(), strict=True):
        draw = partial(charts.balance, data, labels, value=value, title=title, log=value == "pixels")
        with column, saved_as(f"class-balance-{value}", draw):
            _clickable(draw(), value, "class", "class", alt=f"{title} by class. {balance_note(labels, counts)}")
    st.caption(escape_markdown(balance_note(labels, counts)))


def share_chart(key: DataKey, ids: Sequence[str], labels: LabelMap, class_id: int) -> None:
    """Draw how many images hold how much of a class; a bar chooses its share."""
    table = dataset_cache.known_facts(key).table()
    counts = share_counts(table, class_id, table.rows(ids))
    data = pd.DataFrame({"share": [f"{key} %" for key in counts], "images": counts.values()})
    draw = partial(charts.class_shares, data, labels.names[class_id], labels.hex_colors[class_id])
    with saved_as("class-shares", draw):
        shares = ", ".join(f"{share}: {number(count, 'image')}" for share, count in counts.items())
        _clickable(draw(), "shares", "share", "share", alt=f"Share of {labels.names[class_id]} in an image. {shares}")


def together_chart(key: DataKey, split: str, ids: Sequence[str], labels: LabelMap) -> None:
    """Draw of the images that hold one class, the share that holds another."""
    known = dataset_cache.known_facts(key)
    table = known.table()
    both = cached_result(
        ("together", key, known.version, split), lambda: table.co_occurrence(table.rows(ids), labels.classes)
    )
    occurs = np.flatnonzero(both.diagonal())[:MOST_CLASSES]
    rows = [
        {"class": labels.names[one], "with": labels.names[other], "images": int(both[one, other]),
         "share": both[one, other] / both[one, one]}
        for one in occurs for other in occurs
    ]  # fmt: skip
    draw = partial(charts.co_occurrence, pd.DataFrame(rows), [labels.names[index] for index in occurs])
    with saved_as("classes-together", draw):
        st.altair_chart(draw(), key="together", alt="Of the images that hold one class, the share that holds another")
    _leave_out(labels.classes, len(occurs), int(np.count_nonzero(both.diagonal())))


def places_chart(key: DataKey, split: str, ids: Sequence[str], labels: LabelMap, chosen: int | None) -> None:
    """Draw where in the frame each class lies, the most frequent ones first, or the chosen class alone."""
    known = dataset_cache.known_facts(key)
    table = known.table()
    places = cached_result(("places", key, known.version, split), lambda: table.places(table.rows(ids), labels.classes))
    order = np.argsort(-places.sum(axis=(1, 2)), kind="stable")
    order = order[places[order].any(axis=(1, 2))]
    shown = [chosen] if chosen is not None else order[:MOST_PLACES].tolist()
    height, width = np.median(table.sizes[table.sizes[:, 0] > 0], axis=0) if table.sizes.any() else (3, 4)
    figures = [
        _place(
            labels.names[index], encode_heat(places[index], labels.colors[index]), places[index].max(), width / height
        )
        for index in shown
    ]
    st.html(f'<div class="sc-places">{"".join(figures)}</div>')
    st.caption(
        f"The share of {len(ids):,} images that hold the class at that place of the frame, looked up at "
        f"{CELLS} × {CELLS} points of each mask; the percentage is that of the fullest place, drawn in full colour."
    )
    _leave_out(labels.classes, len(shown), len(order) if chosen is None else 1)


def _place(name: str, picture: bytes, share: float, aspect: float) -> str:
    """The picture of where a class lies as HTML."""
    text, peak = html.escape(name), f"{100 * share:.0f} %"
    return (
        f'<figure><img src="{data_uri(picture)}" style="aspect-ratio:{aspect:.3f}" '
        f'alt="Where in the frame {text} lies: at most in {peak} of the images">'
        f"<figcaption><span>{text}</span><span>{peak}</span></figcaption></figure>"
    )


def _leave_out(classes: int, shown: int, occurring: int) -> None:
    if shown < occurring:
        st.caption(f"{shown} of the {occurring} classes that occur are drawn; choose another class above to see it.")


def _clickable(chart: altair.Chart, key: str, field: str, choice: str, *, alt: str) -> None:
    """Draw a chart of which a click on a mark chooses by its `field`, and a click beside it nothing."""

    def pick() -> None:
        marks = st.session_state[key]["selection"].get(PICKED, [])
        value = str(marks[0][field]) if marks else EVERY
        url_state.put(choice, value.removesuffix(" %"))

    selection = altair.selection_point(PICKED, fields=[field])
    st.altair_chart(chart.add_params(selection), key=key, on_select=pick, selection_mode=PICKED, alt=alt)


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


def size_counts(key: DataKey, split: str, ids: Sequence[str]) -> dict[str, int]:
    """`640x480` (width first) -> number of those of some images, most frequent first; empty until all are known."""
    known = dataset_cache.known_facts(key)
    if known.missing(ids):
        return {}

    def count() -> dict[str, int]:
        table = known.table()
        rows = table.rows(ids)
        sizes, counts = np.unique(table.sizes[rows], axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {f"{sizes[row, 1]}x{sizes[row, 0]}": int(counts[row]) for row in order if sizes[row].all()}

    return cached_result(("sizes", key, known.version, split), count)


def image_size_chart(sizes: Mapping[str, int]) -> None:
    """Draw how many images there are of each size, which a click chooses; one sentence where all have the same."""
    if len(sizes) == 1:
        ((size, count),) = sizes.items()
        st.caption(f"All {count} images are {size.replace('x', ' × ')}.")
        return
    rows = [
        {"size": size, "width": int(size.partition("x")[0]), "height": int(size.partition("x")[2]), "images": count}
        for size, count in sizes.items()
    ]
    draw = partial(charts.image_sizes, pd.DataFrame(rows))
    with saved_as("image-sizes", draw):
        alt = f"Width and height of {number(sum(sizes.values()), 'image')}"
        _clickable(draw().properties(width=560), "sizes", "size", "size", alt=alt)
