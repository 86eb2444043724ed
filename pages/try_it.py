"""Runs the chosen models on an uploaded image."""

import streamlit as st

from segcore.errors import UntrustedCode
from segcore.ui.predictions.panels import min_panel_width
from segcore.ui.shell import notices, page, url_state
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.run_menu import other_datasets
from segcore.ui.try_it import answer_panels, entropy_notes, examples, model_answers, upload_form
from segcore.ui.widgets.choices import choose
from segcore.ui.widgets.headings import page_heading
from segcore.ui.widgets.viewer import viewer
from segcore.visual import encode_jpeg

context = page.start()
page_heading("Try it", "Your own image through every chosen model. It stays on the machine that serves this page.")
if notices.missing_runs(context, "what they predict for your image"):
    page.end()

# choose
others = other_datasets(context.runs, [run.id for run in context.chosen])
if others:
    with st.container(horizontal=True):
        for name, ids in others.items():
            label = f"Models of {escape_markdown(name)}"
            st.button(label, icon=":material/swap_horiz:", on_click=url_state.put, args=("runs", ids))
file = upload_form.upload_form()
if file is None:
    st.caption("A photo, a video frame or a screenshot of any size; it is resized as in training. Or an example:")
    file = examples.chosen_example()
if file is None:
    page.end()
sample = upload_form.read_image(file, context.chosen[0].labels)
if sample is None:
    page.end()
with st.container(horizontal=True, vertical_alignment="center"):
    mode = choose("View", "look", answer_panels.VIEWS)
    st.space("stretch")
    download = st.container(width="content")

# load
answers = model_answers.predict_all(context.chosen, file, sample)
panels = answer_panels.answer_panels(context, answers, mode)
readings, labels = answer_panels.answer_readings(context, answers)
notes = entropy_notes.compare_entropy(answers)

# show
for answer in answers:
    if isinstance(answer.error, UntrustedCode):
        notices.untrusted_code(answer.error)
entropy_notes.warn_if_unfamiliar(context, notes)
min_width = min_panel_width(len(panels))
viewer(
    panels,
    {"image": encode_jpeg(sample.image)},
    sample.size,
    key="tried",
    slider=mode == "overlay",
    smallest=min(250, min_width) if len(answers) > 3 else min_width,
    lead=len(panels) - len(answers),
    readings=readings,
    labels=labels,
)
entropy_notes.explain_entropy(context, notes)
if readings:
    download.download_button(
        "Masks",
        model_answers.masks_zip(file, answers),
        f"{sample.id}-masks.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
