"""Seeded draws of a pipeline: before and after, many at once, one transform at a time, and what fired."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import streamlit as st

from segcore.arrays import U8
from segcore.augment import AppliedTransform, Pipeline
from segcore.data import Sample
from segcore.labels import IGNORE_INDEX, LabelMap
from segcore.ui.shell import url_state
from segcore.ui.shell.threads import parallel
from segcore.ui.widgets.table import Cell, table
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery
from segcore.ui.widgets.viewer import Panel, viewer
from segcore.visual import encode_jpeg, encode_layer

VIEWS = ("overlay", "image", "mask")
COMPARE = ("swipe", "side by side")
COUNTS = (4, 8, 12)  # draws
SEED = 7  # of the first one, as in the documentation's examples
WIDE, SMALL = 1280, 320  # px; a third of 960, which OpenCV shrinks to twice as fast as to any width near it
_GREY = (128, 128, 128)  # around a picture of another shape
_TABLE_UP_TO = 4  # draws whose values fit side by side


@dataclass(frozen=True)
class Picture:
    """What the pipeline is tried on.

    Args:
        key: Its identity, for the caches.
        sample: Image and mask.
        labels: Of the mask.
        hidden: Class ids that overlays leave out.
    """

    key: tuple[Any, ...]
    sample: Sample
    labels: LabelMap
    hidden: frozenset[int]


@dataclass(frozen=True)
class Draw:
    """One seeded application.

    Args:
        seed: Of the draw; the same one gives the same picture in code.
        size: (height, width) of the result.
        photo: JPEG of the image, small.
        layer: PNG layer of the mask, small.
        fired: What was applied, in order.
    """

    seed: int
    size: tuple[int, int]
    photo: bytes
    layer: bytes
    fired: tuple[AppliedTransform, ...]


def cold(pipeline: Pipeline) -> bool:
    """Whether drawing must first import albumentations, which takes seconds."""
    return bool(pipeline.active) and "albumentations" not in sys.modules


def draws(picture: Picture, pipeline: Pipeline, seeds: Sequence[int]) -> list[Draw]:
    """A draw for each seed.

    Raises:
        AugmentError: when the pipeline can't be applied.
    """
    text = pipeline.to_yaml()

    def one(seed: int) -> Draw:
        image, _, fired = _applied(picture.key, text, seed, picture, pipeline)
        height, width = image.shape[:2]
        return Draw(seed, (height, width), *_encoded(picture, text, pipeline, seed, None, SMALL), fired)

    return parallel(one, seeds)


def options() -> tuple[str, str]:
    """(view, comparison) of the large picture, both in the link."""
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        view = st.segmented_control(
            "View", VIEWS, **url_state.bound("look", VIEWS[0], VIEWS), label_visibility="collapsed"
        )
        compare = st.segmented_control(
            "Before and after", COMPARE, **url_state.bound("lay", COMPARE[0], COMPARE), label_visibility="collapsed"
        )
    return view or VIEWS[0], compare or COMPARE[0]


def large(shown: tuple[str, str], picture: Picture, pipeline: Pipeline, draw: Draw) -> None:
    """Before and after of one draw, swiped or side by side, and the control that steps through its transforms."""
    view, compare = shown
    fired = draw.fired
    key = f"augment:stage:{draw.seed}:{','.join(str(each.step) for each in fired)}"
    stage = int(st.session_state.get(key) or 0)  # 0: all; 1, 2, ...: before and after what fired so many-th
    text = pipeline.to_yaml()
    ends = (stage - 1, stage) if stage else (0, len(fired))
    titles = tuple(f"{when} {fired[stage - 1].name}" if stage else when for when in ("Before", "After"))
    panels, photos = [], {}
    for title, at in zip(titles, ends, strict=True):
        whole = at == len(fired)
        photo, layer = _encoded(picture, text, pipeline, draw.seed, None if whole and at else at, WIDE)
        changed = whole and draw.size != picture.sample.size
        note = f"{draw.size[1]} × {draw.size[0]}, brought back to the model's size in training" if changed else ""
        photos[title] = photo
        panels.append(_panel(view, title, note, title, layer))
    viewer(panels, photos, picture.sample.size, key="after", swipe=compare == "swipe", smallest=340)
    if len(fired) > 1:
        st.pills(
            "Step through",
            range(len(fired) + 1),
            format_func=lambda at: "All" if not at else f"{fired[at - 1].step + 1}. {fired[at - 1].name}",
            key=key,
            default=0,
            required=True,
            wrap=True,
            help="The picture before and after one transform alone.",
        )
    if stage:
        st.caption(f"{fired[stage - 1].name}: {describe(fired[stage - 1].values)}")


def unchanged(shown: tuple[str, str], picture: Picture) -> None:
    """The picture alone, where the pipeline can't be applied to it."""
    photo, layer = _encoded(picture, "", Pipeline(), 0, 0, WIDE)
    viewer([_panel(shown[0], "Before", "", "Before", layer)], {"Before": photo}, picture.sample.size, key="after")


def several(shown: tuple[str, str], picture: Picture, found: Sequence[Draw], selected: Draw) -> None:
    """All draws, small, a click making one the large picture, and what decides which they are."""
    count, seed = len(found), found[0].seed
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count} draws**")
        st.space("stretch")
        st.segmented_control(
            "Draws",
            [str(each) for each in COUNTS],
            **url_state.bound("draws", str(COUNTS[0])),
            label_visibility="collapsed",
        )
        st.button(
            "Shuffle",
            icon=":material/casino:",
            on_click=_shuffle,
            args=(seed + count,),
            help=f"Seeds {seed + count} to {seed + 2 * count - 1}; the link and the code repeat them.",
        )
    grid(shown[0], picture, found, selected.seed, lambda wanted: url_state.put("draw", wanted))


