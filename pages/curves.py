"""Training curves of the chosen runs, and what training cost."""

from functools import partial

import streamlit as st

from segcore.runs.cli_hints import go_on_command
from segcore.runs.curves import AXES, CURVES
from segcore.ui.curves import curve_tables
from segcore.ui.shell import notices, page, url_state
from segcore.ui.shell.auto_refresh import follow_training
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.result_cache import cached_result, chart_spec
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.headings import scores_heading
from segcore.ui.widgets.run_legend import run_legend
from segcore.visual import charts

context = page.start()
scores_heading("Curves", page=True)
st.caption("Training dashed, validation solid, ◆ the epoch whose weights were kept.")
if notices.missing_runs(context, "their training curves"):
    page.end()
follow_training(context)

# choose
with st.container(horizontal=True, vertical_alignment="bottom"):
    axis = choose("x axis", "x", AXES)
    st.space("stretch")
    smoothing = st.slider(
        "Smoothing",
        0.0,
        0.95,
        step=0.05,
        **url_state.bound("smoothing", 0.0, url_state.Between(0, 0.95)),
        width=220,
        help="0 shows every epoch as it was; the line as it was stays thin behind the smoothed one.",
    )

# load
shown_runs = tuple(
    (str(run.path), run.version, context.titles[run.id], context.colors[run.id]) for run in context.chosen
)
token = ("curves", shown_runs, axis, smoothing)
curves, notes = cached_result(token, lambda: curve_tables.smoothed_curves(context, context.chosen, axis, smoothing))

# show
colors = {context.titles[run.id]: context.colors[run.id] for run in context.chosen}
if len(curves):
    run_legend(colors)
    for column, (name, title) in zip(st.columns(3, gap="medium"), CURVES.items(), strict=True):
        raw = {name: "raw"} if smoothing else {}
        shown = curves.rename(columns={f"{name}_shown": "value"} | raw)
        shown = shown[["run", "phase", "x", "value", "kept", *raw.values()]]
        draw = partial(charts.history, shown, colors, title=title, x_title=axis, score=name != "loss")
        key, alt = f"curve-{name}", f"{title} against {axis} of {', '.join(colors)}"
        with column, saved_as(key, partial(draw, printed=True), height=280):
            st.vega_lite_chart(spec=chart_spec((*token, name), draw), key=key, alt=alt)
commands = [go_on_command(run.path) for run in context.chosen if run.stopped]
for note in notes:
    command = next((command for command in commands if note.endswith(command)), "")
    st.caption(escape_markdown(note.removesuffix(command).rstrip()))
    if command:
        code_block(command)

cost = curve_tables.cost(context, context.chosen)
if cost.empty:
    page.end()
st.subheader("Cost", anchor=False)
st.dataframe(
    cost,
    hide_index=True,
    placeholder="–",
    column_config={
        "color": st.column_config.ImageColumn("", width=30),
        "run": "model",
        "minutes": st.column_config.NumberColumn(format="%.1f", help="Training time, without evaluation."),
        "best_epoch": st.column_config.NumberColumn(
            "kept epoch", help="The one of the best validation mIoU; the last where nothing validates."
        ),
        "seconds": st.column_config.NumberColumn("seconds an epoch", format="%.1f"),
        "val_miou": st.column_config.NumberColumn("validation mIoU", format="%.3f"),
        "parameters": st.column_config.NumberColumn("parameters, M", format="%.2f"),
        "git_commit": st.column_config.TextColumn("commit", help="Of Segcore; + when its code differed."),
        "command": st.column_config.TextColumn(help="What was typed to train it."),
    },
)
