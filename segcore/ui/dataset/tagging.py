"""Tags of images in the app: a filter, the tags of one image, and of all images that match the filters."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

import streamlit as st

from segcore.data.tags import WITHOUT, change_tag, read_tags
from segcore.errors import SegcoreError, number
from segcore.runs import RunRecord
from segcore.runs.cli_hints import evaluate_command
from segcore.ui.dataset.browsing import EVERY
from segcore.ui.shell import notices, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.markdown import escape_markdown

_NAME = "tagging:name"


def choose_tag(source: str) -> str:
    """Draw the filter by tag, where the dataset has tags; returns `EVERY`, a tag, or `WITHOUT` and a tag."""
    names = list(read_tags(source))
    linked = url_state.get("tag", EVERY)
    if not names and linked == EVERY:
        return EVERY
    options = [EVERY, *names, *(f"{WITHOUT}{name}" for name in names)]
    tag: str = st.selectbox("Tag", options, **url_state.bound("tag", EVERY, options, menu=True), width=140)
    return tag


def tagged(source: str, tag: str, ids: Iterable[str]) -> list[str]:
    """Those of `ids` that the filter lets through."""
    if tag == EVERY:
        return list(ids)
    wanted = not tag.startswith(WITHOUT)
    ids = list(ids)
    images = read_tags(source).get(tag.removeprefix(WITHOUT))
    listed = set(images.among(ids)) if images else set()
    return [sample_id for sample_id in ids if (sample_id in listed) == wanted]


def described(tag: str) -> str:
    """The filter in words: `tagged night`, `without the tag night`."""
    return f"without the tag {tag.removeprefix(WITHOUT)}" if tag.startswith(WITHOUT) else f"tagged {tag}"


def tags_of_image(source: str, sample_id: str) -> None:
    """Draw the tags of one image, to choose from and to add to."""
    tags = read_tags(source)
    mine = [name for name, images in tags.items() if images.has(sample_id)]
    key = f"dataset:tags:{sample_id}:{mine}"  # new where another session has changed them
    st.multiselect(
        "Tags",
        list(tags),
        default=mine,
        key=key,
        accept_new_options=True,
        placeholder="wrong mask, night, ...",
        on_change=_change_image,
        args=(source, sample_id, mine, key),
        help="Lists of images of your own, kept beside the data. The pages filter by them, and `train.py`, "
        "`segcore evaluate` and `segcore leaderboard` take them: `--only TAG`.",
    )


def tag_images(context: AppContext, ids: Sequence[str], run: RunRecord | None = None) -> None:
    """Draw the menu that tags all images that match the filters, with the commands that take a tag.

    Args:
        context: The choices of the sidebar.
        ids: Ids of the images.
        run: The run that a command evaluates.
    """
    assert context.dataset is not None
    source = context.key.source
    tags = read_tags(source)
    with st.popover(f"Tag {number(len(ids), 'image')}", icon=":material/label:", type="tertiary"):
        name: str | None = st.selectbox(
            "Tag", list(tags), index=None, key=_NAME, accept_new_options=True, placeholder="choose or write one"
        )
        listed = frozenset(tags[name].among(context.dataset.ids) if name in tags else ())
        held = sum(sample_id in listed for sample_id in ids)
        with st.container(horizontal=True):
            add, remove = (source, name, ids, ()), (source, name, (), ids)
            free = len(ids) - held
            st.button(
                f"Add {free:,}",
                key="tagging:add",
                type="primary",
                disabled=not (name and free),
                on_click=_change,
                args=add,
            )
            st.button(f"Remove {held:,}", key="tagging:remove", disabled=not held, on_click=_change, args=remove)
        if name in tags:
            st.caption(f"{number(len(listed), 'image')} have it. Commands that take it:")
            code_block("\n".join(_commands(context, name, listed, run)))


def _commands(context: AppContext, name: str, listed: frozenset[str], run: RunRecord | None) -> Iterator[str]:
    """The commands that take a tag, of those for which it holds images."""
    assert context.dataset is not None
    only = shlex.join(["--only", name])
    for split, ids in context.dataset.splits.items():
        if listed.isdisjoint(ids):
            continue
        if split == "train":
            yield f"{notices.train_command(context)} {only}"
        else:
            yield f"{evaluate_command(run.path if run else 'RUN', split)} {only}"


def _change_image(source: str, sample_id: str, before: Sequence[str], key: str) -> None:
    now = st.session_state[key]
    for name in now:
        if name not in before:
            _change(source, name, (sample_id,), ())
    for name in before:
        if name not in now:
            _change(source, name, (), (sample_id,))


def _change(source: str, name: str, add: Sequence[str], remove: Sequence[str]) -> None:
    try:
        change_tag(source, name, add=add, remove=remove)
    except SegcoreError as error:
        st.toast(escape_markdown(str(error)), icon=":material/error:")
