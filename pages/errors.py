"""Where the models fail: the images of a split, the worst first, and what was taken for what in them."""

import streamlit as st

from segcore.ui.errors import grid, query
from segcore.ui.shell import notices, page, url_state
from segcore.ui.shell.app_context import evaluated_splits
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.confusion_matrix import FEW, SHARES, confusion_matrix
from segcore.ui.widgets.headings import scores_heading

view = page.start()
scores_heading("Errors", page=True)
st.caption("Which images the models get wrong, and what they take for what.")
if notices.missing_runs(view, "where they fail"):
    page.end()

# choose and load
runs = query.comparable(view)
splits = evaluated_splits(runs)
split = url_state.get("split", splits[0], splits)
notices.leak_note(runs, split)
board = query.load(view, runs, split)
query.left_out(view, board)
if not board.runs:
    query.choose_split(splits)
    page.end()
asked = query.choose(view, board, splits)
found = query.ranking(view, board, asked)

# show
grid.refused(view, board, asked)
pictures, mistakes = st.columns([5, 3] if len(board.labels.names) <= FEW else [1, 1], gap="large")
with pictures:
    if asked.mistake is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape_markdown(asked.mistake.sentence(board.labels))}**", width="content")
            st.button("Show all", icon=":material/close:", type="tertiary", on_click=query.light, args=("",))
    if not found.ids:
        st.info(escape_markdown(grid.nothing(view, board, asked)))
    else:
        st.caption(escape_markdown(grid.words(view, board, asked, found)))
        if view.dataset is not None:
            grid.grid(view, board, asked, found)
            st.caption(escape_markdown(grid.pictures(view, board, asked)))
        else:
            notices.missing_dataset(view)
            st.dataframe(grid.listed(view, board, asked, found), hide_index=True)
with mistakes:
    run = board.runs[asked.run]
    st.subheader(f"What {escape_markdown(view.titles[run.id])} takes for what", anchor=False)
    share = st.segmented_control(
        "Cells say",
        SHARES,
        required=True,
        format_func=SHARES.get,
        **url_state.bound("by", "class", SHARES),
        label_visibility="collapsed",
        help="Share of the true class's pixels, or of all wrong pixels of the split. In percent.",
    )
    confusion_matrix(
        board.triage.runs[asked.run].evaluation.total,
        board.labels,
        hue=view.colors[run.id],
        share=share,
        picked=asked.mistake,
        key="matrix",
        on_pick=query.light,
    )
    st.caption(escape_markdown(grid.matrix_note(board)))
