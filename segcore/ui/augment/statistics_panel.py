"""The panel on what a pipeline does to the data: class shares, brightness, time, and advice."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import streamlit as st

from segcore.augment import Pipeline
from segcore.augment.effect import BRIGHTNESS, CONTRAST, Effect, speed_sentence
from segcore.augment.linter.advice import Advice, advise
from segcore.errors import number
from segcore.labels import LabelMap
from segcore.ui.augment.statistics_measurement import (
    EXAMPLES,
    MeasurementKey,
    is_complete,
    measure_for,
    measured_effect,
    measurement_key,
    runs_on_dataset,
    spread_samples,
)
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.figure import saved_as

if TYPE_CHECKING:
    from segcore.visual.render import Chart

Drawn: TypeAlias = "tuple[Callable[[], Chart], dict[str, Any]]"  # how a chart is built, and its Vega-Lite

MAX_ADVICE = 6  # pieces; nobody reads more
ROW, AXIS, HISTOGRAM = 20, 60, 150  # px: heights kept free before there is anything to show
MOST_RESERVED = 12  # rows kept free: of many classes, most do not occur
BUDGET = 0.25  # s of measuring in one go; then the page may answer to clicks
INTERVAL = 0.3  # s between two goes
SETTLED_AFTER = 1.0  # s without a change of the pipeline: nothing is measured while a slider moves
_SINCE = "effect:since"  # (key, time of its first appearance)
_LAST = "effect:last"  # key of the last complete measurement
_CHARTS = "effect:charts"


def statistics_panel(context: AppContext, pipeline: Pipeline, size: tuple[int, int] | None = None) -> None:
    """Draw class shares, brightness, time and advice; until a measurement is complete, those of the last one.

    The page's own run measures nothing, so that no slider waits: a fragment does, once the pipeline is left alone.

    Args:
        context: The dataset, and the runs whose size and speed count.
        pipeline: The pipeline that is measured.
        size: (height, width); None for that of the chosen runs, or `train.py`'s default.
    """
    st.subheader("Effect on the data", anchor=False)
    if not pipeline.active:
        st.caption("Nothing is switched on: the data stays as it is.")
        return
    if "albumentations" not in sys.modules:
        st.caption("Measured once the preview has been drawn.")
        return
    key = measurement_key(context, pipeline, size)
    if st.session_state.get(_SINCE, (None, 0.0))[0] != key:
        st.session_state[_SINCE] = key, time.monotonic()
    finished = is_complete(measured_effect(key))
    page_run = [True]  # the page's own run, and not the fragment's

    @st.fragment(run_every=None if finished else INTERVAL)
    def measure_on() -> None:
        if page_run[0]:
            page_run[0] = False
        elif not finished and time.monotonic() - st.session_state[_SINCE][1] >= SETTLED_AFTER:
            measure_for(context, pipeline, BUDGET, size)
        _progress(context, key)
        if not finished and is_complete(measured_effect(key)):
            st.rerun()  # ends the fragment's clock, and shows what was measured

    measure_on()
    _result(context, pipeline, key)


def measured_line(effect: Effect, images: int, size: tuple[int, int]) -> str:
    """Tell in one line what was measured.

    Args:
        effect: The measurement.
        images: Training images that examples are made of in turn.
        size: Their (height, width).
    """
    images = min(images, effect.tried)
    line = f"{number(effect.tried, 'example')} of {number(images, 'training image')} at {size[0]}x{size[1]}."
    if effect.resized:
        line += f" {number(effect.resized, 'example')} came out in another size and were resized to it."
    return line


def _fastest_run(context: AppContext) -> tuple[str, float | None]:
    """Return title and images a second of the run that trains fastest."""
    speeds = [(run.summary.images_per_second, run) for run in runs_on_dataset(context) if run.summary.images_per_second]
    if not speeds:
        return "", None
    speed, run = max(speeds, key=lambda pair: pair[0])
    return context.titles[run.id], speed


def _progress(context: AppContext, key: MeasurementKey) -> None:
    """Draw how far the measurement is, or what was measured."""
    effect = measured_effect(key)
    with st.container(key="effect-head"):
        if effect is not None and is_complete(effect):
            st.caption(measured_line(effect, len(spread_samples(context, key.size)), key.size))
        else:
            done = effect.tried if effect is not None else 0
            st.progress(min(1.0, done / EXAMPLES), f"Measuring: {done} of {EXAMPLES} examples")


def _result(context: AppContext, pipeline: Pipeline, key: MeasurementKey) -> None:
    """Draw charts, numbers and advice."""
    assert context.dataset is not None
    labels, effect = context.dataset.labels, measured_effect(key)
    complete = effect if is_complete(effect) else None
    if complete is not None:
        st.session_state[_LAST] = key
    last: MeasurementKey | None = st.session_state.get(_LAST)
    usable = last is not None and last[:2] == key[:2]  # of this data at this size
    shown = measured_effect(last) if last is not None and usable else None
    has_examples = shown is not None and shown.draws > 0
    _style(labels, empty=not has_examples, stale=complete is None)
    shares, histograms, words = st.columns([5, 4, 5], gap="large")
    charts = _charts(last, shown, labels) if last and shown and has_examples else None
    with shares, st.container(key="effect-shares"):
        if charts:
            _chart(charts["classes"], "classes", "Share of each class before and after")
        else:
            st.space()  # Streamlit does not draw an empty container
    with histograms, st.container(key="effect-light"):
        if charts:
            _chart(charts["brightness"], "brightness", "Images by brightness, before and after")
            _chart(charts["contrast"], "contrast", "Images by contrast, before and after")
        else:
            st.space()
    model, speed = _fastest_run(context)
    with words, st.container(key="effect-words"):
        with st.container(key="effect-numbers"):
            if shown and has_examples:
                sentence = speed_sentence(shown.milliseconds, model, speed)
                st.markdown(escape_markdown(f"{_mask_sentences(shown, labels)} {sentence}"))
            else:
                st.space()
        advice = advise(pipeline, labels=labels, size=key.size, effect=complete, images_per_second=speed, model=model)
        _advice(advice, measured=complete is not None)


def _style(labels: LabelMap, *, empty: bool, stale: bool) -> None:
    """Keep heights free while there is nothing to show, so that little moves; make an earlier result faint."""
    rows = ROW * min(labels.classes, MOST_RESERVED) + AXIS if empty else 0
    faint = ".st-key-effect-shares, .st-key-effect-light, .st-key-effect-numbers { opacity: .45; }" if stale else ""
    st.html(
        f"<style>.st-key-effect-head {{ min-height: 46px; }} .st-key-effect-shares {{ min-height: {rows}px; }} "
        f".st-key-effect-light {{ min-height: {2 * HISTOGRAM + 16}px; }} "
        ".st-key-effect-numbers { min-height: 5.6rem; } .st-key-effect-words p { font-size: .93rem; } "
        f"{faint}</style>"
    )


def _chart(chart: Drawn, name: str, alt: str) -> None:
    build, spec = chart
    with saved_as(f"effect-{name}", build):
        st.vega_lite_chart(spec=spec, key=f"effect-{name}", alt=alt)


def _charts(key: MeasurementKey, effect: Effect, labels: LabelMap) -> dict[str, Drawn]:
    """Return class shares, brightness and contrast; kept, because building them would slow a slider."""
    kept: tuple[MeasurementKey, dict[str, Drawn]] | None = st.session_state.get(_CHARTS)
    if kept is not None and kept[0] == key:
        return kept[1]
    import pandas as pd

    from segcore.visual import augment_charts
    from segcore.visual.vega_lite import vega_lite

    before, after = effect.before, effect.after
    columns = {
        "class": labels.names,
        "before": before.shares,
        "after": after.shares,
        "seen": before.images,
        "kept": after.images,
    }
    histogram = augment_charts.histogram
    brightness, contrast = (
        f"{name}, before in grey" for name in ("brightness (mean luma)", "contrast (deviation of luma)")
    )
    builders = {
        "classes": lambda: augment_charts.class_shares(pd.DataFrame(columns), labels),
        "brightness": lambda: histogram(
            BRIGHTNESS, before.brightness, after.brightness, title=brightness, height=HISTOGRAM
        ),
        "contrast": lambda: histogram(CONTRAST, before.contrast, after.contrast, title=contrast, height=HISTOGRAM),
    }
    charts: dict[str, Drawn] = {name: (build, vega_lite(build)) for name, build in builders.items()}
    st.session_state[_CHARTS] = key, charts
    return charts


def _mask_sentences(effect: Effect, labels: LabelMap) -> str:
    """Tell how many pixels are lost, which classes stay in their images, and whether ids were invented."""
    kept = effect.kept()
    present = np.flatnonzero(~np.isnan(kept))
    lost = f"{100 * effect.lost:.1f} % of the labelled pixels lost to padding and void."
    ids = "No label id invented." if not effect.invented else "Label ids were invented."
    if not present.size:
        return f"{lost} {ids}"
    least = int(present[np.argmin(kept[present])])
    if kept[least] == 1:
        return f"{lost} Every class stays in all of its images. {ids}"
    share = f"{labels.names[least]} stays in {100 * kept[least]:.0f} % of its images, the other classes in more."
    return f"{lost} {share} {ids}"


def _advice(advice: Sequence[Advice], *, measured: bool) -> None:
    """Draw the pieces of advice, the first ones only where there are many."""
    if not advice:
        so_far = "" if measured else ", judging by the settings alone"
        st.caption(f"Nothing here usually hurts masks or this data{so_far}.")
        return
    lines = []
    for piece in advice[:MAX_ADVICE]:
        icon = ":gray[:material/info:]" if piece.mild else ":orange[:material/warning:]"
        step = "" if piece.step is None else f"{piece.step + 1}. "
        lines.append(f"{icon} {step}{escape_markdown(piece.text)}")
    if len(advice) > MAX_ADVICE:
        lines.append(f":gray[and {len(advice) - MAX_ADVICE} more, once these are settled]")
    st.markdown("\n\n".join(lines))
