"""Look at a contact sheet, browse the samples, and see leak findings, class balance and image sizes."""

import streamlit as st

from segcore.ui.dataset import browsing, dataset_statistics, leak_findings
from segcore.ui.dataset.class_shares import class_shares
from segcore.ui.dataset.contact_sheet import contact_sheet
from segcore.ui.predictions.panels import photo_panel, truth_panel
from segcore.ui.shell import dataset_cache, image_cache, notices, page, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.headings import page_heading
from segcore.ui.widgets.viewer import viewer

context = page.start()
page_heading("Dataset", browsing.facts(context.dataset) if context.dataset else "")
if notices.missing_dataset(context):
    page.end()
data = context.dataset
finish_sheet = contact_sheet(context)

# choose
splits, classes = (browsing.EVERY, *data.splits), (browsing.EVERY, *data.labels.names)
with st.container(horizontal=True, vertical_alignment="bottom"):
    split = st.segmented_control("Split", splits, required=True, **url_state.bound("split", browsing.EVERY, splits))
    name = st.selectbox("With class", classes, **url_state.bound("class", browsing.EVERY, classes), width=190)
    sort = st.selectbox(
        "Sort by",
        browsing.SORTS,
        format_func=lambda name: "split" if name == "time" and not data.video else name,
        **url_state.bound("sort", browsing.SORTS[0], browsing.SORTS),
        width=150,
    )
    st.space("stretch")
    overlay = st.toggle("Masks", **url_state.bound("masks", False), help="Or hover over a picture.")
url_state.get(
    "finding", ""
)  # of the leak findings below: the grid may rerun the page, which keeps what it has asked for

# load
split_ids = browsing.ids_of(data, split)
with st.spinner("Reading masks", show_time=True):
    class_id = None if name == browsing.EVERY else data.labels.index(name)
    ids = browsing.matching_ids(context.key, split_ids, class_id, sort)
if not ids:
    st.info(f"No {escape_markdown(split)} sample has {escape_markdown(name)}. Choose another class or split.")
    page.end()
sample_id = url_state.get("sample", ids[0], data.ids)
sample = dataset_cache.sample(context.key, sample_id)

# show
viewer(
    [
        photo_panel(sample_id),
        truth_panel(context, sample_id, "mask", "Mask"),
        truth_panel(context, sample_id, "overlay", "Overlay"),
    ],
    {"image": image_cache.photo(context.key, sample_id)},
    sample.size,
    key="sample",
    smallest=300,
    labels=data.labels,
    on_step=lambda step: browsing.select_neighbour(ids, sample_id, step),
)
pictures, facts = st.columns([3, 1], gap="large")
with pictures:
    browsing.sample_grid(context.key, ids, sample_id, sample.size, overlay=overlay)
with facts:
    place = escape_markdown(f"{sample.split} · {sample.size[1]} × {sample.size[0]}")
    st.markdown(f"**{escape_markdown(sample_id)}**  \n:gray[{place}]")
    class_shares(data.labels, dataset_cache.class_pixels(context.key, sample_id))

st.subheader("Health", anchor=False, help=leak_findings.HELP)
leak_findings.leak_findings(context)

st.subheader("Splits", anchor=False)
dataset_statistics.split_table(context)

st.subheader("Class balance", anchor=False)
counts = dataset_statistics.class_balance(context.key, split_ids)
if counts is not None:
    dataset_statistics.class_balance_charts(data.labels, counts)

st.subheader("Image sizes", anchor=False)
dataset_statistics.image_size_chart(dataset_cache.image_sizes(context.key))

finish_sheet()
