"""Thumbnails to pick from: a gallery of a few, or pages of many that fill up a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.shell import url_state
from segcore.ui.shell.incremental import TIME_BUDGET
from segcore.ui.shell.link_problems import describe_missing
from segcore.ui.widgets.components import component
from segcore.ui.widgets.figure import FIGURE_WIDTH, saved_as
from segcore.visual import data_uri

if TYPE_CHECKING:
    import altair as alt

PAGE_SIZE = 24  # thumbnails: what a large screen shows at once


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a gallery.

    Args:
        id: What is picked; shown under the picture, unless there is a title.
        photo: JPEG; None while it is not drawn yet, and for good where it can't be read.
        layer: Palette PNG over the photo, or None.
        note: A few quiet words beside the id, or on a line of their own under the title.
        waiting: Whether it is still being drawn.
        title: Shown in place of the id.
        hover: Palette PNG that replaces the layer on hover, or None.
        hint: More words, in the tooltip.
    """

    id: str
    photo: bytes | None = None
    layer: bytes | None = None
    note: str = ""
    waiting: bool = False
    title: str = ""
    hover: bytes | None = None
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as the gallery's script takes it, its pictures as data URIs."""
        pictures = {"photo": self.photo, "layer": self.layer, "hover": self.hover}
        return asdict(self) | {name: data and data_uri(data) for name, data in pictures.items()}


def gallery(
    thumbnails: Sequence[Thumbnail],
    size: tuple[int, int],
    *,
    key: str,
    on_pick: Callable[[str], None],
    overlay: bool = False,
    selected: str | None = None,
    smallest: int = 150,
    exact: bool = False,
    swap: bool = False,
) -> None:
    """Draw thumbnails side by side; their masks show on hover, or always.

    Args:
        thumbnails: The thumbnails, in order.
        size: (height, width) that gives the boxes their shape; pictures of another shape are cropped to it.
        key: Streamlit key, unique on the page.
        on_pick: Called with the id that is clicked, or chosen with the keyboard.
        overlay: Whether masks show always and hide on hover.
        selected: Id of the framed picture.
        smallest: Width in px below which a picture wraps to the next row; two always stand side by side.
        exact: Whether layers lie over the photo as they are, not half transparent.
        swap: Whether the layers shown on hover lie over the photo as they are, too.
    """
    render = component("gallery", '<div class="gallery"></div>', "elements.js", "gallery.js")

    def pick() -> None:
        if st.session_state[key].get("pick"):
            on_pick(str(st.session_state[key]["pick"]))

    figure = partial(gallery_figure, thumbnails, size, overlay=overlay, exact=exact)
    with saved_as("images", figure, style="pictures", key=key):
        render(
            key=key,
            data=[  # a list: Streamlit looks for data frames in a dict, and imports pandas to do so
                {
                    "items": [thumbnail.to_dict() for thumbnail in thumbnails],
                    "aspect": f"{size[1]} / {size[0]}",
                    "min": f"{smallest}px",
                    "overlay": overlay,
                    "selected": selected,
                    "exact": exact,
                    "swap": swap,
                }
            ],
            on_pick_change=pick,
        )


def gallery_figure(
    thumbnails: Sequence[Thumbnail],
    size: tuple[int, int],
    *,
    overlay: bool,
    exact: bool,
) -> alt.LayerChart:
    """Draw thumbnails for paper, four in a row; the arguments are those of `gallery`."""
    from segcore.visual.picture_grid import OPACITY, Picture, picture_grid

    pictures = [
        Picture(
            [
                *([(item.photo, 1.0)] if item.photo else []),
                *([(item.layer, 1.0 if exact else OPACITY)] if item.layer and overlay else []),
            ],
            size,
            item.title or item.id,
            "" if item.title else item.note,
        )
        for item in thumbnails
    ]
    return picture_grid([pictures[at : at + 4] for at in range(0, len(pictures), 4)], width=FIGURE_WIDTH)


