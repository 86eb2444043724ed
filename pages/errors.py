"""Where the models fail: the images of a split, the worst first, and what was taken for what in them."""

import streamlit as st

from segcore.ui import failure_pictures, failures, frame, messages, state, tables
from segcore.ui.matrix import FEW, SHARES, matrix
from segcore.ui.widgets import scores_heading, style

view = frame.enter()
style()
scores_heading("Errors", page=True)
st.caption("Which images the models get wrong, and what they take for what.")
if messages.missing_runs(view, "where they fail"):
    frame.end()

# choose and load
runs = failures.comparable(view)
splits = tables.splits(runs)
split = state.get("split", splits[0], splits)
messages.leak_note(runs, split)
board = failures.load(view, runs, split)
failures.left_out(view, board)
if not board.runs:
    failures.choose_split(splits)
    frame.end()
asked = failures.choose(view, board, splits)
found = failures.ranking(view, board, asked)

# show
failure_pictures.refused(view, board, asked)
pictures, mistakes = st.columns([5, 3] if len(board.labels.names) <= FEW else [1, 1], gap="large")
with pictures:
    if asked.mistake is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{frame.escaped(asked.mistake.sentence(board.labels))}**", width="content")
            st.button("Show all", icon=":material/close:", type="tertiary", on_click=failures.light, args=("",))
    if not found.ids:
        st.info(frame.escaped(failure_pictures.nothing(view, board, asked)))
    else:
        st.caption(frame.escaped(failure_pictures.words(view, board, asked, found)))
        if view.dataset is not None:
            failure_pictures.grid(view, board, asked, found)
            st.caption(frame.escaped(failure_pictures.pictures(view, board, asked)))
        else:
            messages.missing_dataset(view)
            st.dataframe(failure_pictures.listed(view, board, asked, found), hide_index=True)
with mistakes:
    run = board.runs[asked.run]
    st.subheader(f"What {frame.escaped(view.titles[run.id])} takes for what", anchor=False)
    share = st.segmented_control(
        "Cells say",
        SHARES,
        required=True,
        format_func=SHARES.get,
        **state.bound("by", "class", SHARES),
        label_visibility="collapsed",
        help="Share of the true class's pixels, or of all wrong pixels of the split. In percent.",
    )
    matrix(
        board.triage.runs[asked.run].evaluation.total,
        board.labels,
        hue=view.colors[run.id],
        share=share,
        picked=asked.mistake,
        key="matrix",
        on_pick=failures.light,
    )
    st.caption(frame.escaped(failure_pictures.matrix_note(board)))
