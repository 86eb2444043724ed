"""One image through every chosen model: what each says, where they fail and differ, and its scores."""

import streamlit as st

from segcore.metrics import POLICY
from segcore.ui import cache, encoded, frame, look, messages, panels, state
from segcore.ui.scene import Scene
from segcore.ui.viewer import viewer
from segcore.ui.widgets import heading, scores_heading, style, table

view = frame.enter()
style()
heading("Predictions")
if messages.missing_dataset(view):
    frame.end()


def step(by: int) -> None:
    state.put("image", ids[(ids.index(state.held("image", middle)) + by) % len(ids)])


# choose
splits = panels.splits(view)
split = state.get("split", splits[0], splits)
found = panels.answers(view, split)
ids = panels.images(view, found, split)
middle = ids[len(ids) // 2]
state.get("image", middle, ids)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.button("", icon=":material/chevron_left:", help="Previous image (left arrow)", on_click=step, args=(-1,))
    sample_id = st.selectbox("Image", ids, **state.bound("image", middle, ids), label_visibility="collapsed", width=230)
    st.button("", icon=":material/chevron_right:", help="Next image (right arrow)", on_click=step, args=(1,))
    st.caption(f"{ids.index(sample_id) + 1} of {len(ids)}", width="content")
    look.split(splits)
    st.space("stretch")
    sides = st.container(width="content")
chosen = look.chosen(view.dataset.labels, view.hidden)

# load
scene = Scene(view, found, split, sample_id, chosen)
shown = scene.panels()
with sides:
    pair = look.pair({name: panel.title for name, panel in shown.items()})

# show
viewer(
    [shown[name] for name in pair or shown],
    {"image": encoded.photo(view.key, sample_id)},
    cache.sample(view.key, sample_id).size,
    key="predictions",
    slider=scene.slider,
    smallest=panels.smallest(len(shown)),
    swipe=pair is not None,
    lead=len(shown) - len(found),
    marks=scene.key(agreement="agreement" in (pair or shown)),
    readings=scene.readings(),
    labels=view.dataset.labels,
    on_step=step,
)
messages.other_data(view)
messages.other_version(view)
messages.missing_runs(view, "what the models made of this image")
messages.unevaluated(view, [each.run for each in found if each.evaluation is None], split)
head, rows = panels.class_table(view, found, sample_id)
if rows:
    scores_heading("Scores of this image")
    messages.leak_note([each.run for each in found], split)
    table(head, rows)
    st.caption(
        "Of this image alone; IoU by class, most frequent first. The lowest is tinted where models differ by 0.05. "
        f"{POLICY}"
    )
