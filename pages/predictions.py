"""One image through every chosen model: what each says, where they fail and differ, and its scores."""

import streamlit as st

from segcore.metrics import POLICY
from segcore.ui.predictions import panel_data, view_options
from segcore.ui.predictions.panels import Scene
from segcore.ui.shell import dataset_cache, image_cache, notices, page, url_state
from segcore.ui.widgets.headings import page_heading, scores_heading
from segcore.ui.widgets.table import table
from segcore.ui.widgets.viewer import viewer

view = page.start()
page_heading("Predictions")
if notices.missing_dataset(view):
    page.end()


def step(by: int) -> None:
    url_state.put("image", ids[(ids.index(url_state.current("image", middle)) + by) % len(ids)])


# choose
splits = panel_data.splits(view)
split = url_state.get("split", splits[0], splits)
found = panel_data.answers(view, split)
ids = panel_data.images(view, found, split)
middle = ids[len(ids) // 2]
url_state.get("image", middle, ids)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.button("", icon=":material/chevron_left:", help="Previous image (left arrow)", on_click=step, args=(-1,))
    sample_id = st.selectbox(
        "Image", ids, **url_state.bound("image", middle, ids), label_visibility="collapsed", width=230
    )
    st.button("", icon=":material/chevron_right:", help="Next image (right arrow)", on_click=step, args=(1,))
    st.caption(f"{ids.index(sample_id) + 1} of {len(ids)}", width="content")
    view_options.split(splits)
    st.space("stretch")
    sides = st.container(width="content")
chosen = view_options.chosen(view.dataset.labels, view.hidden)

# load
scene = Scene(view, found, split, sample_id, chosen)
shown = scene.panels()
with sides:
    pair = view_options.pair({name: panel.title for name, panel in shown.items()})

# show
viewer(
    [shown[name] for name in pair or shown],
    {"image": image_cache.photo(view.key, sample_id)},
    dataset_cache.sample(view.key, sample_id).size,
    key="predictions",
    slider=scene.slider,
    smallest=panel_data.smallest(len(shown)),
    swipe=pair is not None,
    lead=len(shown) - len(found),
    marks=scene.key(agreement="agreement" in (pair or shown)),
    readings=scene.readings(),
    labels=view.dataset.labels,
    on_step=step,
)
notices.other_data(view)
notices.other_version(view)
notices.missing_runs(view, "what the models made of this image")
notices.unevaluated(view, [each.run for each in found if each.evaluation is None], split)
head, rows = panel_data.class_table(view, found, sample_id)
if rows:
    scores_heading("Scores of this image")
    notices.leak_note([each.run for each in found], split)
    table(head, rows)
    st.caption(
        "Of this image alone; IoU by class, most frequent first. The lowest is tinted where models differ by 0.05. "
        f"{POLICY}"
    )