def _shuffle(seed: int) -> None:
    url_state.put("seed", seed)
    url_state.forget("draw")


def grid(view: str, picture: Picture, found: Sequence[Draw], selected: int, pick: Callable[[int], None]) -> None:
    """All draws, small; a click makes one the large picture."""
    thumbs = [
        Thumbnail(f"Seed {draw.seed}", draw.photo, draw.layer if view != "image" else None, _count(draw))
        for draw in found
    ]
    gallery(
        thumbs,
        picture.sample.size,
        key="draws",
        overlay=view != "image",
        selected=f"Seed {selected}",
        on_pick=lambda name: pick(int(name.removeprefix("Seed "))),
    )


def fired_table(pipeline: Pipeline, found: Sequence[Draw]) -> None:
    """Transforms against draws: the drawn values where one fired, a dash where it did not."""
    rows = []
    for index, step in enumerate(pipeline.transforms):
        if not step.enabled:
            continue
        cells = []
        for draw in found:
            values = next((each.values for each in draw.fired if each.step == index), None)
            text = "–" if values is None else describe(values)
            short = len(found) > _TABLE_UP_TO and values is not None
            cells.append(Cell("✓" if short else text, title=text if short else ""))
        rows.append([Cell(f"{index + 1}. {step.name}"), *cells])
    table([Cell(""), *(Cell(f"Seed {draw.seed}") for draw in found)], rows)


def describe(values: dict[str, Any]) -> str:
    """Drawn values as a short text."""
    texts = [f"{name.replace('_', ' ')} {_text(value)}" for name, value in values.items() if value is not None]
    return ", ".join(texts[:4]) or "applied"


@st.cache_resource(max_entries=24, show_spinner=False)
def _applied(
    key: tuple[Any, ...], text: str, seed: int, _picture: Picture, _pipeline: Pipeline
) -> tuple[U8, U8, tuple[AppliedTransform, ...]]:
    return _pipeline.apply(_picture.sample.image, _picture.sample.mask, seed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _stages(key: tuple[Any, ...], text: str, seed: int, _picture: Picture, _pipeline: Pipeline) -> list[tuple[U8, U8]]:
    found = _pipeline.stages(_picture.sample.image, _picture.sample.mask, seed)
    return [(_picture.sample.image, _picture.sample.mask), *((stage.image, stage.mask) for stage in found)]


def _encoded(
    picture: Picture, text: str, pipeline: Pipeline, seed: int, stage: int | None, width: int
) -> tuple[bytes, bytes]:
    """(JPEG, PNG layer) of a draw's result, or of the picture after so many transforms."""
    if stage == 0:
        text, seed = "", 0  # the picture itself: the same for all
    return _encoding((*picture.key, text, seed, stage), picture.hidden, width, picture, pipeline, text, seed, stage)


@st.cache_data(max_entries=200, show_spinner=False)
def _encoding(
    key: tuple[Any, ...],
    hidden: frozenset[int],
    width: int,
    _picture: Picture,
    _pipeline: Pipeline,
    _text: str,
    _seed: int,
    _stage: int | None,
) -> tuple[bytes, bytes]:
    if _stage == 0:
        image, mask = _picture.sample.image, _picture.sample.mask
    elif _stage is None:
        image, mask, _ = _applied(_picture.key, _text, _seed, _picture, _pipeline)
    else:
        image, mask = _stages(_picture.key, _text, _seed, _picture, _pipeline)[_stage]
    image, mask = framed(image, mask, _picture.sample.size)
    visible = frozenset(range(_picture.labels.classes)) - hidden
    return encode_jpeg(image, width=width), encode_layer(mask, _picture.labels, visible=visible, width=width)


def framed(image: U8, mask: U8, size: tuple[int, int]) -> tuple[U8, U8]:
    """A picture of another size, whole and undistorted in the middle of one of `size`, grey around it."""
    height, width = size
    if mask.shape == size:
        return image, mask
    scale = min(height / mask.shape[0], width / mask.shape[1])
    rows, columns = max(1, round(mask.shape[0] * scale)), max(1, round(mask.shape[1] * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas, under = np.full((height, width, 3), _GREY, np.uint8), np.full(size, IGNORE_INDEX, np.uint8)
    inside = slice(top, top + rows), slice(left, left + columns)
    canvas[inside] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    under[inside] = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return canvas, under


def _panel(view: str, title: str, note: str, photo: str, layer: bytes) -> Panel:
    return Panel(
        title,
        note,
        None if view == "mask" else photo,
        None if view == "image" else layer,
        fixed=view == "mask",
    )


def _count(draw: Draw) -> str:
    return "unchanged" if not draw.fired else f"{len(draw.fired)} fired"


def _text(value: object) -> str:
    if isinstance(value, dict):  # an axis each
        texts = {axis: _text(each) for axis, each in value.items()}
        alike = len(set(texts.values())) == 1
        return next(iter(texts.values())) if alike else " ".join(f"{axis} {text}" for axis, text in texts.items())
    if isinstance(value, list | tuple):
        return " / ".join(_text(each) for each in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
