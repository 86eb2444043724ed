"""Ranks the images of a split by the models' errors, and shows which classes are taken for which."""

from functools import partial

import streamlit as st

from segcore.runs.scored_splits import evaluated_splits
from segcore.ui.dataset import tagging
from segcore.ui.errors import evaluated_runs, image_grid, ranking_query, sentences
from segcore.ui.shell import file_changes, notices, page, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.confusion_matrix import FEW, SHARES, confusion_figure, confusion_matrix
from segcore.ui.widgets.figure import saved_as
from segcore.ui.widgets.headings import scores_heading

context = page.start()
scores_heading("Errors", page=True)
st.caption("Which images the models get wrong, and which classes they confuse.")
if notices.missing_runs(context, "their errors"):
    page.end()

# choose
runs = evaluated_runs.comparable_runs(context)
splits = evaluated_splits(runs, context.default_split)
split = url_state.get("split", splits[0], splits)
notices.leak_note(runs, split)

# load
evaluated = evaluated_runs.load_evaluated_runs(context, runs, split)
evaluated_runs.show_left_out(context, evaluated)
if context.dataset is not None:
    file_changes.look(context.key)
if not evaluated.runs:
    ranking_query.choose_split(splits)
    page.end()
query = ranking_query.choose_query(context, evaluated, splits)
ranking = ranking_query.rank_images(context, evaluated, query)

# show
if refused := sentences.order_refused(context, evaluated, query):
    st.info(escape_markdown(refused))
image_column, matrix_column = st.columns([5, 3] if len(evaluated.labels.names) <= FEW else [1, 1], gap="large")
with image_column:
    if query.mistake is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(query.mistake.sentence(evaluated.labels))}**", width="content")
            st.button(
                "Show all",
                icon=":material/close:",
                type="tertiary",
                on_click=ranking_query.highlight_mistake,
                args=("",),
            )
    if not ranking.ids:
        st.info(escape_markdown(sentences.no_images(context, evaluated, query)))
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(escape_markdown(sentences.ranking_sentence(context, evaluated, query, ranking)))
            if context.dataset is not None:
                tagging.tag_images(context, ranking.ids, evaluated.runs[query.run])
        if context.dataset is not None:
            image_grid.image_grid(context, evaluated, query, ranking)
            st.caption(escape_markdown(sentences.thumbnail_legend(context, evaluated, query)))
        else:
            notices.missing_dataset(context)
            table = image_grid.image_table(context, evaluated, query, ranking)
            st.dataframe(table, hide_index=True, placeholder="–")
with matrix_column:
    run = evaluated.runs[query.run]
    st.subheader(f"What {escape_markdown(context.titles[run.id])} takes for what", anchor=False)
    help_ = "Share of the true class's pixels, or of all wrong pixels of the split, in percent."
    share = choose("Cells show", "by", SHARES, help=help_)
    counts = evaluated.triage.runs[query.run].evaluation.total
    draw = partial(confusion_figure, counts, evaluated.labels)
    with saved_as(f"confusion-{run.id}", draw, style="pictures"):
        confusion_matrix(
            counts,
            evaluated.labels,
            hue=context.colors[run.id],
            share=share,
            picked=query.mistake,
            key="matrix",
            on_pick=ranking_query.highlight_mistake,
        )
    st.caption(escape_markdown(sentences.matrix_note(evaluated)))
