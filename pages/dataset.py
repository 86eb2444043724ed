"""Look at a contact sheet, browse the samples, and see leak findings, class balance and image sizes."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.ui.dataset import browsing, choices, dataset_statistics, leak_findings, tagging
from segcore.ui.dataset.class_shares import class_shares
from segcore.ui.dataset.contact_sheet import contact_sheet
from segcore.ui.predictions.panels import photo_panel, truth_panel
from segcore.ui.shell import dataset_cache, file_changes, image_cache, notices, page, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.headings import page_heading
from segcore.ui.widgets.viewer import Panel, viewer

context = page.start()
page_heading("Dataset", browsing.facts(context.dataset) if context.dataset else "")
if notices.missing_dataset(context):
    page.end()
data = context.dataset
finish_sheet = contact_sheet(context)
file_changes.show_changes(context.key)

# choose
split, text, tag, wanted, sort, overlay = choices.choose_images(context)
url_state.get(
    "finding", ""
)  # of the leak findings below: the grid may rerun the page, which keeps what it has asked for

# load
split_ids = browsing.ids_of(data, split)
reads = wanted.reads_images or sort == "most classes"
complete = dataset_statistics.read_images(context.key, split_ids) if reads else True
tagged_ids = tagging.tagged(context.key.source, tag, split_ids)
ids = browsing.matching_ids(context.key, tagged_ids, text, wanted, sort)
choices.show_count(context, ids, split_ids, filtered=bool(text or wanted.reads_images or tag != browsing.EVERY))
if not ids:
    st.info("No image is like that so far." if not complete else "No image is like that. Choose something else above.")
    page.end()
sample_id = url_state.get("sample", ids[0], data.ids)
try:
    sample = dataset_cache.sample(context.key, sample_id)
    photos = {"image": image_cache.photo(context.key, sample_id)}
    panels = [
        photo_panel(sample_id),
        truth_panel(context, sample_id, "mask", "Mask"),
        truth_panel(context, sample_id, "overlay", "Overlay"),
    ]
except SegcoreError as error:  # one file that can't be read: the others are shown as always
    sample, photos, panels = None, {}, [Panel(sample_id, problem=str(error))]
size = sample.size if sample is not None else (3, 4)

# show
viewer(
    panels,
    photos,
    size,
    key="sample",
    smallest=300,
    labels=data.labels,
    on_step=lambda step: browsing.select_neighbour(ids, sample_id, step),
)
pictures, facts = st.columns([3, 1], gap="large")
with pictures:
    browsing.sample_grid(context.key, ids, sample_id, size, overlay=overlay)
with facts:
    place = escape_markdown(f"{sample.split} · {size[1]} × {size[0]}" if sample is not None else "can't be read")
    st.markdown(f"**{escape_markdown(sample_id)}**  \n:gray[{place}]")
    tagging.tags_of_image(context.key.source, sample_id)
    if sample is not None:
        class_shares(data.labels, dataset_cache.class_pixels(context.key, sample_id))

st.subheader("Health", anchor=False, help=leak_findings.HELP)
leak_findings.leak_findings(context)

st.subheader("Splits", anchor=False)
dataset_statistics.split_table(context)

st.subheader("Classes", anchor=False)
chart = choose("Show", "chart", {"balance": "How often", "together": "Together", "places": "Where"})
if complete and dataset_statistics.read_images(context.key, split_ids):
    if chart == "balance" and (counts := dataset_statistics.class_balance(context.key, split, split_ids)):
        dataset_statistics.class_balance_charts(data.labels, counts)
        if wanted.class_id is not None:
            dataset_statistics.share_chart(context.key, split_ids, data.labels, wanted.class_id)
    elif chart == "together":
        dataset_statistics.together_chart(context.key, split, split_ids, data.labels)
    elif chart == "places":
        dataset_statistics.places_chart(context.key, split, split_ids, data.labels, wanted.class_id)

    st.subheader("Image sizes", anchor=False)
    dataset_statistics.image_size_chart(dataset_statistics.size_counts(context.key, split, split_ids))

dataset_cache.store_facts(context.key)
finish_sheet()