def paged_gallery(
    ids: Sequence[str],
    size: tuple[int, int],
    draw: Callable[[str], Thumbnail],
    *,
    version: Hashable,
    on_pick: Callable[[str], None],
    page: str = "page",
    **options: Any,  # noqa: ANN401 - handed on
) -> None:
    """Draw one page of many thumbnails, a few at a time, so that the rest of the app stays usable meanwhile.

    Args:
        ids: Ids of all images, in order.
        size: (height, width) that gives the boxes their shape.
        draw: Makes one thumbnail; a `SegcoreError` makes it "unreadable".
        version: All that the thumbnails depend on besides their id; another version draws them anew.
        on_pick: Called with the id that was clicked. The page runs again after it.
        page: Name of the choice that holds the page number, in the session and in the link.
        options: Further arguments of `gallery`.
    """
    pages = max(1, -(-len(ids) // PAGE_SIZE))
    _begin_other_images(ids, page)
    requested = url_state.get(page, 1, url_state.Between(1, 10**6))
    if requested > pages:
        url_state.report_problem(page, describe_missing(page, [str(requested)], url_state.Between(1, pages)))
    number = min(requested, pages)
    shown = ids[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    drawn = kept_thumbnails(page, version, shown)
    thumbnails = draw_thumbnails(shown, drawn, draw)
    waiting = any(thumbnail.waiting for thumbnail in thumbnails)
    picked = f"picked:{page}"

    def pick(sample_id: str) -> None:
        st.session_state[picked] = sample_id

    @st.fragment(run_every=0.3 if waiting else None)
    def fill() -> None:
        sample_id = st.session_state.pop(picked, None)
        if sample_id is not None:
            on_pick(sample_id)
            st.rerun()  # a click in a fragment reruns the fragment alone
        now = draw_thumbnails(shown, drawn, draw) if alone else thumbnails
        gallery(now, size, key=f"gallery:{page}", on_pick=pick, **options)
        if waiting and not any(thumbnail.waiting for thumbnail in now):
            st.rerun()  # ends the timer

    alone = False  # what is drawn at once needs no second run of the page
    fill()
    alone = True  # from here on the fragment runs without the page
    if pages > 1:
        key = f"{page}:{number}"
        st.pagination(pages, default=number, key=key, on_change=lambda: url_state.put(page, int(st.session_state[key])))


def _begin_other_images(ids: Sequence[str], page: str) -> None:
    """Go to the first page when other images are shown than before, or the same ones in another order."""
    shown = (hash(tuple(ids)), url_state.get(page, 1, url_state.Between(1, 10**6)))
    before = st.session_state.get(f"shown:{page}", shown)
    if before[0] != shown[0] and before[1] == shown[1]:  # a link that is opened brings its own page
        url_state.put(page, 1)
        shown = (shown[0], 1)
    st.session_state[f"shown:{page}"] = shown


def draw_thumbnails(
    ids: Sequence[str], drawn: dict[str, Thumbnail], draw: Callable[[str], Thumbnail], seconds: float = TIME_BUDGET
) -> list[Thumbnail]:
    """Return the thumbnails of `ids`: those drawn already, as many more as the time allows, and placeholders.

    Args:
        ids: Ids of the images.
        drawn: Id -> thumbnail; new ones are added to it.
        draw: Makes one thumbnail; a `SegcoreError` makes it "unreadable".
        seconds: Time after which no further one is begun.
    """
    until = time.perf_counter() + seconds
    thumbnails = []
    for sample_id in ids:
        if sample_id not in drawn and time.perf_counter() < until:
            try:
                drawn[sample_id] = draw(sample_id)
            except SegcoreError:  # opening the sample says why
                drawn[sample_id] = Thumbnail(sample_id, note="unreadable")
        thumbnails.append(drawn.get(sample_id, Thumbnail(sample_id, waiting=True)))
    return thumbnails


def kept_thumbnails(page: str, version: Hashable, shown: Sequence[str]) -> dict[str, Thumbnail]:
    """Return the shown thumbnails that this session has drawn, by id; others are dropped to save memory.

    Args:
        page: Where they are shown: a name of the app's own.
        version: All that the thumbnails depend on besides their id.
        shown: Ids of the images.
    """
    key = f"thumbs:{page}"
    kept_version, kept = st.session_state.get(key, (None, {}))
    same = kept_version == version
    drawn: dict[str, Thumbnail] = {name: kept[name] for name in shown if name in kept} if same else {}
    st.session_state[key] = (version, drawn)
    return drawn
