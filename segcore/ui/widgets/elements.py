"""Pieces of a page: the gallery, small tables and headings. They draw; they don't decide."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import streamlit as st
from streamlit.components import v2

from segcore.labels import LabelMap
from segcore.metrics import EXPLAIN
from segcore.ui.shell.entry import escaped
from segcore.ui.widgets.components import source
from segcore.visual import data_uri, swatch
from segcore.visual.whisker import Whisker


@dataclass(frozen=True)
class Thumb:
    """One picture of the gallery.

    Args:
        id: What is picked; under the picture, unless there is a title.
        photo: JPEG; None while it is not drawn yet, and for good where it can't be read.
        layer: Palette PNG over the photo, or None.
        note: A few quiet words, beside the id or in a line of its own under the title.
        waiting: It is being drawn.
        title: Said in place of the id.
        hover: Palette PNG that takes the layer's place on hover, or None.
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


def gallery(
    thumbs: Sequence[Thumb],
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
    """Thumbnails to pick from; their masks show on hover, or always.

    Args:
        thumbs: What to show, in order.
        size: (height, width) that gives the boxes their shape; pictures of another are cropped to it.
        key: Unique on the page.
        on_pick: Called with the id that is clicked, or chosen with the keyboard.
        overlay: Masks show always, and hide on hover.
        selected: Id of the framed picture.
        smallest: Width in px below which a picture wraps to the next row; two always stand side by side.
        exact: Layers lie over the photo as they are, and not half transparent.
        swap: So do those shown on hover.
    """
    render = v2.component(
        "segcore.gallery",
        html='<div class="gallery"></div>',
        css=source("gallery.css"),
        js=source("gallery.js"),
        isolate_styles=True,
    )

    def pick() -> None:
        if st.session_state[key].get("pick"):
            on_pick(str(st.session_state[key]["pick"]))

    render(
        key=key,
        data=[  # a list: Streamlit looks for data frames in a dict, and imports pandas to do so
            {
                "items": [
                    asdict(thumb) | {name: data and data_uri(data) for name, data in _pictures(thumb).items()}
                    for thumb in thumbs
                ],
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


def _pictures(thumb: Thumb) -> dict[str, bytes | None]:
    return {"photo": thumb.photo, "layer": thumb.layer, "hover": thumb.hover}


_CSS = """<style>
.sc-table { width: 100%; border-collapse: collapse; font-size: .93rem; margin: 0 !important; border: 0 !important; }
.sc-table th, .sc-table td { padding: .38rem .7rem !important; border: 0 !important;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent) !important; text-align: left; }
.sc-table tr:last-child td { border-bottom: 0 !important; }
.sc-table th { font-weight: 400 !important; opacity: .65; white-space: nowrap; font-size: .87rem; }
.sc-table .n { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sc-table td { background: transparent; }
.sc-table td:first-child { white-space: nowrap; }
.sc-table .worst { background: color-mix(in srgb, #d9534f 22%, transparent); }
.sc-table img, .sc-shares img { vertical-align: -1px; margin-right: .4rem; display: inline; }
.sc-table .track { position: relative; display: inline-block; width: 132px; height: 14px; vertical-align: -3px;
  background: linear-gradient(color-mix(in srgb, currentColor 12%, transparent) 0 0) center / 100% 1px no-repeat; }
.sc-table .range { position: absolute; top: 5px; height: 4px; border-radius: 2px; min-width: 2px;
  background: color-mix(in srgb, var(--run) 55%, transparent); }
.sc-table .value { position: absolute; top: 1px; width: 3px; height: 12px; margin-left: -1.5px; border-radius: 1.5px;
  background: var(--run); }
.sc-scroll { overflow-x: auto; }
[class*="st-key-wide-"], [class*="st-key-wider-"] { overflow-x: auto; }
/* What is wider than its place fades at the edge behind which there is more. Where a browser knows no scroll timeline,
   or nothing scrolls, nothing fades. */
@keyframes sc-more {
  0% { mask-image: linear-gradient(to left, transparent, #000 3rem); }
  2%, 98% { mask-image: linear-gradient(to left, transparent, #000 3rem, #000 calc(100% - 3rem), transparent); }
  100% { mask-image: linear-gradient(to right, transparent, #000 3rem); }
}
@supports (animation-timeline: scroll()) {
  .sc-scroll, [class*="st-key-wide-"], [class*="st-key-wider-"], .dvn-scroller, [data-testid="stMain"] pre {
    animation: sc-more linear both; animation-timeline: scroll(self inline); }
}
[class*="st-key-wide-"] > * { min-width: 720px; }
[class*="st-key-wider-"] > * { min-width: 1560px; }
.sc-shares { display: grid; grid-template-columns: auto 1fr auto; gap: .28rem .6rem; align-items: center;
  font-size: .87rem; }
.sc-shares .n { text-align: right; font-variant-numeric: tabular-nums; }
.sc-shares .t { height: 6px; border-radius: 3px; background: color-mix(in srgb, currentColor 8%, transparent); }
.sc-shares .t b { display: block; height: 100%; border-radius: 3px; }
[data-testid="stMainBlockContainer"] { padding: 4.1rem 2.2rem 3rem; max-width: 1760px; }
[data-testid="stSidebarUserContent"] { padding-bottom: 2rem; }
.st-key-legend [role="toolbar"] { gap: 0 .1rem !important; }
.st-key-legend button[data-variant="pills"] { border-color: transparent !important; background: none !important;
  color: inherit !important; min-height: 1.65rem; height: auto; padding: 0 .35rem; opacity: .4;
  text-decoration: line-through; }
.st-key-legend button[data-variant="pills"][aria-pressed="true"] { opacity: 1; text-decoration: none; }
.st-key-legend button[data-variant="pills"]:hover { text-decoration: underline; }
.st-key-legend button[data-variant="pills"] p { font-size: .87rem; color: inherit; }
/* As high as the select boxes that they stand beside. */
[data-testid="stMain"] button[data-variant="segmented_control"] { min-height: 2.5rem; }
.st-key-title { min-height: 2.5rem; } /* as high with a button beside it as without one */
.st-key-augment-lines [class*="-fold"] button { justify-content: flex-start; text-align: left; padding: .25rem 0;
  min-height: 0; height: auto; }
.st-key-augment-lines [class*="-fold"] button * { justify-content: flex-start; white-space: normal;
  overflow: visible; }
@media (max-width: 640px) { .sc-table td:not(:first-child) { min-width: 6rem; } }
@media (max-width: 640px) {
  [data-testid="stMain"] [data-testid="stButtonGroup"] > div { flex-wrap: wrap; row-gap: 4px; }
}
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding: 4.8rem 1rem 2rem; } }
</style>"""


def style() -> None:
    """The few rules that Streamlit's theme has no word for."""
    st.html(_CSS)


def on_dark() -> bool:
    """Whether the page is dark, for charts, whose colours can't tell by themselves; known anew when the page runs."""
    return bool(st.context.theme.type == "dark")


@dataclass(frozen=True)
class Cell:
    """A cell of a small table.

    Args:
        text: What it says.
        number: Right-aligned, tabular.
        icon: Data URI of a dot or swatch before the text.
        whisker: An interval drawn before the text.
        worst: Tinted.
        title: Shown on hover.
    """

    text: str
    number: bool = False
    icon: str | None = None
    whisker: Whisker | None = None
    worst: bool = False
    title: str = ""

    def to_html(self, tag: str = "td") -> str:
        """The cell as HTML; the text is escaped."""
        names = " ".join(name for name, on in (("n", self.number), ("worst", self.worst)) if on)
        icon = f'<img src="{self.icon}" alt="">' if self.icon else ""
        whisker = "" if self.whisker is None else self.whisker.to_html()
        title = f' title="{html.escape(self.title)}"' if self.title else ""
        return f'<{tag} class="{names}"{title}>{whisker}{icon}{html.escape(self.text)}</{tag}>'


def table(head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> None:
    """A small table with no pandas behind it, so that a first page need not wait for it."""
    top = "".join(cell.to_html("th") for cell in head)
    body = "".join("<tr>" + "".join(cell.to_html() for cell in row) + "</tr>" for row in rows)
    st.html(f'<div class="sc-scroll"><table class="sc-table"><tr>{top}</tr>{body}</table></div>')


def shares(labels: LabelMap, pixels: Mapping[int, int], *, most: int = 40) -> None:
    """Class shares of one mask, largest first, as swatch, bar and percent. Ignored pixels come last."""
    total = max(1, sum(pixels.values()))
    rows = []
    ordered = sorted(pixels.items(), key=lambda item: (item[0] >= labels.classes, -item[1]))
    for index, count in ordered[:most]:
        scored = index < labels.classes
        name = labels.names[index] if scored else "ignored"
        color = "#{:02x}{:02x}{:02x}".format(*labels.palette[index])
        share = 100 * count / total
        text = f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"
        rows.append(
            f'<span><img src="{swatch(color)}" alt="">{html.escape(name)}</span>'
            f'<span class="t"><b style="width:{share:.1f}%;background:{color}"></b></span><span class="n">{text}</span>'
        )
    st.html(f'<div class="sc-shares">{"".join(rows)}</div>')


def heading(title: str, note: str = "", help: str | None = None) -> None:
    """A page's title with one quiet line under it."""
    with st.container(horizontal=True, vertical_alignment="center", key="title"):
        st.title(title, anchor=False, width="content")
    if note:
        st.caption(note, help=help)


def scores_heading(title: str, *, page: bool = False, more: str = "") -> None:
    """A heading over scores, and beside it all that is behind such numbers, one click away.

    Args:
        title: What it says.
        page: It is the page's own title.
        more: Markdown on how these were counted.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="title" if page else None):
        (st.title if page else st.subheader)(title, anchor=False, width="content")
        with st.popover("How is this counted?", type="tertiary", icon=":material/help:"):
            topics = [f"**{escaped(topic)}.** {escaped(text)}" for topic, text in EXPLAIN.items()]
            st.markdown("\n\n".join([*topics, more]))


def number(value: float | None, digits: int = 3) -> str:
    """`0.684`, or a dash where there is nothing."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
