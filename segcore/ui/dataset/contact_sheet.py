"""The contact sheet on the page: image, mask and overlay of a few samples of every split, and the shares of classes."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from segcore.data import Dataset
from segcore.errors import SegcoreError, listed, number
from segcore.labels import IGNORE_INDEX, LabelMap, hex_color
from segcore.ui.shell import dataset_cache, image_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.widgets.figure import FIGURE_WIDTH, saved_as
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, draw_thumbnails, kept_thumbnails
from segcore.visual import data_uri, swatch
from segcore.visual.contact_sheet import share_text

if TYPE_CHECKING:
    from segcore.visual.render import Chart

INTERVAL = 0.3  # s between two rounds of drawing
MOST = 40  # classes with their shares
MOST_ABSENT = 12  # names of classes that these samples don't show


def contact_sheet(context: AppContext) -> Callable[[], None]:
    """Draw the sheet as far as this session has its pictures, with boxes in place of the others.

    Returns:
        Draws the rest, a few samples at a time. A page calls it last, so that nothing waits for the sheet.
    """
    assert context.dataset is not None
    key, dataset = context.key, context.dataset
    ids = dataset.examples()
    kept = kept_thumbnails("sheet", key, ids)
    aspects = [_aspect(dataset, sample_id) for sample_id in ids]
    alone = False  # whether the fragment runs without the page

    def draw(sample_id: str) -> Thumbnail:
        dataset_cache.class_pixels(key, sample_id)  # counted here, within the time of a round
        return Thumbnail(sample_id, *image_cache.thumbnail(key, sample_id), note=dataset.record(sample_id).split)

    def sheet() -> str:
        thumbnails = [kept.get(sample_id, Thumbnail(sample_id, waiting=True)) for sample_id in ids]
        cells = "".join(map(_cell, thumbnails, aspects))
        legend = _legend(key, kept if len(kept) == len(ids) else {}, dataset.labels)
        return f'<div class="sc-sheet">{cells}</div>{legend}'

    def draw_some() -> bool:
        """Draw for a while; whether the sheet is complete."""
        draw_thumbnails(ids, kept, draw)
        place.html(sheet())
        return len(kept) == len(ids)

    @st.fragment(run_every=INTERVAL)
    def go_on() -> None:
        if not alone:
            place.html(sheet())  # a fragment may write to a place outside of it only where it did so as the page ran
        elif draw_some():
            st.rerun()  # ends the timer

    def finish() -> None:
        nonlocal alone
        if len(kept) < len(ids) and not draw_some():
            go_on()
            alone = True

    with saved_as("samples", lambda: _printed(dataset, ids, kept), style="pictures"):
        place = st.html(sheet())  # `st.empty` would take away what stood here before, and pull up what stands below
    return finish


def _printed(dataset: Dataset, ids: Sequence[str], kept: Mapping[str, Thumbnail]) -> Chart:
    """The sheet for paper, without samples that can't be read."""
    from segcore.visual.picture_grid import sample_sheet

    readable = [sample_id for sample_id in ids if sample_id not in kept or kept[sample_id].photo is not None]
    return sample_sheet([dataset[sample_id] for sample_id in readable], dataset.labels, width=FIGURE_WIDTH)


def _aspect(dataset: Dataset, sample_id: str) -> float:
    """Width / height of a sample's boxes; very tall pictures are cropped."""
    try:
        height, width = dataset.size(sample_id)
    except SegcoreError:  # drawing the sample marks it as unreadable
        return 4 / 3
    return max(0.5, width / height)


def _cell(thumbnail: Thumbnail, aspect: float) -> str:
    """Image, mask and overlay of one sample as HTML; each picture is sent once, and the page's style shows it twice."""
    pictures = {"photo": thumbnail.photo, "mask": thumbnail.layer}
    style = f"--aspect:{aspect:.3f};" + "".join(
        f"--{name}:url({data_uri(data)});" for name, data in pictures.items() if data
    )
    name, note = html.escape(thumbnail.id), html.escape(thumbnail.note)
    return (
        f'<figure style="{style}" class="{"drawn" if thumbnail.photo else ""}" role="img" '
        f'aria-label="Image, mask and overlay of {name}"><b></b><b></b><b></b>'
        f"<figcaption><span>{name}</span><span>{note}</span></figcaption></figure>"
    )


def _legend(key: DataKey, kept: Mapping[str, Thumbnail], labels: LabelMap) -> str:
    """The classes of the drawn samples with their shares of scored pixels, the largest first, and those that lack.

    Without samples it is an invisible one that takes about as much room, so that the page does not move when it comes.
    """
    if not kept:
        names = [f"<span>{html.escape(name)} 10.0 %</span>" for name in labels.names[:MOST]]
        return f'<div class="sc-sheet-classes waiting">{"".join(names)}</div><div class="sc-sheet-note">&nbsp;</div>'
    drawn = [sample_id for sample_id, thumbnail in kept.items() if thumbnail.photo]
    pixels: Counter[int] = Counter()
    for sample_id in drawn:
        with suppress(SegcoreError):  # a mask that broke after its sample was drawn
            pixels.update(dataset_cache.class_pixels(key, sample_id))
    unscored = pixels.pop(IGNORE_INDEX, 0)
    total = max(1, pixels.total())
    items = [
        f'<span><img src="{swatch(hex_color(labels.colors[index]))}" alt="">{html.escape(labels.names[index])} '
        f"<i>{share_text(count / total)}</i></span>"
        for index, count in pixels.most_common(MOST)
    ]
    absent = [name for index, name in enumerate(labels.names) if index not in pixels]
    sentences = [
        f"Shares of the scored pixels of these {number(len(drawn), 'sample')}.",
        f"Hatched: not scored, {share_text(unscored / (unscored + total))} of all." if unscored else "",
        f"Not in them: {listed(absent, MOST_ABSENT)}." if absent else "",
    ]
    note = html.escape(" ".join(filter(None, sentences)))
    return f'<div class="sc-sheet-classes">{"".join(items)}</div><div class="sc-sheet-note">{note}</div>'
