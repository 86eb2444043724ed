"""Browse the samples, large and small; how often each class occurs; sizes."""

import pandas as pd
import streamlit as st

from segcore.ui import browse, cache, encoded, frame, health, messages, state
from segcore.ui.panels import photo, truth
from segcore.ui.viewer import viewer
from segcore.ui.widgets import Cell, heading, shares, style, table
from segcore.visual import charts

view = frame.enter()
style()
heading("Dataset", "  \n".join(view.dataset.notes) if view.dataset else "")
if messages.missing_dataset(view):
    frame.end()
data = view.dataset

# choose
splits, classes = (browse.EVERY, *data.splits), (browse.EVERY, *data.labels.names)
with st.container(horizontal=True, vertical_alignment="bottom"):
    split = st.segmented_control("Split", splits, required=True, **state.bound("split", browse.EVERY, splits))
    name = st.selectbox("With class", classes, **state.bound("class", browse.EVERY, classes), width=190)
    sort = st.selectbox("Sort by", browse.SORTS, **state.bound("sort", browse.SORTS[0], browse.SORTS), width=150)
    st.space("stretch")
    overlay = st.toggle("Masks", **state.bound("masks", False), help="Or hover over a picture.")
state.get("finding", "")  # of the health check below: the grid may begin the page anew, which keeps what was asked for

# load
with st.spinner("Reading masks", show_time=True):
    class_id = None if name == browse.EVERY else data.labels.index(name)
    ids = browse.matching(view.key, data.ids if split == browse.EVERY else data.splits[split], class_id, sort)
if not ids:
    st.info(f"No {split} sample has {name}. Choose another class or split.")
    frame.end()
sample_id = state.get("sample", ids[0], data.ids)
item = cache.sample(view.key, sample_id)

# show
viewer(
    [photo(sample_id), truth(view, sample_id, "mask", "Mask"), truth(view, sample_id, "overlay", "Overlay")],
    {"image": encoded.photo(view.key, sample_id)},
    item.size,
    key="sample",
    smallest=300,
    on_step=lambda by: state.put("sample", ids[((ids.index(sample_id) if sample_id in ids else 0) + by) % len(ids)]),
)
pictures, facts = st.columns([3, 1], gap="large")
with pictures:
    browse.grid(view, ids, sample_id, item.size, overlay=overlay)
with facts:
    st.markdown(f"**{sample_id}**  \n:gray[{item.split} · {item.size[1]} × {item.size[0]}]")
    shares(data.labels, cache.classes_in(view.key, sample_id))

st.subheader("Health", anchor=False, help=health.HELP)
health.health(view)

st.subheader("Splits", anchor=False)
head = [Cell("split"), Cell("images", True), Cell("in the chosen runs, before → after augmentation", True)]
table(head, [[Cell(each), Cell(count, True), Cell(used, True)] for each, count, used in browse.split_table(view)])

st.subheader("Class balance", anchor=False)
counts = browse.balance(view, split)
if counts is not None:
    found = pd.DataFrame({"class": data.labels.names, "pixels": counts.pixels, "images": counts.images})
    pixels, images = st.columns(2, gap="large")
    chart = charts.balance(found, data.labels, value="pixels", title="pixels (log scale)", log=True)
    pixels.altair_chart(chart, key="pixels")
    chart = charts.balance(found, data.labels, value="images", title=f"images of {counts.total}", log=False)
    images.altair_chart(chart, key="images")
    st.caption(browse.balance_note(data.labels, counts))

st.subheader("Image sizes", anchor=False)
browse.size_chart(cache.sizes(view.key))
