"""Runs against each other: who is better, whether it is real, at which cost, and what is confused with what."""

import streamlit as st

from segcore.evaluation.comparison import METRICS
from segcore.ui import board, cache, compare, compare_parts, frame, messages, state, tables
from segcore.ui.widgets import style

view = frame.enter()
style()
runs = compare.listed(view)

# choose and load
splits = tables.splits(runs)
split = state.get("split", splits[0], splits)
metric = state.get("metric", "miou", METRICS)
comparison = cache.comparison(runs, split, metric, view.titles)
if state.get("seeds", False):
    comparison = comparison.by_recipe
compare_parts.title(comparison)
messages.leak_note([run for run in runs if run.id in comparison.evaluations], split)
if not view.runs and messages.missing_runs(view, "how they compare"):
    frame.end()

# show
shown = compare_parts.controls(comparison, splits)
for text in comparison.differences:
    st.caption(f":material/info: {frame.escaped(text)}")
board.draw(view, comparison, shown)
messages.unevaluated(view, [run for run in view.chosen if run.id in comparison.problems], split)
found = compare.parts(view, comparison)
if not found:
    st.caption("Tick a run to see its classes, confusions and curves.")
    frame.end()
part = compare_parts.choose_part(found)
compare_parts.is_it_real(view, comparison, part)
left, right = st.columns([3, 2], gap="large")
with left:
    compare_parts.classes(comparison, part)
with right:
    compare_parts.quality_and_cost(view, comparison, part)
compare_parts.mistakes(comparison, part)
compare_parts.training(view, comparison, part)
