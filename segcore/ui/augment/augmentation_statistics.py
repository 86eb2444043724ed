"""What a pipeline does to the data: measured a few draws at a time beside the page, and what to reconsider."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from segcore.augment import Pipeline
from segcore.augment.effect import BRIGHTNESS, CONTRAST, Effect, measure, speed_sentence
from segcore.augment.linter.advice import Advice, advise
from segcore.errors import SegcoreError, number
from segcore.labels import LabelMap
from segcore.runs import RunRecord
from segcore.ui.shell import dataset_cache
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.dataset_cache import DataKey
from segcore.ui.shell.markdown import escape_markdown

SIZE = (224, 320)  # (height, width): what train.py resizes to unless told otherwise
DRAWS = 200
SAMPLES = 60  # training images that the draws are of
BYTES = 64_000_000  # of those images, decoded
LONGEST = 10.0  # s of drawing, of which a slow pipeline makes fewer draws
SHOWN = 6  # pieces of advice: more are not read
ROW, AXIS, LIGHT = 20, 60, 150  # px: heights that hold before there is anything to show
ENOUGH = 12  # draws, however slow: while one is made, OpenCV has but one thread, for the previews too
BUDGET = 0.25  # s of measuring in one go; then the page may answer to clicks
TICK = 0.3  # s between two goes
PATIENCE = 1.0  # s that the pipeline must have been the same: nothing is measured while a slider moves
KEPT = 24  # results in a session
_RESULTS = "effect:results"
_SINCE = "effect:since"
_LAST = "effect:last"  # the subject that was complete last
_CHARTS = "effect:charts"


class Subject(NamedTuple):
    """What is measured: this data, at this (height, width), under this pipeline, as YAML."""

    key: DataKey
    size: tuple[int, int]
    text: str


def panel(view: AppContext, pipeline: Pipeline, size: tuple[int, int] | None = None) -> None:
    """Class shares, light, time and advice: of the last complete measurement, until this one is.

    The page's own run measures nothing, so that no slider waits: a fragment does, once the pipeline holds still.

    Args:
        view: The dataset, and the runs whose size and speed count.
        pipeline: What is measured.
        size: (height, width); None: that of the chosen runs, or `train.py`'s default.
    """
    st.subheader("Effect on the data", anchor=False)
    if not pipeline.active:
        st.caption("Nothing is switched on: the data stays as it is.")
        return
    if "albumentations" not in sys.modules:
        st.caption("Measured once the pipeline has been drawn.")
        return
    about = subject(view, pipeline, size)
    if st.session_state.get(_SINCE, (None, 0.0))[0] != about:
        st.session_state[_SINCE] = about, time.monotonic()
    finished = complete(known(about))
    full = [True]  # the page's own run, and not the fragment's

    @st.fragment(run_every=None if finished else TICK)
    def measured() -> None:
        if full[0]:
            full[0] = False
        elif not finished and time.monotonic() - st.session_state[_SINCE][1] >= PATIENCE:
            advance(view, pipeline, BUDGET, size)
        _progress(view, about)
        if not finished and complete(known(about)):
            st.rerun()  # ends the clock, and shows what was measured

    measured()
    _result(view, pipeline, about)


def subject(view: AppContext, pipeline: Pipeline, size: tuple[int, int] | None = None) -> Subject:
    """What `panel` measures, as the key of its result."""
    return Subject(view.key, size or trained_size(view), pipeline.to_yaml())


def known(about: Subject) -> Effect | None:
    """What is measured of it so far."""
    found: Effect | None = _results().get(about)
    return found


def complete(effect: Effect | None) -> bool:
    """Whether no more draws are wanted."""
    if effect is None:
        return False
    slow = sum(effect.seconds) > LONGEST and effect.tried >= ENOUGH
    hopeless = effect.draws == 0 and effect.tried >= 3
    return slow or hopeless or effect.tried >= DRAWS


def advance(view: AppContext, pipeline: Pipeline, seconds: float, size: tuple[int, int] | None = None) -> Effect:
    """Measure on for so many seconds, at least one draw, or until it is complete; the result so far."""
    assert view.dataset is not None
    about = subject(view, pipeline, size)
    classes = view.dataset.labels.classes
    effect = known(about) or Effect.empty(classes)
    ids, until = samples(view, about.size), time.perf_counter() + seconds
    while not complete(effect):
        seed = effect.tried
        try:
            pair = dataset_cache.resized_pair(view.key, ids[seed % len(ids)], about.size)
            effect += measure(pipeline, [pair], [seed], classes)
        except SegcoreError as error:  # a sample that can't be read
            effect += replace(Effect.empty(classes), failures=((str(error), 1),))
        if time.perf_counter() >= until:
            break
    results = _results()
    results[about] = effect
    results.move_to_end(about)
    while len(results) > KEPT:
        results.popitem(last=False)
    return effect


def samples(view: AppContext, size: tuple[int, int]) -> list[str]:
    """Training images spread evenly over the split, no augmented copies; any first few of them are spread too."""
    assert view.dataset is not None
    copies = {each for found in view.dataset.copies.values() for each in found}
    train = view.dataset.splits.get("train", view.dataset.ids)
    ids = [each for each in train if each not in copies] or list(train)
    count = max(1, min(len(ids), SAMPLES, BYTES // (4 * size[0] * size[1])))
    spread = [ids[index * len(ids) // count] for index in range(count)]
    # The golden section as a stride: what is shown before all are drawn is not the beginning of the drive.
    stride = next(each for each in range(max(1, round(0.618 * count)), 2 * count + 1) if gcd(each, count) == 1)
    return [spread[index * stride % count] for index in range(count)]


def trained_size(view: AppContext) -> tuple[int, int]:
    """(height, width) of what the first run on this data was fed, chosen ones first."""
    for run in _runs(view):
        given = run.summary.input
        if given.height and given.width:
            return given.height, given.width
    return SIZE


def _results() -> OrderedDict[Subject, Effect]:
    found: OrderedDict[Subject, Effect] = st.session_state.setdefault(_RESULTS, OrderedDict())
    return found


def _runs(view: AppContext) -> Sequence[RunRecord]:
    return view.fitting or tuple(run for run in view.runs if view.fits(run))


def _fastest(view: AppContext) -> tuple[str, float | None]:
    """Title and images a second of the run that wants images fastest."""
    speeds = [(run.summary.images_per_second, run) for run in _runs(view) if run.summary.images_per_second]
    if not speeds:
        return "", None
    speed, run = max(speeds, key=lambda each: each[0])
    return view.titles[run.id], speed


def _progress(view: AppContext, about: Subject) -> None:
    """How far it is, or what it was."""
    effect = known(about)
    with st.container(key="effect-head"):
        if effect is not None and complete(effect):
            st.caption(_made_of(effect, len(samples(view, about.size)), about.size))
        else:
            done = effect.tried if effect is not None else 0
            st.progress(min(1.0, done / DRAWS), f"Measuring: {done} of {DRAWS} draws")


def _result(view: AppContext, pipeline: Pipeline, about: Subject) -> None:
    """Charts, numbers and advice."""
    assert view.dataset is not None
    labels, effect = view.dataset.labels, known(about)
    ready = effect if complete(effect) else None
    if ready is not None:
        st.session_state[_LAST] = about
    last: Subject | None = st.session_state.get(_LAST)
    usable = last is not None and last[:2] == about[:2]  # of this data at this size
    shown = known(last) if last is not None and usable else None
    drawn = shown is not None and shown.draws > 0
    _keep_places(labels, stale=ready is None)
    shares, light, words = st.columns([5, 4, 5], gap="large")
    charts = _charts(last, shown, labels) if last and shown and drawn else None
    with shares, st.container(key="effect-shares"):
        if charts:
            st.vega_lite_chart(spec=charts[0], key="effect-classes", alt="Share of each class before and after")
        else:
            st.space()  # a container with nothing in it is not drawn
    with light, st.container(key="effect-light"):
        if charts:
            st.vega_lite_chart(spec=charts[1], key="effect-brightness", alt="Images by brightness, before and after")
            st.vega_lite_chart(spec=charts[2], key="effect-contrast", alt="Images by contrast, before and after")
        else:
            st.space()
    model, speed = _fastest(view)
    with words, st.container(key="effect-words"):
        with st.container(key="effect-numbers"):
            if shown and drawn:
                sentence = speed_sentence(shown.milliseconds, model, speed)
                st.markdown(escape_markdown(f"{_counted(shown, labels)} {sentence}"))
            else:
                st.space()
        found = advise(pipeline, labels=labels, size=about.size, effect=ready, images_per_second=speed, model=model)
        _advice(found, measured=ready is not None)


def _keep_places(labels: LabelMap, *, stale: bool) -> None:
    """Heights that hold while there is nothing to show, so that nothing moves; an earlier result is faint."""
    rows = ROW * labels.classes + AXIS
    faint = ".st-key-effect-shares, .st-key-effect-light, .st-key-effect-numbers { opacity: .45; }" if stale else ""
    st.html(
        f"<style>.st-key-effect-head {{ min-height: 46px; }} .st-key-effect-shares {{ min-height: {rows}px; }} "
        f".st-key-effect-light {{ min-height: {2 * LIGHT + 16}px; }} "
        ".st-key-effect-numbers { min-height: 5.6rem; } .st-key-effect-words p { font-size: .93rem; } "
        f"{faint}</style>"
    )


def _made_of(effect: Effect, images: int, size: tuple[int, int]) -> str:
    """What was measured, in a line."""
    images = min(images, effect.tried)  # they are drawn in turn
    back = f" {number(effect.resized, 'draw')} came out in another and were brought back." if effect.resized else ""
    return f"{number(effect.tried, 'draw')} of {number(images, 'training image')} at {size[0]}x{size[1]}.{back}"


def _charts(about: Subject, effect: Effect, labels: LabelMap) -> tuple[dict[str, Any], ...]:
    """Vega-Lite of class shares, brightness and contrast; kept, since building them takes longer than a slider may."""
    kept: tuple[Subject, tuple[dict[str, Any], ...]] | None = st.session_state.get(_CHARTS)
    if kept is not None and kept[0] == about:
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
    specs = (
        vega_lite(lambda: augment_charts.class_shares(pd.DataFrame(columns), labels)),
        vega_lite(lambda: histogram(BRIGHTNESS, before.brightness, after.brightness, title=brightness, height=LIGHT)),
        vega_lite(lambda: histogram(CONTRAST, before.contrast, after.contrast, title=contrast, height=LIGHT)),
    )
    st.session_state[_CHARTS] = about, specs
    return specs


def _counted(effect: Effect, labels: LabelMap) -> str:
    """Pixels lost, classes kept, ids that stayed ids."""
    kept = effect.kept()
    there = np.flatnonzero(~np.isnan(kept))
    lost = f"{100 * effect.lost:.1f} % of the labelled pixels lost to padding and void."
    ids = "No label id invented." if not effect.invented else "Label ids were invented."
    if not there.size:
        return f"{lost} {ids}"
    least = int(there[np.argmin(kept[there])])
    if kept[least] == 1:
        return f"{lost} Every class stays in all of its images. {ids}"
    share = f"{labels.names[least]} stays in {100 * kept[least]:.0f} % of its images, the others in more."
    return f"{lost} {share} {ids}"


def _advice(found: Sequence[Advice], *, measured: bool) -> None:
    if not found:
        so_far = "" if measured else ", as far as the settings tell"
        st.caption(f"Nothing here usually hurts masks or this data{so_far}.")
        return
    lines = []
    for advice in found[:SHOWN]:
        icon = ":gray[:material/info:]" if advice.mild else ":orange[:material/warning:]"
        at = "" if advice.step is None else f"{advice.step + 1}. "
        lines.append(f"{icon} {at}{escape_markdown(advice.text)}")
    if len(found) > SHOWN:
        lines.append(f":gray[and {len(found) - SHOWN} more, once these are settled]")
    st.markdown("\n\n".join(lines))
