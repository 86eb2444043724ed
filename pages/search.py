"""A search for settings: its trials, their scores, which settings mattered, and the best ones as a recipe."""

from functools import partial

import streamlit as st

from segcore.runs.csv_tables import spreadsheet_cell
from segcore.runs.search import SearchStore
from segcore.ui.search import trial_tables
from segcore.ui.shell import notices, page, url_state
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.headings import scores_heading
from segcore.visual import search_charts as charts

context = page.start()
scores_heading("Search", page=True)
st.caption("Settings that were tried, each scored on parts of the training set held out in turn.")
store = SearchStore(context.folder)
searches = store.list()[::-1]
if notices.missing_searches(context, searches, store.problems):
    page.end()

# choose
names = [search.name for search in searches]
name = url_state.get("search", names[0], names)
if len(names) > 1:
    menu = len(names) > 8
    choice = partial(st.selectbox, width=360) if menu else partial(st.pills, required=True, format_func=escape_markdown)
    choice("Search", names, **url_state.bound("search", names[0], names, menu=menu), label_visibility="collapsed")
search = searches[names.index(name)]

# load
trials = trial_tables.read_trials(search)
settings = trial_tables.settings(search, trials)
title = trial_tables.metric_title(search)
shares, shares_note = trial_tables.importance(search, trials)

# show
st.markdown(trial_tables.summary(search, trials), help=trial_tables.VALUE_HELP)
trial_tables.follow_search(search, trials)
if trials.empty:
    page.end()
if trials.attrs.get("cut_off"):
    st.caption("The last line of trials.csv is cut off and left out.")
left, right = st.columns([3, 2], gap="large")
draw = partial(charts.trial_history, trials, settings, title=f"{title} of each trial, ± over folds, ◆ the best")
with left, saved_as("trials-history", draw):
    alt = f"{title} against the number of the trial, with the best so far as a line"
    st.altair_chart(draw(), key="trials-history", alt=alt)
with right:
    st.subheader("What mattered", anchor=False)
    if shares:
        with saved_as("importance", partial(charts.importance, shares)):
            st.altair_chart(charts.importance(shares), key="importance", alt=f"Shares by setting: {shares}")
    st.caption(escape_markdown(shares_note))


@st.fragment
def lines_and_table() -> None:
    """Draw the trials as lines and as a table. A click on a line narrows the table without rerunning the page."""
    picked: list[int] = []
    if trial_tables.has_comparable_trials(trials) and len(settings) > 1:
        st.subheader("Settings together", anchor=False)
        draw = partial(charts.parallel, trials, settings, title=title)
        wide = "wide-parallel" if len(settings) < 9 else "wider-parallel"  # room for their names
        with saved_as("settings-together", draw), st.container(key=wide):
            alt = "A line for each trial over all settings"
            event = st.altair_chart(draw(), key=f"parallel-{name}", on_select="rerun", alt=alt)
        picked = [int(point["number"]) for point in event["selection"].get("picked", [])]
        st.caption(trial_tables.picked_note(trials, picked))
    with st.container(height=trial_tables.table_height(trials), border=False):  # stays when a click leaves one row
        table = trial_tables.trial_table(search, trials, settings, picked)
        config = trial_tables.column_config(search, settings)
        st.dataframe(table, hide_index=True, column_config=config, placeholder="–", key=f"trials-{name}")


lines_and_table()
csv = trials.map(spreadsheet_cell).to_csv(index=False)
st.download_button("CSV", csv, f"{name}-trials.csv", "text/csv", icon=":material/download:", on_click="ignore")
for note in trial_tables.failures(search, trials):
    st.caption(escape_markdown(note))

if trial_tables.has_comparable_trials(trials):
    st.subheader("Settings one by one", anchor=False)
    wide = min(4, max(2, len(settings)))
    for start in range(0, len(settings), wide):
        for column, setting in zip(st.columns(wide), settings[start : start + wide], strict=False):
            draw, key = partial(charts.slice_of, trials, setting, settings), f"slice-{setting.name}"
            with column, saved_as(key, draw):
                st.altair_chart(draw(), key=key, alt=f"{title} against {setting.name}, a dot for each trial")

if recipe := trial_tables.recipe(search):
    st.subheader("Best settings", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        code_block(recipe, height=300)
    with right:
        st.caption(" ".join([trial_tables.OPTIMISM, trial_tables.ties(trials)]))
        code_block(trial_tables.train_command(search))
