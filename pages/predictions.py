"""Shows one image with every chosen model's prediction, and its scores."""

import streamlit as st

from segcore.metrics import POLICY
from segcore.runs.scored_splits import evaluated_splits
from segcore.ui.predictions import run_evaluations, view_options
from segcore.ui.predictions.panels import min_panel_width
from segcore.ui.predictions.prediction_panels import PredictionPanels
from segcore.ui.predictions.score_table import score_table
from segcore.ui.shell import dataset_cache, file_changes, image_cache, notices, page, url_state
from segcore.ui.shell.icon_button import icon_button
from segcore.ui.widgets.choices import menu
from segcore.ui.widgets.headings import page_heading, scores_heading
from segcore.ui.widgets.table import table
from segcore.ui.widgets.viewer import viewer

context = page.start()
page_heading("Predictions")
if notices.missing_dataset(context):
    page.end()
file_changes.look(context.key)


def step(by: int) -> None:
    url_state.put("image", ids[(ids.index(url_state.current("image", middle)) + by) % len(ids)])


# choose
splits = evaluated_splits(context.fitting, context.default_split)
split = url_state.get("split", splits[0], splits)
evaluations = run_evaluations.load_evaluations(context, split)
ids = run_evaluations.image_ids(context, evaluations, split)
middle = ids[len(ids) // 2]
url_state.get("image", middle, ids)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    icon_button("chevron_left", "Previous image (left arrow)", "predictions:previous", step, -1, framed=True)
    sample_id = menu("Image", "image", ids, middle, width=230)
    icon_button("chevron_right", "Next image (right arrow)", "predictions:next", step, 1, framed=True)
    st.caption(f"{ids.index(sample_id) + 1} of {len(ids)}", width="content")
    view_options.choose_split(splits)
    st.space("stretch")
    swipe_controls = st.container(width="content")
options = view_options.choose_view(context.dataset.labels, context.hidden)

# load
content = PredictionPanels(context, evaluations, split, sample_id, options)
panels = content.panels()
with swipe_controls:
    swiped = view_options.choose_swipe({name: panel.title for name, panel in panels.items()})

# show
viewer(
    [panels[name] for name in swiped or panels],
    {"image": image_cache.photo(context.key, sample_id)},
    dataset_cache.sample(context.key, sample_id).size,
    key="predictions",
    slider=content.slider,
    smallest=min_panel_width(len(panels)),
    swipe=swiped is not None,
    lead=len(panels) - len(evaluations),
    marks=content.legend(agreement="agreement" in (swiped or panels)),
    readings=content.readings(),
    labels=context.dataset.labels,
    on_step=step,
)
notices.other_data(context)
notices.other_version(context)
notices.missing_runs(context, "what the models predict for this image")
notices.unevaluated(context, [stored.run for stored in evaluations if stored.evaluation is None], split)
head, rows = score_table(context, evaluations, sample_id)
if rows:
    scores_heading("Scores of this image")
    notices.leak_note([stored.run for stored in evaluations], split)
    table(head, rows)
    st.caption(
        "Scores of this image alone; IoU by class, most frequent first. The lowest is tinted where models differ by "
        f"0.05. {POLICY}"
    )
