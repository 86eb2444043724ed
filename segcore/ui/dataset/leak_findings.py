"""What the leak check found in the active dataset: a short list, each line a way to its samples."""

from __future__ import annotations

import shlex

import streamlit as st

from segcore.data.leaks import Finding, check
from segcore.data.leaks.leak_report import TITLES
from segcore.errors import SegcoreError, number
from segcore.ui.shell import dataset_cache, image_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery

ICONS = {
    "leak": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "note": ":gray[:material/info:]",
}
MOST_LOOKED_AT = 1000  # samples that the page itself compares; more take minutes, which the command shows better
PAIRS_SHOWN = 6
HELP = (
    "What training, validation and test share, and what else makes a score say less than it seems to. What speaks "
    "against a score also stands beside it on every page."
)


def health(view: AppContext) -> None:
    """The list, worst first; the pictures of the finding that is open; how to look closer where nobody has."""
    assert view.dataset is not None
    report = dataset_cache.leak_report(view.key)
    keys = [_key(found) for found in report.findings]
    opened = url_state.get("finding", "", ["", *keys])
    with st.container(gap="xsmall"):
        for found, key in zip(report.findings, keys, strict=True):
            _line(found, key, key == opened)
            if key == opened:
                _pairs(view, found)
    if not report.sentences and any(report.samples.get(split) for split in ("val", "test")):
        looked = "" if report.pictures else ", as far as frame numbers and lists of copies tell"
        st.markdown(f":green[:material/check_circle:] Nothing speaks against scores on these splits{looked}.")
    if not report.pictures:
        _look_closer(view)


def _line(found: Finding, key: str, opened: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{ICONS[found.severity]} {escape_markdown(found.sentence)}", width="content")
        if found.examples:
            st.button(
                "hide" if opened else "show",
                key=f"finding:{key}",
                type="tertiary",
                help=f"The pictures of: {TITLES[found.kind]}",
                on_click=url_state.put,
                args=("finding", "" if opened else key),
            )


def _pairs(view: AppContext, found: Finding) -> None:
    """Thumbnails of the worst, each beside its partner; a click opens the sample at the top of the page."""
    thumbs: list[Thumbnail] = []
    size = (3, 4)
    for rank, example in enumerate(found.examples[:PAIRS_SHOWN]):
        for sample_id, note in ((example.id, example.detail), (example.partner, "")):
            if not sample_id:
                continue
            place = f"{rank}:{sample_id}"  # one frame may be in several pairs, and the gallery wants every id once
            try:
                thumbs.append(Thumbnail(place, *image_cache.thumbnail(view.key, sample_id), note=note, title=sample_id))
                size = dataset_cache.dataset(view.key).size(sample_id)
            except SegcoreError:  # the note says why, or opening the sample does
                thumbs.append(Thumbnail(place, note=note or "unreadable", title=sample_id))

    masks = found.kind in ("masks", "unlearnable")  # what is wrong with them is to be seen on the masks
    gallery(
        thumbs,
        size,
        key=f"pairs:{_key(found)}",
        on_pick=lambda place: url_state.put("sample", place.partition(":")[2]),
        overlay=masks,
        smallest=170,
    )
    beside = "Each beside what it is like. " if found.examples[0].partner else ""
    st.caption(f"{beside}Hover to {'hide' if masks else 'see'} the mask, click to open it above.")


def _look_closer(view: AppContext) -> None:
    assert view.dataset is not None
    count = len(view.dataset)
    command = _command(view)
    if count > MOST_LOOKED_AT:
        st.caption(f"The pictures and masks of these {count} samples were not compared yet. It takes minutes:")
        st.code(command, language="bash")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Pictures and masks were not compared yet.", width="content")
        wanted = st.button("Compare them", help=f"Reads {number(count, 'sample')}. The same: {command}")
    if wanted:
        bar = st.progress(0.0, "Comparing pictures and masks")

        def progress(done: int, total: int) -> None:
            bar.progress(done / total, f"Comparing pictures and masks: {done} of {total} read")

        report = check(view.dataset, progress=progress)
        dataset_cache.store_leak_report(view.key, report)
        st.rerun()


def _command(view: AppContext) -> str:
    return shlex.join(["segcore", "data", "check", "--data", view.key.source, *view.key.options.words])


def _key(found: Finding) -> str:
    return "-".join(name for name in (found.kind, found.other, found.split) if name)
