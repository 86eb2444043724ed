"""What the leak check found in the active dataset: a short list; each line opens its samples."""

from __future__ import annotations

import shlex

import streamlit as st

from segcore.data.leaks import Finding, check
from segcore.data.leaks.leak_report import TITLES
from segcore.errors import SegcoreError, number
from segcore.ui.shell import dataset_cache, image_cache, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery

ICONS = {
    "leak": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "note": ":gray[:material/info:]",
}
MOST_COMPARED = 1000  # samples that the page itself compares; more take minutes, which the command shows better
MOST_EXAMPLES = 6
HELP = (
    "What training, validation and test share, and what else makes a score say less than it seems to. What speaks "
    "against a score also stands beside it on every page."
)


def leak_findings(context: AppContext) -> None:
    """List the findings, worst first, with the pictures of the open one; offer to compare pictures where nobody has."""
    report = dataset_cache.leak_report(context.key)
    keys = [_finding_key(finding) for finding in report.findings]
    opened = url_state.get("finding", "", ["", *keys])
    with st.container(gap="xsmall"):
        for finding, key in zip(report.findings, keys, strict=True):
            _finding_line(finding, key, key == opened)
            if key == opened:
                _examples(context.key, finding)
    if not report.sentences and any(report.samples.get(split) for split in ("val", "test")):
        limits = "" if report.pictures else ", as far as frame numbers and lists of copies tell"
        st.markdown(f":green[:material/check_circle:] Nothing speaks against scores on these splits{limits}.")
    if not report.pictures:
        _offer_comparison(context)


def _finding_line(finding: Finding, key: str, opened: bool) -> None:
    """Draw a finding's sentence, with a button that shows or hides its pictures."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{ICONS[finding.severity]} {escape_markdown(finding.sentence)}", width="content")
        if finding.examples:
            st.button(
                "hide" if opened else "show",
                key=f"finding:{key}",
                type="tertiary",
                help=f"The pictures of: {TITLES[finding.kind]}",
                on_click=url_state.put,
                args=("finding", "" if opened else key),
            )


def _examples(key: DataKey, finding: Finding) -> None:
    """Draw the worst samples, each beside its partner; a click opens the sample at the top of the page."""
    thumbnails: list[Thumbnail] = []
    size = (3, 4)
    for rank, example in enumerate(finding.examples[:MOST_EXAMPLES]):
        for sample_id, note in ((example.id, example.detail), (example.partner, "")):
            if not sample_id:
                continue
            place = f"{rank}:{sample_id}"  # a frame may be in several pairs, and the gallery needs unique ids
            try:
                pictures = image_cache.thumbnail(key, sample_id)
                size = dataset_cache.dataset(key).size(sample_id)
                thumbnails.append(Thumbnail(place, *pictures, note=note, title=sample_id))
            except SegcoreError:  # the note says why, or opening the sample does
                thumbnails.append(Thumbnail(place, note=note or "unreadable", title=sample_id))

    masks = finding.kind in ("masks", "unlearnable")  # problems that only the masks show
    gallery(
        thumbnails,
        size,
        key=f"pairs:{_finding_key(finding)}",
        on_pick=lambda place: url_state.put("sample", place.partition(":")[2]),
        overlay=masks,
        smallest=170,
    )
    beside = "Each beside what it is like. " if finding.examples[0].partner else ""
    st.caption(f"{beside}Hover to {'hide' if masks else 'see'} the mask, click to open it above.")


def _offer_comparison(context: AppContext) -> None:
    """Offer to compare pictures and masks here; of large datasets, show the command that does."""
    assert context.dataset is not None
    count = len(context.dataset)
    words = ["segcore", "data", "check", "--data", context.key.source, *context.key.options.words]
    command = shlex.join(words)
    if count > MOST_COMPARED:
        st.caption(f"The pictures and masks of these {count} samples were not compared yet. It takes minutes:")
        code_block(command)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Pictures and masks were not compared yet.", width="content")
        clicked = st.button("Compare them", help=f"Reads {number(count, 'sample')}. The same: {command}")
    if clicked:
        bar = st.progress(0.0, "Comparing pictures and masks")

        def progress(done: int, total: int) -> None:
            bar.progress(done / total, f"Comparing pictures and masks: {done} of {total} read")

        report = check(context.dataset, progress=progress)
        dataset_cache.store_leak_report(context.key, report)
        st.rerun()


def _finding_key(finding: Finding) -> str:
    """The finding's name in the link."""
    return "-".join(name for name in (finding.kind, finding.other, finding.split) if name)
