"""The preview of a pipeline: before and after, several examples, and which transforms were applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from segcore.augment import Pipeline
from segcore.ui.augment.preview_images import LARGE, Example, PreviewInput, encode_stage
from segcore.ui.shell import url_state
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.table import Cell, table
from segcore.ui.widgets.thumbnail_gallery import Thumbnail, gallery
from segcore.ui.widgets.viewer import Panel, viewer

VIEWS = ("overlay", "image", "mask")
COMPARE = ("swipe", "side by side")
COUNTS = (4, 8, 12)  # examples
SEED = 7  # of the first one, as in the documentation's examples
_VALUES_UP_TO = 4  # examples whose values fit side by side


def choose_view() -> tuple[str, str]:
    """Draw the controls of the large preview; return (view, comparison), both in the link."""
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        return choose("View", "look", VIEWS), choose("Before and after", "lay", COMPARE)


def large_preview(view: str, compare: str, source: PreviewInput, pipeline: Pipeline, example: Example) -> None:
    """Draw before and after of one example, and the control that steps through its transforms."""
    applied = example.applied
    key = f"augment:stage:{example.seed}:{','.join(str(transform.step) for transform in applied)}"
    stage = int(st.session_state.get(key) or 0)  # 0: all transforms; n: the n-th that was applied
    ends = (stage - 1, stage) if stage else (0, len(applied))
    titles = tuple(f"{when} {applied[stage - 1].name}" if stage else when for when in ("Before", "After"))
    panels, photos = [], {}
    for title, end in zip(titles, ends, strict=True):
        last = end == len(applied)
        photo, layer = encode_stage(source, pipeline, example.seed, None if last and end else end, LARGE)
        resized = last and example.size != source.sample.size
        note = f"{example.size[1]} × {example.size[0]}, resized to the model's size in training" if resized else ""
        photos[title] = photo
        panels.append(_panel(view, title, note, layer))
    size, swipe = source.sample.size, compare == "swipe"
    viewer(panels, photos, size, key="after", swipe=swipe, smallest=340, labels=source.labels)
    if len(applied) > 1:
        st.pills(
            "Step through",
            range(len(applied) + 1),
            format_func=lambda at: "All" if not at else f"{applied[at - 1].step + 1}. {applied[at - 1].name}",
            key=key,
            default=0,
            required=True,
            wrap=True,
            help="The image before and after one transform alone.",
        )
    if stage:
        st.caption(f"{applied[stage - 1].name}: {describe_values(applied[stage - 1].values)}")


def unchanged_preview(view: str, source: PreviewInput) -> None:
    """Draw the image alone, where the pipeline can't be applied to it."""
    photo, layer = encode_stage(source, Pipeline(), 0, 0, LARGE)
    viewer([_panel(view, "Before", "", layer)], {"Before": photo}, source.sample.size, key="after")


def example_gallery(view: str, source: PreviewInput, examples: Sequence[Example], selected: Example) -> None:
    """Draw all examples small, and the controls of their number and seeds; a click on one shows it large."""
    count, seed = len(examples), examples[0].seed
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count} examples**")
        st.space("stretch")
        choose("Examples", "draws", [str(number) for number in COUNTS])
        st.button(
            "Shuffle",
            icon=":material/casino:",
            on_click=_shuffle,
            args=(seed + count,),
            help=f"Seeds {seed + count} to {seed + 2 * count - 1}; the link and the code repeat them.",
        )
    thumbnails = [
        Thumbnail(
            f"Seed {example.seed}", example.photo, example.layer if view != "image" else None, _count_applied(example)
        )
        for example in examples
    ]
    gallery(
        thumbnails,
        source.sample.size,
        key="draws",
        overlay=view != "image",
        selected=f"Seed {selected.seed}",
        on_pick=lambda name: url_state.put("draw", int(name.removeprefix("Seed "))),
    )


def applied_table(pipeline: Pipeline, examples: Sequence[Example]) -> None:
    """Draw a table of transforms by example: the values where a transform was applied, a dash where it was not."""
    rows = []
    for index, step in enumerate(pipeline.transforms):
        if not step.enabled:
            continue
        cells = []
        for example in examples:
            values = next((transform.values for transform in example.applied if transform.step == index), None)
            text = "–" if values is None else describe_values(values)
            short = len(examples) > _VALUES_UP_TO and values is not None
            cells.append(Cell("✓" if short else text, title=text if short else ""))
        rows.append([Cell(f"{index + 1}. {step.name}"), *cells])
    table([Cell(""), *(Cell(f"Seed {example.seed}") for example in examples)], rows)


def describe_values(values: dict[str, Any]) -> str:
    """Describe a transform's values in a short text.

    >>> describe_values({"angle": 12.345, "fill_mask": 255, "axis": None})
    'angle 12.3, fill mask 255'
    """
    texts = [f"{name.replace('_', ' ')} {_value_text(value)}" for name, value in values.items() if value is not None]
    return ", ".join(texts[:4]) or "applied"


def _shuffle(seed: int) -> None:
    url_state.put("seed", seed)
    url_state.forget("draw")


def _panel(view: str, title: str, note: str, layer: bytes) -> Panel:
    return Panel(
        title, note, None if view == "mask" else title, None if view == "image" else layer, fixed=view == "mask"
    )


def _count_applied(example: Example) -> str:
    return "unchanged" if not example.applied else f"{len(example.applied)} applied"


def _value_text(value: object) -> str:
    if isinstance(value, dict):  # a value for each axis
        texts = {axis: _value_text(axis_value) for axis, axis_value in value.items()}
        alike = len(set(texts.values())) == 1
        return next(iter(texts.values())) if alike else " ".join(f"{axis} {text}" for axis, text in texts.items())
    if isinstance(value, list | tuple):
        return " / ".join(_value_text(item) for item in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
