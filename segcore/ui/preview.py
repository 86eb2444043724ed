"""Seeded draws of a pipeline, side by side, and taking the pipeline along."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from segcore.augment import Pipeline
from segcore.errors import AugmentError
from segcore.ui import cache, editor
from segcore.ui.frame import View
from segcore.ui.widgets import Cell, Panel, table

DRAWS = 5  # one large, four small
WIDE, SMALL = 960, 480  # px


@dataclass(frozen=True)
class Draw:
    """One seeded application: JPEG, mask layer, what fired as (step, name, values), and milliseconds taken."""

    seed: int
    photo: bytes
    layer: bytes
    fired: tuple[tuple[int, str, dict[str, Any]], ...]
    milliseconds: float


def cold(pipeline: Pipeline) -> bool:
    """Whether drawing must first import albumentations, which takes seconds."""
    return bool(pipeline.steps) and "albumentations" not in sys.modules


def draws(view: View, sample_id: str, pipeline: Pipeline, seed: int) -> list[Draw]:
    """`DRAWS` draws with the seeds from `seed` on.

    Raises:
        AugmentError: when the pipeline can't be applied.
    """
    text = pipeline.to_yaml()
    return [
        Draw(each, *cache.augmented(view.key, sample_id, text, each, view.hidden, WIDE if each == seed else SMALL))
        for each in range(seed, seed + DRAWS)
    ]


def before_after(view: View, sample_id: str, draw: Draw) -> tuple[list[Panel], dict[str, bytes]]:
    """Panels and photos: the sample as it is, and the first draw."""
    before = Panel("Before", sample_id, "before", cache.truth_layer(view.key, sample_id, view.hidden))
    after = Panel("After", f"{draw.milliseconds:.0f} ms", "after", draw.layer)
    return [before, after], {"before": cache.photo(view.key, sample_id), "after": draw.photo}


def rest(found: Sequence[Draw]) -> tuple[list[Panel], dict[str, bytes]]:
    """Panels and photos of the other draws."""
    panels = [Panel(f"Draw {draw.seed}", _count(draw), str(draw.seed), draw.layer) for draw in found[1:]]
    return panels, {str(draw.seed): draw.photo for draw in found[1:]}


def fired_table(pipeline: Pipeline, found: Sequence[Draw]) -> None:
    """Transforms against draws: the drawn values where one fired, a dash where it did not."""
    if not pipeline.steps:
        st.caption("The list is empty: training sees the images as they are.")
        return
    titles = ["After", *(f"Draw {draw.seed}" for draw in found[1:])]
    rows = []
    for index, step in enumerate(pipeline.steps):
        cells = []
        for draw in found:
            values = next((values for at, _, values in draw.fired if at == index), None)
            cells.append(Cell("–" if values is None else _values(values)))
        rows.append([Cell(step.name), *cells])
    table([Cell(""), *(Cell(title) for title in titles)], rows)


def save_row(pipeline: Pipeline) -> None:
    """Save on the server, download, and the command that trains with it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", "my-pipeline", key="augment:name", width=220)
        if st.button("Save", type="primary", disabled=not pipeline.steps):
            try:
                st.session_state["augment:saved"] = str(editor.save(name, pipeline)), pipeline
            except AugmentError as error:
                st.error(str(error))
        st.download_button(
            "Download",
            pipeline.to_yaml(),
            f"{name or 'pipeline'}.yaml",
            "application/yaml",
            icon=":material/download:",
            on_click="ignore",
        )
    path, saved = st.session_state.get("augment:saved", ("", None))
    if path and saved != pipeline:
        st.caption(f"Changed since it was saved as {path}.")
        path = ""
    st.code(f"python train.py --augment {path or 'PIPELINE.yaml'}", language="bash")


def _count(draw: Draw) -> str:
    return "unchanged" if not draw.fired else f"{len(draw.fired)} fired"


def _values(values: dict[str, Any]) -> str:
    return (
        ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in list(values.items())[:3]) or "applied"
    )


def _text(value: object) -> str:
    if isinstance(value, dict):  # an axis each
        texts = {axis: _text(each) for axis, each in value.items()}
        alike = len(set(texts.values())) == 1
        return next(iter(texts.values())) if alike else " ".join(f"{axis} {text}" for axis, text in texts.items())
    if isinstance(value, list | tuple):
        return " × ".join(_text(each) for each in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
