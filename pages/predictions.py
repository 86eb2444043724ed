"""One test image (or validation image, without a test split) through every chosen model, and its scores."""

import streamlit as st

from segcore.metrics import POLICY
from segcore.ui import cache, frame, messages, panels, state
from segcore.ui.widgets import style, table, viewer

view = frame.enter()
style()
if messages.missing_dataset(view):
    st.stop()

# choose
split = panels.shown_split(view)
found = panels.answers(view, split)
ids = panels.images(view, found, split)
state.get("image", ids[len(ids) // 2], ids)


def step(by: int) -> None:
    state.put("image", ids[(ids.index(state.get("image", ids[0], ids)) + by) % len(ids)])


with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.button("", icon=":material/chevron_left:", help="Previous image (left arrow)", on_click=step, args=(-1,))
    sample_id = st.selectbox(
        "Image", ids, **state.bound("image", ids[len(ids) // 2], ids), label_visibility="collapsed", width=230
    )
    st.button("", icon=":material/chevron_right:", help="Next image (right arrow)", on_click=step, args=(1,))
    st.caption(f"{ids.index(sample_id) + 1} of {len(ids)}", width="content")
    st.space("stretch")
    mode = st.segmented_control(
        "View",
        panels.VIEWS,
        required=True,
        format_func=str.capitalize,
        **state.bound("view", "overlay", panels.VIEWS),
        label_visibility="collapsed",
        help="Error: right = dimmed photo, wrong = colour of the class it was taken for, hatched = never scored.",
    )

# load
size = cache.sample(view.key, sample_id).size
shown = [
    panels.photo(sample_id),
    panels.truth(view, sample_id, mode),
    *(panels.model(view, each, sample_id, split, mode) for each in found),
]

# show
viewer(
    shown,
    {"image": cache.photo(view.key, sample_id)},
    size,
    key="predictions",
    slider=mode in ("overlay", "error"),
    smallest=panels.smallest(len(shown)),
    on_step=step,
)
if mode == "error":
    st.caption("Right = dimmed photo · wrong = the colour of the class it was taken for · hatched = never scored.")
messages.other_data(view)
messages.other_version(view)
messages.missing_runs(view, "what the models made of this image")
messages.unevaluated(view, [each.run for each in found if each.evaluation is None], split)
head, rows = panels.class_table(view, found, sample_id)
if rows:
    st.subheader("Scores of this image", anchor=False)
    table(head, rows)
    st.caption(f"IoU by class, most frequent first; the lowest is tinted where models differ by 0.05. {POLICY}")
