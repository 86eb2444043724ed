"""Runs against each other: who is better, whether it is real, at which cost, and what is confused with what."""

import streamlit as st

from segcore.evaluation.comparison import METRICS
from segcore.ui.compare import chart_tables, leaderboard, sections
from segcore.ui.curves import curve_tables
from segcore.ui.shell import notices, page, run_cache, url_state
from segcore.ui.shell.markdown import escape_markdown

view = page.start()
runs = chart_tables.listed(view)

# choose and load
splits = curve_tables.splits(runs)
split = url_state.get("split", splits[0], splits)
metric = url_state.get("metric", "miou", METRICS)
comparison = run_cache.comparison(runs, split, metric, view.titles)
if url_state.get("seeds", False):
    comparison = comparison.by_recipe
sections.title(comparison)
notices.leak_note([run for run in runs if run.id in comparison.evaluations], split)
if not view.runs and notices.missing_runs(view, "how they compare"):
    page.end()

# show
shown = sections.controls(comparison, splits)
for text in comparison.differences:
    st.caption(f":material/info: {escape_markdown(text)}")
leaderboard.draw(view, comparison, shown)
notices.unevaluated(view, [run for run in view.chosen if run.id in comparison.problems], split)
found = chart_tables.parts(view, comparison)
if not found:
    st.caption("Tick a run to see its classes, confusions and curves.")
    page.end()
part = sections.choose_part(found)
sections.is_it_real(view, comparison, part)
left, right = st.columns([3, 2], gap="large")
with left:
    sections.classes(comparison, part)
with right:
    sections.quality_and_cost(view, comparison, part)
sections.mistakes(comparison, part)
sections.training(view, comparison, part)
