"""What is here: one test image through every model, who leads, and what to do next."""

import streamlit as st

from segcore.errors import SegcoreError
from segcore.paths import program
from segcore.ui.home.best_runs import best_runs_table
from segcore.ui.home.opening_sentence import opening_sentence
from segcore.ui.predictions.panels import min_panel_width, preview_panels
from segcore.ui.shell import dataset_cache, image_cache, notices, page
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.widgets.headings import page_heading, scores_heading
from segcore.ui.widgets.viewer import viewer

context = page.start()
if context.dataset is None:
    page_heading("Segcore")
    notices.missing_dataset(context)
else:
    # load
    split = context.default_split
    try:
        sample_id, panels = preview_panels(context, split)
        photos = {"image": image_cache.photo(context.key, sample_id)}
        size = dataset_cache.sample(context.key, sample_id).size
        problem = ""
    except SegcoreError as error:  # one file that can't be read; the page has more to tell
        problem = str(error)

    # show
    if problem:
        page_heading("Segcore")
        st.error(escape_markdown(problem), icon=":material/error:")
    else:
        page_heading("Segcore", escape_markdown(opening_sentence(context, split, sample_id)))
        viewer(panels, photos, size, key="hero", smallest=min_panel_width(len(panels)), labels=context.dataset.labels)
    notices.other_data(context)
    if context.fitting:
        scores_heading("Leaderboard")
        notices.leak_note(context.fitting, split)
        best_runs_table(context, split)

    st.space("small")
    look, compare, train = st.columns(3, gap="medium")
    with look.container(border=True, height="stretch"):
        st.markdown("**Look at the data**")
        images, classes = len(context.dataset), context.dataset.labels.classes
        st.caption(f"{images} images in {classes} classes: browse, filter, count, augment.")
        st.page_link("pages/dataset.py", label="Dataset", icon=":material/arrow_forward:")
        st.page_link("pages/augment.py", label="Augment", icon=":material/arrow_forward:")
    with compare.container(border=True, height="stretch"):
        st.markdown("**Compare the models**")
        st.caption("Image by image, class by class, quality against cost, and on a picture of yours.")
        for names in (("predictions", "compare"), ("errors", "try_it")):
            with st.container(horizontal=True):
                for name in names:
                    label = name.replace("_", " ").capitalize()
                    st.page_link(f"pages/{name}.py", label=label, icon=":material/arrow_forward:", width=130)
    with train.container(border=True, height="stretch"):
        if context.runs:
            st.markdown("**Train on yours**")
            st.caption("A folder or a zip of images and masks; the layout is recognised.")
            code_block(f"{program('python')} train.py --data PATH")
        else:
            st.markdown("**Train the first models**")
            st.caption("Four architectures on this dataset; they appear here as soon as they have a first epoch.")
            code_block(notices.train_command(context))
