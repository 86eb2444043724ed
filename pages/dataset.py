"""Browse the samples, large and small; how often each class occurs; sizes."""

import pandas as pd
import streamlit as st

from segcore.ui.dataset import browsing, leak_findings
from segcore.ui.dataset.class_shares import class_shares
from segcore.ui.predictions.panel_data import photo, truth
from segcore.ui.shell import dataset_cache, image_cache, notices, page, url_state
from segcore.ui.widgets.headings import page_heading
from segcore.ui.widgets.table import Cell, table
from segcore.ui.widgets.viewer import viewer
from segcore.visual import charts

view = page.start()
page_heading("Dataset", "  \n".join(view.dataset.notes) if view.dataset else "")
if notices.missing_dataset(view):
    page.end()
data = view.dataset

# choose
splits, classes = (browsing.EVERY, *data.splits), (browsing.EVERY, *data.labels.names)
with st.container(horizontal=True, vertical_alignment="bottom"):
    split = st.segmented_control("Split", splits, required=True, **url_state.bound("split", browsing.EVERY, splits))
    name = st.selectbox("With class", classes, **url_state.bound("class", browsing.EVERY, classes), width=190)
    sort = st.selectbox(
        "Sort by", browsing.SORTS, **url_state.bound("sort", browsing.SORTS[0], browsing.SORTS), width=150
    )
    st.space("stretch")
    overlay = st.toggle("Masks", **url_state.bound("masks", False), help="Or hover over a picture.")
url_state.get(
    "finding", ""
)  # of the health check below: the grid may begin the page anew, which keeps what was asked for

# load
with st.spinner("Reading masks", show_time=True):
    class_id = None if name == browsing.EVERY else data.labels.index(name)
    ids = browsing.matching(view.key, data.ids if split == browsing.EVERY else data.splits[split], class_id, sort)
if not ids:
    st.info(f"No {split} sample has {name}. Choose another class or split.")
    page.end()
sample_id = url_state.get("sample", ids[0], data.ids)
item = dataset_cache.sample(view.key, sample_id)

# show
viewer(
    [photo(sample_id), truth(view, sample_id, "mask", "Mask"), truth(view, sample_id, "overlay", "Overlay")],
    {"image": image_cache.photo(view.key, sample_id)},
    item.size,
    key="sample",
    smallest=300,
    on_step=lambda by: url_state.put(
        "sample", ids[((ids.index(sample_id) if sample_id in ids else 0) + by) % len(ids)]
    ),
)
pictures, facts = st.columns([3, 1], gap="large")
with pictures:
    browsing.grid(view, ids, sample_id, item.size, overlay=overlay)
with facts:
    st.markdown(f"**{sample_id}**  \n:gray[{item.split} · {item.size[1]} × {item.size[0]}]")
    class_shares(data.labels, dataset_cache.class_pixels(view.key, sample_id))

st.subheader("Health", anchor=False, help=leak_findings.HELP)
leak_findings.health(view)

st.subheader("Splits", anchor=False)
head = [Cell("split"), Cell("images", True), Cell("in the chosen runs, before → after augmentation", True)]
table(head, [[Cell(each), Cell(count, True), Cell(used, True)] for each, count, used in browsing.split_table(view)])

st.subheader("Class balance", anchor=False)
counts = browsing.balance(view, split)
if counts is not None:
    found = pd.DataFrame({"class": data.labels.names, "pixels": counts.pixels, "images": counts.images})
    pixels, images = st.columns(2, gap="large")
    chart = charts.balance(found, data.labels, value="pixels", title="pixels (log scale)", log=True)
    pixels.altair_chart(chart, key="pixels")
    chart = charts.balance(found, data.labels, value="images", title=f"images of {counts.total}", log=False)
    images.altair_chart(chart, key="images")
    st.caption(browsing.balance_note(data.labels, counts))

st.subheader("Image sizes", anchor=False)
browsing.size_chart(dataset_cache.image_sizes(view.key))
