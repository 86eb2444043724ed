"""What a run is, one click from its name on any page: its model with a diagram, how it began, its settings."""

from __future__ import annotations

import base64

import streamlit as st

from segcore.errors import SegcoreError, UntrustedCode
from segcore.models import MODELS
from segcore.models.description import ModelDescription
from segcore.runs import RunRecord
from segcore.runs.settings import flat_settings
from segcore.runs.summary import Imported, InitInfo
from segcore.ui.run_details.name_and_note import may_write, name_and_note
from segcore.ui.shell import notices, url_state
from segcore.ui.shell.app_context import AppContext
from segcore.ui.shell.code_block import code_block
from segcore.ui.shell.markdown import escape_markdown
from segcore.ui.shell.page_style import is_dark
from segcore.ui.shell.run_cache import HASH_FUNCS
from segcore.ui.widgets.table import Cell, table
from segcore.visual.model_diagram import model_diagram


def run_dialog(context: AppContext) -> None:
    """Open the dialog on the run that the link names as `about`, if it names one."""
    runs = {run.id: run for run in context.runs}
    about = url_state.get("about", "", ["", *runs])
    if about:
        title = escape_markdown(context.titles[about])
        st.dialog(title, width="large", on_dismiss=lambda: url_state.put("about", ""))(_draw)(runs[about])


def _draw(run: RunRecord) -> None:
    info = run.summary
    classes = f"{run.labels.classes} classes of {info.dataset.name}"
    st.caption(escape_markdown(f"{run.id} · {info.status} · {info.created[:10]} · {classes}"))
    if run.stopped:
        st.caption(f":orange[:material/warning:] {escape_markdown(run.stopped)}")
    if run.note:
        st.markdown(escape_markdown(run.note))
    tabs = ["Model", "Settings", *(["Name and note"] if may_write(run) else [])]
    model, settings, *editing = st.tabs(tabs)
    with settings:
        _settings(run)
    for tab in editing:
        with tab:
            name_and_note(run)
    with model:
        _model(run)


def _model(run: RunRecord) -> None:
    """The model, or what the run has in place of one."""
    info = run.summary
    if info.imported is not None and info.imported.file is not None:
        _imported_model(run, info.imported)
        return
    if info.imported is not None:
        st.markdown(
            f"Its predictions were made elsewhere and imported from {escape_markdown(info.imported.source)}. "
            "There is no model here: no architecture, no weights and no training."
        )
        return
    if info.members:
        names = "".join(f"\n- {escape_markdown(f'{member.id} ({member.model})')}" for member in info.members)
        how = (
            "whose members vote on the class of each pixel, since not all of them give probabilities"
            if info.by_vote
            else "which averages the probabilities of its members"
        )
        st.markdown(f"An ensemble, {how}. It has no model of its own:{names}")
        return
    if info.init is not None:
        _start(info.init)
    spec = MODELS.get(info.model)
    if spec is not None:
        st.markdown(escape_markdown(spec.summary))
    try:
        with st.spinner("Building the model"):
            description = _described(run)
    except UntrustedCode as error:
        notices.untrusted_code(error)
        return
    except SegcoreError as error:
        st.info(escape_markdown(f"No diagram: {error}"))
        return
    _description(run, description)


def _imported_model(run: RunRecord, imported: Imported) -> None:
    """How the model in a file is fed, and what it gives."""
    st.markdown(
        f"Its model was imported from {escape_markdown(imported.source)} and is for prediction only: what it is built "
        "of and how it was trained is not known here."
    )
    try:
        description = run.config.get("description", {})
    except SegcoreError as error:
        st.info(escape_markdown(str(error)))
        return
    facts = {"file": imported.file, **description}
    rows = [[Cell(str(name)), Cell(_words(value))] for name, value in facts.items() if value is not None]
    table([], rows)


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _start(init: InitInfo) -> None:
    """What the training began with."""
    st.markdown(
        escape_markdown(f"Started from {init.source}: {init.taken} of {init.tensors} tensors taken.")
        + (f" Classes by name: {escape_markdown(', '.join(init.classes))}." if init.classes else "")
        + (f" Fresh: {escape_markdown(', '.join(init.fresh))}." if init.fresh else "")
    )
    if init.not_taken:
        with st.expander(f"{len(init.not_taken)} tensors that began fresh"):
            st.text("\n".join(init.not_taken))


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def _described(run: RunRecord) -> ModelDescription:
    """Build the run's model and describe it: seconds, most of them for importing torch the first time."""
    from segcore.evaluation.describe_run import describe_run

    return describe_run(run)


def _description(run: RunRecord, model: ModelDescription) -> None:
    table([], [[Cell(name), Cell(value)] for name, value in model.facts.items() if value])
    svg = model_diagram(model, dark=is_dark())
    encoded = base64.b64encode(svg.encode()).decode()
    words = f"Diagram of {run.title}: {len(model.stages)} stages. The table below says what each reads."
    st.html(
        f'<div class="sc-scroll"><img class="sc-diagram" src="data:image/svg+xml;base64,{encoded}" alt="{words}"></div>'
    )
    st.caption(
        "Left: the encoder, from the image down. Beside it the decoder, each box in the row of its output's stride. "
        "Dashed arrows: features of the encoder that the decoder reads."
    )
    st.download_button(
        "SVG",
        lambda: model_diagram(model),
        f"{run.id}.svg",
        "image/svg+xml",
        icon=":material/download:",
        on_click="ignore",
        type="tertiary",
    )
    with st.expander("Stages"):
        head = [Cell("stage"), Cell("kind"), Cell("output", True), Cell("parameters", True), Cell("reads")]
        rows = [
            [
                Cell(stage.name),
                Cell(stage.kind),
                Cell(stage.size, True),
                Cell(f"{stage.parameters:,}" if stage.parameters else "", True),
                Cell(", ".join(stage.inputs)),
            ]
            for stage in model.stages
        ]
        table(head, rows)


def _settings(run: RunRecord) -> None:
    """Every setting of its training, the command, and the versions of the packages."""
    try:
        settings = flat_settings(run)
    except SegcoreError as error:
        st.info(escape_markdown(str(error)))
        return
    if run.summary.command:
        code_block(run.summary.command)
    if versions := run.summary.versions:
        words = ", ".join(f"{name} {version}" for name, version in versions.items())
        st.caption(escape_markdown(f"Made with {words}."))
    table([Cell("setting"), Cell("value")], [[Cell(name), Cell(value)] for name, value in settings.items()])
