"""Runs against each other: leaderboard, classes, cost, and what is confused with what."""

import streamlit as st

from segcore.metrics import HELP, POLICY
from segcore.ui import cache, frame, messages, state, tables
from segcore.ui.widgets import heading, style
from segcore.visual import charts

view = frame.enter()
style()
heading("Compare", POLICY)
if messages.missing_runs(view, "how they compare"):
    st.stop()

# choose and load
splits = tables.splits(view.chosen)
split = state.get("split", splits[0], splits)
if len(splits) > 1:
    st.segmented_control(
        "Split", splits, required=True, **state.bound("split", splits[0], splits), label_visibility="collapsed"
    )
board, notes = tables.leaderboard(view, view.chosen, split)
scored = [run for run in view.chosen if run.id in set(board.dropna(subset=["miou"])["id"])]
colors = {view.titles[run.id]: view.colors[run.id] for run in scored}

# show
same = messages.different_data(view.chosen, view.titles)
scores = {
    name: st.column_config.ProgressColumn(title, format="%.3f", min_value=0, max_value=1, help=HELP[name])
    if name == "miou"
    else st.column_config.NumberColumn(title, format="%.3f", help=HELP[name])
    for name, title in (tables.METRICS | tables.WITHOUT_VOID).items()
    if name in board
}
st.dataframe(
    board,
    hide_index=True,
    column_order=["color", "run", *scores, "parameters", "minutes", "encoder", *([] if same else ["dataset"])],
    column_config={
        "color": st.column_config.ImageColumn("", width=30),
        "run": "model",
        **scores,
        "parameters": st.column_config.NumberColumn("parameters, M", format="%.1f"),
        "minutes": st.column_config.NumberColumn(format="%.1f", help="Training time, without evaluation."),
    },
)
csv = board.drop(columns="color").to_csv(index=False)
st.download_button("CSV", csv, f"leaderboard-{split}.csv", "text/csv", icon=":material/download:", on_click="ignore")
for note in notes:
    st.caption(note)
messages.unevaluated(view, [run for run in view.chosen if run not in scored], split)
if not scored:
    st.stop()

left, right = st.columns([3, 2], gap="large")
with left:
    st.subheader("Classes", anchor=False, help="IoU of each class; those on which the runs differ most come first.")
    st.altair_chart(charts.per_class(tables.per_class(view, scored, split), colors), key="classes")
with right:
    st.subheader("Quality and cost", anchor=False)
    costs = {"parameters": "parameters, M", "minutes": "minutes of training"}
    with st.container(horizontal=True):
        cost = st.segmented_control(
            "Cost", costs, required=True, **state.bound("cost", "parameters", costs), label_visibility="collapsed"
        )
    found = board.dropna(subset=["miou"])
    chart = charts.trade_off(found, colors, x=cost, y="miou", x_title=costs[cost], y_title="mIoU")
    st.altair_chart(chart, key="cost")

st.subheader("Confusion", anchor=False, help="What each true class was taken for, as a share of its pixels.")
names = {run.id: view.titles[run.id] for run in scored}
best = found["id"].iloc[0]
chosen = st.selectbox(
    "Run", names, format_func=names.get, **state.bound("of", best, names), label_visibility="collapsed", width=260
)
run = next(run for run in scored if run.id == chosen)
counts = cache.evaluation(run, split).total
st.altair_chart(
    charts.confusion(counts, run.labels, hue=view.colors[run.id]), key="confusion", width=charts.confusion_width(counts)
)
