"""Runs against each other: which is better, whether that is more than chance, at which cost, and what they confuse."""

import streamlit as st

from segcore.evaluation.comparison import METRICS
from segcore.runs.scored_splits import evaluated_splits
from segcore.ui.compare import chart_tables, sections
from segcore.ui.compare.leaderboard import leaderboard
from segcore.ui.compare.settings_differences import settings_differences
from segcore.ui.shell import notices, page, run_cache, url_state
from segcore.ui.shell.markdown import escape_markdown

context = page.start()

# choose
runs = chart_tables.listed_runs(context)
splits = evaluated_splits(runs, context.default_split)
split = url_state.get("split", splits[0], splits)
metric = url_state.get("metric", "miou", METRICS)

by_seed = url_state.get("seeds", False)
runs, left_out = chart_tables.compared_runs(context, runs, split, by_seed)

# load
comparison = run_cache.comparison(runs, split, metric, context.titles)
if by_seed:
    comparison = comparison.by_recipe

# show
sections.title(comparison)
notices.leak_note([run for run in runs if run.id in comparison.evaluations], split)
if not context.runs and notices.missing_runs(context, "how they compare"):
    page.end()
for text in dict.fromkeys(comparison.validation_note(place) for place in range(len(comparison.pools))):
    if text:
        st.caption(f":material/info: {text}")
columns = sections.controls(comparison, splits)
for text in comparison.differences:
    st.caption(f":material/info: {escape_markdown(text)}")
if left_out:
    st.caption(f":material/filter_list: {left_out}")
leaderboard(context, comparison, columns)
notices.unevaluated(context, [run for run in context.chosen if run.id in comparison.problems], split)
parts = chart_tables.parts(context, comparison)
if not parts:
    st.caption("Tick a run to see its classes, confusions and curves.")
    page.end()
part = sections.choose_part(parts)
sections.significance(context, comparison, part)
left, right = st.columns([3, 2], gap="large")
with left:
    sections.classes(comparison, part)
with right:
    sections.quality_and_cost(context, comparison, part)
sections.mistakes(comparison, part)
settings_differences(context)
sections.training(context, comparison, part)
